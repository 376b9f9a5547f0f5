// Where hard networks are tried: the network, the server, and two people with a browser each.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

import { chromium } from "./browsers.mjs";
import { SERVER_ADDRESS, startNetwork } from "./network.mjs";
import { writeCamera } from "./network_camera.mjs";
import { describe, seconds } from "./network_figures.mjs";
import { newGroup, newName, Person } from "./people.mjs";
import { startSamples } from "./samples.mjs";
import { PITCHES_HZ } from "./tones.mjs";

// The ports of production: a firewall of the trials lets only the first through.
export const HTTPS_PORT = 443;
const MEDIA_PORT = 10_000;
const RELAY_PORT = 3_478;
/** Large enough for two layers, so that what is narrowed can become smaller. */
export const CAMERA = { width: 640, height: 360 };

/** The network, the server, and two people in a call; a trial leaves them as it found them, or they begin anew. */
export class Lab {
  static async start(context) {
    const lab = new Lab();
    lab.context = context;
    lab.network = await startNetwork(context);
    lab.folder = await mkdtemp(join(tmpdir(), "trunkline-network-"));
    lab.running = await lab.startServer();
    context.after(async () => {
      await lab.running.stop();
      await rm(lab.folder, { recursive: true, force: true });
    });
    lab.key = await keyOf(SERVER_ADDRESS, HTTPS_PORT);
    return lab;
  }

  startServer() {
    const settings = [
      `http.port=${HTTPS_PORT}`,
      `http.addresses=127.0.0.1,${SERVER_ADDRESS}`,
      `public_url=https://${SERVER_ADDRESS}`,
      `media.port=${MEDIA_PORT}`,
      `media.addresses=${SERVER_ADDRESS}`,
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
    const flags = [`--use-file-for-fake-video-capture=${camera}`, `--ignore-certificate-errors-spki-list=${this.key}`];
    const [inside, outside] = await Promise.all([
      chromium(this.context, { hertz: PITCHES_HZ[0], flags, before: this.network.behind }),
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
      await each.hears(other);
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
  const devtools = await page.tab.createCDPSession();
  const responseHeaders = [{ name: "content-type", value: "application/json" }];
  const answer = async ({ requestId, request: asked }) => {
    const { status, body } = await ask(home, asked);
    await devtools.send("Fetch.fulfillRequest", { requestId, responseCode: status, responseHeaders, body });
  };
  devtools.on("Fetch.requestPaused", (event) =>
    answer(event).catch(() =>
      // The page is told; one that is gone needs to hear nothing.
      devtools.send("Fetch.failRequest", { requestId: event.requestId, errorReason: "Failed" }).catch(() => {}),
    ),
  );
  await devtools.send("Fetch.enable", { patterns: [{ urlPattern: "*/samples/trusted-service/*" }] });
}

/** The answer to a request of a page's, its body in base64. */
function ask(home, { url, method, headers, postData }) {
  const options = { host: "127.0.0.1", port: HTTPS_PORT, ca: readFileSync(home.caFile), method, agent: false };
  return new Promise((settle, fail) => {
    const { pathname } = new URL(url);
    const asking = request({ ...options, path: pathname, headers: { ...headers, host: SERVER_ADDRESS } }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => settle({ status: answer.statusCode, body: Buffer.concat(parts).toString("base64") }));
    });
    asking.on("error", fail);
    asking.end(postData);
  });
}
