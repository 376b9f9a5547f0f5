// ChatThread_ListChatMessages: `listMessages`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, contents, missing, pagesOf, pair, people, person, systemMessages } from "./chat.mjs";
import { expectError, ownServer } from "./harness.mjs";

/** Sends `count` numbers and returns the ids. */
async function send(thread, count) {
  const ids = [];
  for (let number = 0; number < count; number += 1) ids.push((await thread.sendMessage({ content: `${number}` })).id);
  return ids;
}

test("the newest comes first", async () => {
  const { thread } = await alone();
  await send(thread, 5);
  const messages = await all(thread.listMessages());
  assert.deepEqual(contents(messages), ["4", "3", "2", "1", "0"]);
  assert.deepEqual(messages.map(({ sequenceId }) => sequenceId), ["7", "6", "5", "4", "3", "2", "1"]);
});

for (const maxPageSize of [1, 3, 200]) {
  test(`every page has what was asked for: ${maxPageSize}`, async () => {
    const { thread } = await alone();
    await send(thread, 7);
    const pages = await pagesOf(thread.listMessages({ maxPageSize }));
    assert(pages.slice(0, -1).every((page) => page.length === maxPageSize));
    assert.deepEqual(contents(pages.flat()), ["6", "5", "4", "3", "2", "1", "0"]);
  });
}

test("messages sent between pages neither shift nor repeat", async () => {
  const { mine, theirs } = await pair();
  const ids = await send(mine, 9);
  const pages = await pagesOf(mine.listMessages({ maxPageSize: 2 }), async () => {
    await theirs.sendMessage({ content: "meanwhile" });
    await theirs.sendMessage({ content: "and once more" });
  });
  const seen = pages.flat();
  assert.deepEqual(seen.filter(({ type }) => type === "text").map(({ id }) => id), ids.reverse());
  assert.equal(seen.length, 11);
});

// An edited message moves to the front, behind the reader: it comes again rather than never.
test("edits between pages lose nothing", async () => {
  const { mine, theirs } = await pair();
  const ids = await send(mine, 9);
  const pages = await pagesOf(theirs.listMessages({ maxPageSize: 2 }), async (count) => {
    if (count > 1) return;
    await mine.updateMessage(ids[0], { content: "edited" });
    await mine.deleteMessage(ids[1]);
  });
  const seen = pages.flat();
  const newest = new Map(seen.toSorted((a, b) => a.version - b.version).map((message) => [message.id, message]));
  assert(ids.every((id) => newest.has(id)));
  assert.equal(newest.get(ids[0]).content.message, "edited");
  assert(newest.get(ids[1]).deletedOn instanceof Date);
  const untouched = seen.map(({ id }) => id).filter((id) => ids.slice(2).includes(id));
  assert.deepEqual(untouched, ids.slice(2).reverse());
});

test("a start time leaves out what is older, and edits are news", async (context) => {
  const own = await ownServer(context);
  const someone = await person({ of: own });
  const thread = someone.within(await someone.openThread());
  const { id } = await thread.sendMessage({ content: "old" });
  const startTime = new Date((await own.advanceClock(3600)) - 60_000);
  await thread.sendMessage({ content: "new" });
  const listed = await all(thread.listMessages({ startTime }));
  assert.deepEqual([contents(listed), systemMessages(listed)], [["new"], []]);
  await thread.updateMessage(id, { content: "edited" });
  assert.deepEqual(contents(await all(thread.listMessages({ startTime }))), ["edited", "new"]);
});

test("history begins with what is shared", async (context) => {
  const own = await ownServer(context);
  const [someone, late, later] = await people(3, { of: own });
  const thread = someone.within(await someone.openThread());
  const { id } = await thread.sendMessage({ content: "before" });
  const joined = await own.advanceClock(60);
  await thread.sendMessage({ content: "after" });
  await thread.addParticipants({ participants: [late.named("Late", joined), later.named("Later")] });
  assert.deepEqual(contents(await all(late.within(thread.threadId).listMessages())), ["after"]);
  await expectError(late.within(thread.threadId).getMessage(id), 404);
  assert.deepEqual(contents(await all(later.within(thread.threadId).listMessages())), ["after", "before"]);
});

test("a removed participant keeps what they saw", async () => {
  const { other, mine, theirs } = await pair();
  const before = await mine.sendMessage({ content: "before" });
  await mine.removeParticipant(other.user);
  const after = await mine.sendMessage({ content: "after" });
  assert.deepEqual(contents(await all(theirs.listMessages())), ["before"]);
  assert.equal((await theirs.getMessage(before.id)).content.message, "before");
  await expectError(theirs.getMessage(after.id), 404);
});

test("strangers are refused", async () => {
  const { thread } = await alone();
  await expectError(all((await person()).within(thread.threadId).listMessages()), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(all(someone.within(id).listMessages()), 404);
});
