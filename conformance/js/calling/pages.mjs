// A page in a browser: what it says, what it shows, and waiting for both.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

// What is waited for takes a second or two; with other browsers on the machine it may take much longer.
const DEADLINE_MS = 60_000;
const LOOK_MS = 50;
// So many further frames show that a stream goes on and is not only a late picture.
const FRAMES = 10;
// A part of the UI library tries whether it may make functions, and does without; Firefox tells of that.
const TRIED = /Content-Security-Policy: .* blocked a JavaScript eval/;
const PAGES = fileURLToPath(new URL("page/", import.meta.url));

/** A tab, with what it complained of and the connections its scripts made. */
export class Page {
  /** Errors and warnings of the console, exceptions and dialogs, oldest first. */
  complaints = [];

  constructor(tab) {
    this.tab = tab;
    tab.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    tab.on("pageerror", (error) => {
      if (!TRIED.test(error.message)) this.complaints.push(`exception: ${error.stack ?? error}`);
    });
    // One that nobody closes stops its page.
    tab.on("dialog", (dialog) => {
      this.complaints.push(`dialog: ${dialog.message()}`);
      dialog.accept().catch(() => undefined);
    });
  }

  /** Opens an address. `camera` is the size its cameras have, whatever size is asked of them. */
  async open(address, { camera } = {}) {
    await this.tab.evaluateOnNewDocument(watchConnections);
    if (camera) await this.tab.evaluateOnNewDocument(limitCamera, camera);
    await this.tab.goto(address, { waitUntil: "domcontentloaded" });
  }

  /** Runs a function in the page and gives what it answers. */
  evaluate(body, ...words) {
    return this.tab.evaluate(body, ...words);
  }

  /** Waits until a function, which runs in the page, answers something true, and gives that. */
  async until(what, body, word, deadlineMs = DEADLINE_MS) {
    const deadline = performance.now() + deadlineMs;
    let failure = "";
    for (;;) {
      // While the next page comes there is nothing to look at.
      const value = await this.tab.evaluate(body, word).catch((error) => void (failure = ` (${error.message})`));
      if (value) return value;
      if (performance.now() > deadline) throw new Error(`waited in vain: ${what}${failure}\n${await this.describe()}`);
      await wait(LOOK_MS);
    }
  }

  /** Presses what a place finds, once it stands still and nothing covers it; see `findPoint`. */
  async press(place) {
    let before = "";
    const stands = (point) => point && before === (before = point.join());
    const [x, y] = await this.#look(`${place} can be pressed`, async () => {
      const point = await this.evaluate(findPoint, place).catch(() => undefined);
      return stands(point) && point;
    });
    await this.tab.mouse.click(x, y);
  }

  /** Writes into what a place finds. */
  async type(place, text) {
    await this.press(place);
    await this.tab.keyboard.type(text);
  }

  /** Waits until a text can be seen. */
  sees(text) {
    return this.until(`"${text}" is seen`, (words) => document.body.innerText.includes(words), text);
  }

  /** Waits until a text is not to be seen. */
  noLongerSees(text) {
    return this.until(`"${text}" is gone`, (words) => !document.body.innerText.includes(words), text);
  }

  /** Every stream that arrives, by `mid`: counters of the browser's own statistics. */
  arriving(kind) {
    return this.evaluate(statisticsOf, kind);
  }

  /** Waits until as many pictures of others as `count` go on: new frames are decoded of each. */
  async decodes(count) {
    const before = await this.evaluate(statisticsOf, "video");
    const goOn = async () => {
      const after = await this.evaluate(statisticsOf, "video");
      const moving = Object.keys(after).filter((mid) => after[mid].frames >= (before[mid]?.frames ?? 0) + FRAMES);
      return moving.length >= count && moving;
    };
    return this.#look(`${count} pictures go on`, goOn);
  }

  /** Waits until the sound of somebody's microphone arrives with something in it. */
  async receivesSound() {
    const before = await this.evaluate(statisticsOf, "audio");
    return this.#look("sound arrives", async () => {
      const after = await this.evaluate(statisticsOf, "audio");
      return Object.keys(after).some((mid) => after[mid].energy > (before[mid]?.energy ?? 0) + 0.001);
    });
  }

  async #look(what, condition) {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const value = await condition();
      if (value) return value;
      if (performance.now() > deadline) throw new Error(`waited in vain: ${what}\n${await this.describe()}`);
      await wait(LOOK_MS);
    }
  }

  /** What a failure's message tells: the page's words, its complaints, its streams. */
  async describe() {
    const text = await this.tab.evaluate(() => document.body.innerText).catch((error) => String(error));
    const streams = await this.evaluate(statisticsOf, "").catch((error) => String(error));
    const said = await this.evaluate(() => (window.said ?? []).join("\n")).catch((error) => String(error));
    const parts = { page: text, console: this.complaints.join("\n"), streams: JSON.stringify(streams), said };
    const sections = Object.entries(parts).map(([name, part]) => `--- ${name} ---\n${part}`);
    return [this.tab.url(), ...sections].join("\n");
  }

  /** Fails when the console has complained of anything. */
  assertQuiet() {
    assert.deepEqual(this.complaints, []);
  }
}

