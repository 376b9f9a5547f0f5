// What the application hears when its channel breaks: all of it, once, whatever happens to servers and sockets.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { connect, ownServer, realTimeServer } from "./harness.mjs";
import { Front, Page, Watched, history, lastFirst, newDatabase, person, threadOf, withToken } from "./realtime.mjs";
import { freePort, startServer } from "./server.mjs";

const TRANSPORTS = [
  ["over WebSocket", { isWebSocketBlocked: false }],
  ["with WebSocket blocked", { isWebSocketBlocked: true }],
];
// Between two messages, and between two attempts to reach a server that is about to come back.
const PAUSE_MS = 20;
// So many messages take five seconds at least; what is acknowledged is kept for a crash every two.
const WELL_KEPT_AFTER = 250;
// A socket may move as slowly as it likes: it is waited for no longer than it takes. Polls stay until the server ends.
const MOVE_SLOWLY = "chat.move_s=45";
// More than the shortest token lives, less than one usually does.
const TWO_HOURS_SECONDS = 7_200;

/** A folder for a server that is started more than once. */
async function folderFor(context) {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-conformance-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Sends numbered messages one after the other until told to stop or the test ends, whatever happens to the server. */
class Chatter extends Watched {
  sent = 0;
  #isOver = false;
  #lastFailure = "none";
  #done;

  constructor(context, thread) {
    super();
    context.after(() => {
      this.#isOver = true;
    });
    this.#done = this.#run(thread);
  }

  async #run(thread) {
    while (!this.#isOver) {
      try {
        await thread.sendMessage({ content: `message ${this.sent}` });
        this.sent += 1;
        this.changed();
      } catch (failure) {
        this.#lastFailure = String(failure);
      }
      await wait(PAUSE_MS);
    }
  }

  /** Until `count` more messages are written. */
  more(count) {
    const goal = this.sent + count;
    return this.until(() => this.sent >= goal, () => `${goal} messages sent; the last failure: ${this.#lastFailure}`);
  }

  /** Ends with a last message, whose text it returns. */
  async finish(thread) {
    this.#isOver = true;
    await this.#done;
    await thread.sendMessage({ content: "the last one" });
    return "the last one";
  }
}

/** What a client was told must be the thread's own list, whole and in order. */
async function assertSameAsHistory(thread, messages) {
  const written = await history(thread);
  assert.deepEqual(messages.map(({ message }) => message), written.map(({ content }) => content.message));
}

/** What a client was told without what came again, which must be the same to the letter. */
function withoutRepeats(hearing) {
  const messages = hearing.of("chatMessageReceived");
  const find = (message) => messages.find(({ id }) => id === message.id);
  for (const message of messages) assert.deepEqual(message, find(message), "what comes twice is the same");
  return messages.filter((message) => message === find(message));
}

/** The messages a client was told, after a server was stopped in good order: nothing may have come twice. */
function toldOnce(hearing, { isWebSocketBlocked }) {
  // A poll's answer is acknowledged by a request of its own, which may find the server gone.
  return isWebSocketBlocked ? withoutRepeats(hearing) : hearing.of("chatMessageReceived");
}

for (const [transport, options] of TRANSPORTS) {
  test(`nothing is lost when a server is restarted, ${transport}`, async (testContext) => {
    const context = lastFirst(testContext);
    const [folder, port] = [await folderFor(context), await freePort()];
    const start = () => startServer({ folder, settings: [`http.port=${port}`] });
    let running = await start();
    context.after(() => running.stop());
    const [alice, bob] = [await person(running.server), await person(running.server)];
    const page = await Page.open(context, running.server, options);
    const hearing = await page.client(bob);
    const thread = await threadOf(alice, [bob]);
    const chatter = new Chatter(context, thread);
    await chatter.more(10);
    await running.stop();
    running = await start();
    await chatter.more(10);
    await hearing.connections(2);
    await hearing.heardText(await chatter.finish(thread));
    await assertSameAsHistory(thread, toldOnce(hearing, options));
  });
}

