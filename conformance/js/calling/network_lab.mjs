// Where hard networks are tried: the network, the server, and two people with a browser each.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

import { chromium } from "./browsers.mjs";
import { IPV4, IPV6, startNetwork } from "./network.mjs";
import { writeCamera } from "./network_camera.mjs";
import { describe, seconds } from "./network_figures.mjs";
import { newGroup, newName, Person } from "./people.mjs";
import { startSamples } from "./samples.mjs";
import { PITCHES_HZ } from "./tones.mjs";

// The ports of production: a firewall of the trials lets only the first through.
export const HTTPS_PORT = 443;
const MEDIA_PORT = 10_000;
const RELAY_PORT = 3_478;
// What the pages and the SDKs have in their URLs. Behind a link of IPv6 it is a name like any other: the official SDK
// of the trusted service takes no IPv6 address in a URL.
const PUBLIC_ADDRESS = IPV4.server;
/** Large enough for two layers, so that what is narrowed can become smaller. */
export const CAMERA = { width: 640, height: 360 };

/** The network, the server, and two people in a call; a trial leaves them as it found them, or they begin anew. */
export class Lab {
  /** `family` has the addresses, `openInside` starts the browser behind the link. */
  static async start(context, { family = IPV4, openInside = chromium } = {}) {
    const lab = new Lab();
    Object.assign(lab, { context, family, openInside });
    lab.network = await startNetwork(context, family);
    lab.folder = await mkdtemp(join(tmpdir(), "trunkline-network-"));
    lab.running = await lab.startServer();
    context.after(async () => {
      await lab.running.stop();
      await rm(lab.folder, { recursive: true, force: true });
    });
    lab.key = await keyOf(PUBLIC_ADDRESS, HTTPS_PORT);
    return lab;
  }

  startServer() {
    const settings = [
      `http.port=${HTTPS_PORT}`,
      `http.addresses=${[...new Set(["127.0.0.1", PUBLIC_ADDRESS, this.family.server])].join()}`,
      `public_url=https://${PUBLIC_ADDRESS}`,
      `media.port=${MEDIA_PORT}`,
      `media.addresses=${this.family.server}`,
      `relay.port=${RELAY_PORT}`,
    ];
    return startSamples({ folder: this.folder, settings });
  }

  async restartServer() {
    await this.running.kill();
    this.running = await this.startServer();
  }

  /** A part of the test, which begins with a call and a network like a cable. */
  async trial(name, body) {
    await this.context.test(name, async () => {
      console.log(`network | ${name}`);
      await this.network.becomes();
      if (!this.inside) await this.open();
      if (!this.isTalking) await this.meet();
      this.isTalking = false;
      await body({ network: this.network, inside: this.inside, outside: this.outside, both: this.both });
      this.isTalking = true;
    });
  }

  get both() {
    return [this.inside, this.outside];
  }

  /** Opens both browsers. */
  async open() {
    const home = this.running.server;
    // The browser has no store of authorities that a test could add to. Its driver lets pages through all the same, but
    // not relays.
    const camera = await writeCamera(this.folder, CAMERA);
    const flags = [
      `--use-file-for-fake-video-capture=${camera}`,
      `--ignore-certificate-errors-spki-list=${this.key}`,
    ];
    if (this.family === IPV6) flags.push(`--host-resolver-rules=MAP ${PUBLIC_ADDRESS} [${this.family.server}]`);
    const [inside, outside] = await Promise.all([
      this.openInside(this.context, { hertz: PITCHES_HZ[0], flags, before: this.network.behind }),
      chromium(this.context, { hertz: PITCHES_HZ[1], flags }),
    ]);
    await Promise.all([inside, outside].map((page) => signsInHere(page, home)));
    this.inside = new Person(inside, PITCHES_HZ[0], newName("inside"), home);
    this.outside = new Person(outside, PITCHES_HZ[1], newName("outside"), home);
  }

  /** Both join a new call and talk. */
  async meet() {
    const group = newGroup();
    const start = performance.now();
    await Promise.all(
      this.both.map(async (each) => {
        await each.opens({ group }, CAMERA);
        await each.enters({ microphone: true });
        await each.isInCall();
      }),
    );
    await this.talk();
    this.say(`from the page's address to talking: ${seconds(performance.now() - start)}`);
  }

  async talk() {
    const { inside, outside } = this;
    for (const [each, other] of [[inside, outside], [outside, inside]]) {
      await each.seesInCall(other);
      await each.decodes(1);
      // Only one of the browsers has a loudspeaker here to listen at; the other measures what arrives.
      await (each === inside && this.openInside !== chromium ? each.page.receivesSound() : each.hears(other));
    }
  }

  say(words) {
    console.log(`network |   ${words}`);
  }

  tell(person, figures) {
    this.say(`${this.placeOf(person)}: ${describe(figures)}`);
  }

  placeOf(person) {
    return person === this.inside ? "behind the link" : "outside";
  }
}

/** The digest by which a browser is told to trust a server's key. */
async function keyOf(host, port) {
  const socket = connect({ host, port, rejectUnauthorized: false });
  await new Promise((settle, fail) => socket.once("secureConnect", settle).once("error", fail));
  const { publicKey } = socket.getPeerX509Certificate();
  socket.destroy();
  return createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("base64");
}

/**
 * Brings a page's requests to the samples' trusted service from here: it asks for no password and therefore answers on
 * the server's machine only.
 */
async function signsInHere(page, home) {
  await page.tab.setRequestInterception(true);
  const handle = async (request) =>
    request.url().includes("/samples/trusted-service/") ? request.respond(await ask(home, request)) : request.continue();
  // The page is told; one that is gone needs to hear nothing.
  page.tab.on("request", (request) => handle(request).catch(() => request.abort().catch(() => {})));
}

/** The answer to a request of a page's. */
async function ask(home, asked) {
  const content = await asked.fetchPostData();
  const { host, pathname } = new URL(asked.url());
  const headers = { ...asked.headers(), host };
  const options = { host: "127.0.0.1", port: HTTPS_PORT, ca: readFileSync(home.caFile), agent: false };
  return new Promise((settle, fail) => {
    const asking = request({ ...options, method: asked.method(), path: pathname, headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => {
        const body = Buffer.concat(parts);
        settle({ status: answer.statusCode, contentType: "application/json", body });
      });
    });
    asking.on("error", fail);
    asking.end(content);
  });
}