/**
 * Serves the pages of this folder on `localhost`, which browsers take for secure; gives the origin. `scripts` are files
 * from elsewhere, by the names the pages have for them.
 */
export async function servePages(context, scripts = {}) {
  const listener = createServer(async (request, response) => {
    const name = new URL(request.url, "http://localhost").pathname.slice(1) || "blank.html";
    const content = await readFile(scripts[name] ?? join(PAGES, name)).catch(() => undefined);
    const type = name.endsWith(".js") ? "text/javascript" : "text/html";
    response.writeHead(content ? 200 : 404, { "content-type": `${type}; charset=utf-8` }).end(content);
  });
  await new Promise((settle) => listener.listen(0, "127.0.0.1", settle));
  context.after(() => {
    listener.closeAllConnections();
    return new Promise((settle) => listener.close(settle));
  });
  return `http://localhost:${listener.address().port}`;
}

/** Runs in the page before its scripts: remembers the connections they make, and what was said about calls lately. */
function watchConnections() {
  if (window.witnessed) return;
  const SAID_MAX = 40;
  const SHOWN_CHARACTERS = 300;
  window.witnessed = [];
  window.said = [];
  const note = (way, text) => {
    if (typeof text !== "string" || !/"t":"(call|leg|media|participants|ring|bye)/.test(text)) return;
    const shown = text.replace(/"(sdp|token|legToken)":"[^"]*"/g, '"$1":"…"').slice(0, SHOWN_CHARACTERS);
    window.said.push(`${Math.round(performance.now())} ms ${way} ${shown}`);
    if (window.said.length > SAID_MAX) window.said.shift();
  };
  window.WebSocket = new Proxy(window.WebSocket, {
    construct(target, words, made) {
      const socket = Reflect.construct(target, words, made);
      socket.addEventListener("message", ({ data }) => note("<-", data));
      const send = socket.send.bind(socket);
      socket.send = (text) => {
        note("->", text);
        send(text);
      };
      return socket;
    },
  });
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(target, words, made) {
      const connection = Reflect.construct(target, words, made);
      window.witnessed.push(connection);
      return connection;
    },
  });
}

/** Runs in the page before its scripts: gives cameras of one size. */
function limitCamera({ width, height }) {
  const devices = navigator.mediaDevices;
  // Only secure pages have them, which the empty one at the start is not.
  if (!devices) return;
  const ask = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wish) => {
    if (!wish?.video) return ask(wish);
    const video = typeof wish.video === "object" ? wish.video : {};
    return ask({ ...wish, video: { ...video, width, height } });
  };
}

/**
 * Runs in the page: the middle of what a place finds, when a mouse reaches it there. A place is a CSS selector, or an
 * XPath that begins with `//`. (The browser tool's own search makes functions from text, which the page's policy
 * forbids and Firefox complains of.)
 */
function findPoint(place) {
  const found = place.startsWith("//")
    ? document.evaluate(place, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue
    : document.querySelector(place);
  if (!found || found.disabled || found.getAttribute("aria-disabled") === "true") return undefined;
  found.scrollIntoView({ block: "nearest" });
  const { x, y, width, height } = found.getBoundingClientRect();
  const point = [x + width / 2, y + height / 2];
  return width > 0 && height > 0 && found.contains(document.elementFromPoint(...point)) ? point : undefined;
}

/** Runs in the page: the arriving streams of its open connections, by `mid`, of one kind or, with "", of all. */
async function statisticsOf(kind) {
  const found = {};
  for (const connection of window.witnessed ?? []) {
    if (connection.connectionState === "closed") continue;
    for (const one of (await connection.getStats()).values()) {
      if (one.type !== "inbound-rtp" || (kind !== "" && one.kind !== kind)) continue;
      const { framesDecoded: frames = 0, frameWidth: width, totalAudioEnergy: energy = 0, packetsReceived: packets } = one;
      found[one.mid] = { kind: one.kind, frames, width, energy, packets };
    }
  }
  return found;
}