test("after a crash nothing is missing, and only the newest may come twice", async (testContext) => {
  const context = lastFirst(testContext);
  const [folder, port] = [await folderFor(context), await freePort()];
  const start = () => startServer({ folder, settings: [`http.port=${port}`] });
  let running = await start();
  context.after(() => running.stop());
  const [alice, bob] = [await person(running.server), await person(running.server)];
  const page = await Page.open(context, running.server);
  const hearing = await page.client(bob);
  const thread = await threadOf(alice, [bob]);
  const chatter = new Chatter(context, thread);
  await chatter.more(10);
  await hearing.heardText("message 9");
  const old = hearing.texts;
  await chatter.more(WELL_KEPT_AFTER);
  await running.kill();
  running = await start();
  await chatter.more(10);
  await hearing.heardText(await chatter.finish(thread));
  await assertSameAsHistory(thread, withoutRepeats(hearing));
  const again = hearing.texts.slice(old.length).filter((text) => old.includes(text));
  assert.deepEqual(again, [], "what was acknowledged long before comes once");
});

test("what happened while the socket was gone comes when it is back", async (context) => {
  const [alice, bob] = [await person(realTimeServer), await person(realTimeServer)];
  const page = await Page.open(context, realTimeServer);
  const hearing = await page.client(bob);
  const thread = await threadOf(alice, [bob]);
  const chatter = new Chatter(context, thread);
  for (let cuts = 1; cuts <= 5; cuts += 1) {
    await chatter.more(3);
    await page.order("cutSockets");
    await hearing.connections(cuts + 1);
  }
  await hearing.heardText(await chatter.finish(thread));
  await assertSameAsHistory(thread, hearing.of("chatMessageReceived"));
});

for (const [transport, options] of TRANSPORTS) {
  test(`clients move from a node that is stopped to the next and miss nothing, ${transport}`, async (testContext) => {
    const context = lastFirst(testContext);
    const [folders, database] = [[await folderFor(context), await folderFor(context)], await newDatabase(context)];
    const front = await Front.open(context);
    const start = async (index) => {
      const port = await freePort();
      const key = `vault.master_key_file=${join(folders[0], "master.key")}`;
      const settings = [
        `node.name=node${index}`, `http.port=${port}`, front.setting, `database.url=${database}`, key,
        "database.connections=4", ...(options.isWebSocketBlocked ? [] : [MOVE_SLOWLY]),
      ];
      return { port, ...(await startServer({ folder: folders[index], settings })) };
    };
    const first = await start(0);
    let isFirstStopped = false;
    context.after(() => isFirstStopped || first.stop());
    front.leadTo(first.port);
    // One authority, which the page trusts.
    const [authority, copy] = folders.map((folder) => join(folder, "data", "tls"));
    await cp(authority, copy, { recursive: true });
    const second = await start(1);
    context.after(second.stop);

    const [alice, bob] = [await person(first.server), await person(first.server)];
    const page = await Page.open(context, first.server, options);
    const hearing = await page.client(bob);
    const thread = await threadOf(alice, [bob]);
    const chatter = new Chatter(context, thread);
    await chatter.more(10);
    front.leadTo(second.port);
    isFirstStopped = true;
    await first.stop();
    await chatter.more(10);
    await hearing.connections(2);
    await hearing.heardText(await chatter.finish(thread));
    await assertSameAsHistory(thread, toldOnce(hearing, options));
  });
}

test("a token that ends is replaced by the next one", async (testContext) => {
  const context = lastFirst(testContext);
  const server = await ownServer(context);
  const [alice, bob] = [await person(server), await person(server)];
  const short = await connect(server).getToken(bob.user, ["chat"], { tokenExpiresInMinutes: 60 });
  const page = await Page.open(context, server);
  let asked = 0;
  const refresh = () => {
    asked += 1;
    return bob.token;
  };
  const hearing = await page.client(withToken(server, bob.user, short.token), { refresh });
  const thread = await threadOf(alice, [bob]);
  await thread.sendMessage({ content: "with the first token" });
  await hearing.heardText("with the first token");
  assert.equal(asked, 0);

  await page.order("moveClock", { seconds: TWO_HOURS_SECONDS });
  await server.advanceClock(TWO_HOURS_SECONDS);
  await hearing.connections(2);
  assert(asked >= 1, "the application was not asked for another token");
  await thread.sendMessage({ content: "with the second token" });
  await hearing.heardText("with the second token");
  assert.deepEqual(hearing.texts, ["with the first token", "with the second token"]);
});
