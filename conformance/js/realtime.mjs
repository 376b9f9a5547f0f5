// Realtime by the browser's build of the SDK, in a process beside the test; and what its tests share.

import assert from "node:assert/strict";
import { execFile, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { connect as connectSocket, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ChatClient } from "@azure/communication-chat";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { connect, trusting } from "./harness.mjs";

// What is waited for comes within a fraction of a second, after a restart within what the SDK waits between attempts,
// which is up to a minute; a machine with other work to do may take much longer.
const DEADLINE_MS = 240_000;
const run = promisify(execFile);
const WORKER = fileURLToPath(new URL("realtime_worker.mjs", import.meta.url));

/** A test's context whose `after` runs the last registered first, as what was started last must end first. */
export function lastFirst(context) {
  const steps = [];
  context.after(async () => {
    const failures = [];
    for (const step of steps.reverse()) await step().catch((failure) => failures.push(failure));
    if (failures.length > 0) throw failures[0];
  });
  return { after: (step) => steps.push(async () => step()) };
}

/** A user of a server with a token to chat, and an SDK client without realtime. */
export async function person(someServer) {
  const { user, token } = await connect(someServer).createUserAndToken(["chat"]);
  return withToken(someServer, user, token);
}

/** A user who speaks with that token. */
export function withToken(someServer, user, token) {
  const { endpoint } = someServer;
  const chat = new ChatClient(endpoint, new AzureCommunicationTokenCredential(token), trusting(someServer));
  return { user, token, endpoint, chat, kind: { kind: "communicationUser", ...user } };
}

/** Something that changes; `until` waits for a condition, which is looked at after each `changed()`. */
export class Watched {
  #waiting = new Set();

  changed() {
    for (const look of [...this.#waiting]) look();
  }

  until(condition, describe) {
    return new Promise((settle, fail) => {
      const giveUp = () => end(fail, new Error(`not seen in ${DEADLINE_MS} ms: ${describe()}`));
      const deadline = setTimeout(giveUp, DEADLINE_MS);
      const end = (finish, value) => {
        clearTimeout(deadline);
        this.#waiting.delete(look);
        finish(value);
      };
      const look = () => {
        const found = condition();
        if (found) end(settle, found);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** A page of an application with any number of chat clients in it. */
export class Page {
  #child;
  #answers = new Map();
  #clients = new Map();
  #orders = 0;

  /** Starts the process, which ends with the test that `context` belongs to. */
  static async open(context, someServer, { isWebSocketBlocked = false } = {}) {
    const page = new Page();
    const child = fork(WORKER, [JSON.stringify({ isWebSocketBlocked })], {
      execArgv: ["--conditions=browser", "--experimental-websocket", "--no-warnings"],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: someServer.caFile },
      serialization: "advanced",
    });
    page.#child = child;
    const ended = new Promise((settle) => child.once("exit", settle));
    context.after(async () => {
      if (child.connected) child.disconnect();
      await ended;
    });
    await new Promise((settle, fail) => {
      child.on("message", (message) => (message.isReady ? settle() : page.#hear(message)));
      child.once("error", fail);
      child.once("exit", (code) => page.#end(new Error(`the page ended with ${code}`), fail));
    });
    return page;
  }

  /** A started client of `someone`, once its channel is open; `refresh` gives its later tokens. */
  async client(someone, { refresh } = {}) {
    const name = `client${this.#clients.size}`;
    const client = new Client(this, name, refresh);
    this.#clients.set(name, client);
    const { endpoint, token } = someone;
    await this.order("open", { name, endpoint, token, isRefreshed: refresh !== undefined });
    await client.connections(1);
    return client;
  }

  /** Tells the process to do something. */
  order(order, words = {}) {
    const id = ++this.#orders;
    return new Promise((settle, fail) => {
      this.#answers.set(id, { settle, fail });
      this.#child.send({ id, order, ...words });
    });
  }

  /** How many WebSockets were made, and how many polls were sent. */
  used() {
    return this.order("used");
  }

  async #hear({ id, answer, error, wantsToken, name, event, payload }) {
    if (id !== undefined) {
      const { settle, fail } = this.#answers.get(id);
      this.#answers.delete(id);
      return error === undefined ? settle(answer) : fail(new Error(error));
    }
    if (wantsToken !== undefined) {
      const token = await this.#clients.get(wantsToken).refresh();
      return this.order("giveToken", { name: wantsToken, token });
    }
    this.#clients.get(name).hear(event, payload);
  }

  #end(error, failStart) {
    failStart(error);
    for (const { fail } of this.#answers.values()) fail(error);
  }
}

/** One ChatClient object: everything it has told its application, in order. */
class Client extends Watched {
  events = [];
  #page;
  #name;

  constructor(page, name, refresh) {
    super();
    this.#page = page;
    this.#name = name;
    this.refresh = refresh;
  }

  hear(event, payload) {
    this.events.push({ event, payload });
    this.changed();
  }

  /** Payloads of one kind of event. */
  of(event) {
    return this.events.filter((each) => each.event === event).map(({ payload }) => payload);
  }

  /** Everything but typing and the state of the connection: what comes in the order in which it was made. */
  get told() {
    const isInOrder = ({ event }) => !event.startsWith("realTime") && event !== "typingIndicatorReceived";
    return this.events.filter(isInOrder);
  }

  /** Waits until `count` events of a kind have come, and returns the last of them. */
  async heard(event, count = 1) {
    const isThere = () => this.of(event).length >= count;
    await this.until(isThere, () => `${count} ${event}; came: ${this.events.map((each) => each.event).join(", ")}`);
    return this.of(event)[count - 1];
  }

  /** Waits until a message with this text has come. */
  heardText(text) {
    const find = () => this.of("chatMessageReceived").find(({ message }) => message === text);
    return this.until(find, () => `the message ${text}; came: ${this.texts.join(", ")}`);
  }

  /** Waits until the channel has been opened that many times. */
  connections(count) {
    return this.heard("realTimeNotificationConnected", count);
  }

  /** The texts of all messages received. */
  get texts() {
    return this.of("chatMessageReceived").map(({ message }) => message);
  }

  /** Stops realtime, as an application does that is about to leave. */
  close() {
    return this.#page.order("close", { name: this.#name });
  }
}

/** An address that stays while the servers behind it come and go, as a balancer's does. */
export class Front {
  #listener;
  #target;
  #sockets = new Set();

  static async open(context) {
    const front = new Front();
    front.#listener = createServer((socket) => front.#pass(socket));
    await new Promise((settle) => front.#listener.listen(0, "127.0.0.1", settle));
    context.after(() => {
      front.#sockets.forEach((socket) => socket.destroy());
      front.#listener.close();
    });
    return front;
  }

  /** The setting that has a server say this address in its answers. */
  get setting() {
    return `public_url=https://localhost:${this.#listener.address().port}`;
  }

  /** Sends new connections to `port`; those that are open stay where they are. */
  leadTo(port) {
    this.#target = port;
  }

  #pass(socket) {
    const target = this.#target && connectSocket(this.#target, "127.0.0.1");
    if (!target) return socket.destroy();
    for (const [one, other] of [[socket, target], [target, socket]]) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

/** The address of a new PostgreSQL database, for servers that share one. */
export async function newDatabase(context) {
  const cluster = process.env.TRUNKLINE_TEST_POSTGRES;
  assert(cluster, "start tests with `cargo xtask test`, or point TRUNKLINE_TEST_POSTGRES at a PostgreSQL superuser");
  const name = `conformance_${randomUUID().replaceAll("-", "")}`;
  const ask = (statement) => run("psql", [cluster, "--quiet", "--command", statement], { timeout: DEADLINE_MS });
  await ask(`CREATE DATABASE ${name}`);
  context.after(() => ask(`DROP DATABASE ${name} WITH (FORCE)`));
  const address = new URL(cluster);
  address.pathname = name;
  return String(address);
}

/** The messages of a thread that people wrote, the oldest first. */
export async function history(thread) {
  const messages = [];
  for await (const message of thread.listMessages()) messages.push(message);
  const written = messages.filter(({ type }) => type === "text" || type === "html");
  return written.sort((one, other) => Number(one.sequenceId) - Number(other.sequenceId));
}

/** A thread that `owner` makes with `others` in it. */
export async function threadOf(owner, others, { topic = "A thread", ...further } = {}) {
  const options = { participants: others.map(({ user }) => ({ id: user })), ...further };
  const { chatThread, invalidParticipants } = await owner.chat.createChatThread({ topic }, options);
  assert.equal(invalidParticipants, undefined);
  return owner.chat.getChatThreadClient(chatThread.id);
}
