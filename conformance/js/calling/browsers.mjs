// Debian's Chromium and Firefox without a window, with a camera and a microphone that are made up.
//
// Every person of a test has a browser of his own: a pitch belongs to a process, not to a tab.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import puppeteer from "puppeteer-core";

import { freePort } from "../server.mjs";
import { bridge } from "./bridge.mjs";
import { Page } from "./pages.mjs";
import { writeTone } from "./tones.mjs";

const CHROMIUM = "/usr/bin/chromium";
const FIREFOX = "/usr/bin/firefox-esr";
// Several browsers encode and decode on two cores here; what is tested does not depend on the rate.
const FRAMES_PER_SECOND = 15;
const DESKTOP = { width: 1280, height: 800 };

/**
 * A Chromium that speaks with a pitch in Hz; `context` is a test's own, or has the same `after`.
 *
 * `flags` are further words of its command line, `before` the words that it is started by, such as `nsenter` and its
 * own: they may lead to a place that no connection from here reaches.
 */
export async function chromium(context, { hertz, flags = [], before = [], viewport = DESKTOP }) {
  const folder = await scratch();
  const tone = await writeTone(folder, hertz);
  return launch(context, folder, {
    executablePath: CHROMIUM,
    defaultViewport: viewport,
    ...(before.length > 0 ? { executablePath: await startedBy(folder, before, CHROMIUM), pipe: true } : {}),
    args: [
      // Tests run as root in containers, where neither the sandbox nor a large /dev/shm is to be had.
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--no-proxy-server",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // A page that nobody looks at is drawn as well, and its timers go on.
      "--disable-backgrounding-occluded-windows",
      "--disable-renderer-backgrounding",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-ui-for-media-stream",
      `--use-fake-device-for-media-stream=fps=${FRAMES_PER_SECOND},device-count=2,display-media-type=monitor`,
      `--use-file-for-fake-audio-capture=${tone}`,
      ...flags,
    ],
  });
}

/**
 * A Firefox that speaks with a pitch in Hz. Its sound is judged elsewhere: it has no loudspeaker here. `before` is as
 * for Chromium, in the network namespace of another process.
 */
export async function firefox(context, { hertz, before = [], viewport = DESKTOP }) {
  const folder = await scratch();
  const port = await freePort();
  // It is driven through a port only.
  const endBridge = before.length > 0 ? await bridge(folder, before, port) : undefined;
  const options = {
    browser: "firefox",
    executablePath: endBridge ? await startedBy(folder, before, FIREFOX) : FIREFOX,
    debuggingPort: port,
    defaultViewport: viewport,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      "media.navigator.audio.fake_frequency": hertz,
      "media.autoplay.default": 0,
      // Without another interface than the loopback one there would be no candidates.
      "media.peerconnection.ice.loopback": true,
      "network.proxy.type": 0,
      // As Chromium above: run as root in a container.
      "security.sandbox.content.level": 0,
      "media.cubeb.sandbox": false,
    },
  };
  return launch(context, folder, options, endBridge);
}

/** Starts a browser with its profile in a folder; when the test is over both go, the browser first, then the rest. */
async function launch(context, folder, options, endRest) {
  let browser;
  context.after(async () => {
    await browser?.close();
    endRest?.();
    // Parts of a browser that has just ended may still be writing.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });
  if (!existsSync(options.executablePath)) {
    throw new Error(`${options.executablePath} is missing: \`cargo xtask setup\` installs what the tests need`);
  }
  const userDataDir = join(folder, "profile");
  // The browser has no store of authorities that a test could add to.
  browser = await puppeteer.launch({ headless: true, acceptInsecureCerts: true, userDataDir, ...options });
  const [first] = await browser.pages();
  return new Page(first ?? (await browser.newPage()));
}

/** Writes a program that starts a browser by other words. */
async function startedBy(folder, before, browser) {
  const program = join(folder, "browser");
  const words = [...before, browser].map((word) => `'${word}'`).join(" ");
  await writeFile(program, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return program;
}

const scratch = () => mkdtemp(join(tmpdir(), "trunkline-browser-"));
