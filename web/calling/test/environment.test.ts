/** What the library asks before anything else. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { readUserAgent } from "../src/features/environment.js";
import { CallClient, Features } from "../src/index.js";
import { openPage } from "./fakes/browser.js";

const AGENTS: [agent: string, platform: string, browser: string, version: string][] = [
  ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36", "linux", "chrome", "156.0.0.0"],
  ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0", "windows", "edge", "150.0.0.0"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "linux", "firefox", "153.0"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Safari/605.1.15", "mac", "safari", "18.2"],
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 Mobile/15E148 Safari/604.1", "ios", "safari", "18.2"],
  ["Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36", "android", "chrome", "150.0.0.0"],
  ["something else", "unknown", "unknown", ""],
];

for (const [agent, platform, browser, browserVersion] of AGENTS) {
  test(`${browser} on ${platform} is known`, () => {
    assert.deepEqual(readUserAgent(agent), { platform, browser, browserVersion });
  });
}

test("a page with WebRTC is supported", async () => {
  openPage();
  const info = await new CallClient().feature(Features.DebugInfo).getEnvironmentInfo();
  assert.equal(info.isSupportedEnvironment, true);
  assert.equal(info.environment.browser, "chrome");
});

test("a page without cameras, such as one without https, is not supported and no error", async () => {
  openPage();
  Object.assign(navigator, { mediaDevices: undefined });
  const info = await new CallClient().feature(Features.DebugInfo).getEnvironmentInfo();
  assert.equal(info.isSupportedEnvironment, false);
});

test("the functions survive being spread", async () => {
  openPage();
  const spread = { ...new CallClient().feature(Features.DebugInfo) };
  assert.equal((await spread.getEnvironmentInfo()).isSupportedBrowser, true);
});
