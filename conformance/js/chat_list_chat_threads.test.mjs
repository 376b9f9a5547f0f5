// Chat_ListChatThreads: `listChatThreads`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, pagesOf, people, person } from "./chat.mjs";
import { expectError, ownServer } from "./harness.mjs";

const ids = (threads) => threads.map(({ id }) => id);

test("threads come newest first with their last message", async () => {
  const someone = await person();
  const made = [];
  for (let number = 0; number < 3; number += 1) made.unshift(await someone.openThread());
  const listed = await all(someone.chat.listChatThreads());
  assert.deepEqual(ids(listed), made);
  for (const { id, topic, lastMessageReceivedOn, deletedOn } of listed) {
    const [newest] = await all(someone.within(id).listMessages());
    assert.equal(topic, "Lunch");
    assert.deepEqual(lastMessageReceivedOn, newest.createdOn);
    assert.equal(deletedOn, undefined);
  }
});

test("nobody else and nobody removed sees a thread", async () => {
  const [someone, other] = await people(2);
  const [kept, left] = [await someone.openThread(other), await someone.openThread(other)];
  await someone.openThread();
  await someone.within(left).removeParticipant(other.user);
  assert.deepEqual(ids(await all(other.chat.listChatThreads())), [kept]);
});

test("threads made and joined between pages neither shift nor repeat", async () => {
  const [someone, other] = await people(2);
  const made = [];
  for (let number = 0; number < 5; number += 1) made.unshift(await someone.openThread());
  const pages = await pagesOf(someone.chat.listChatThreads({ maxPageSize: 2 }), async () => {
    await someone.openThread();
    await other.openThread(someone);
  });
  assert.deepEqual(pages.map(ids), [made.slice(0, 2), made.slice(2, 4), made.slice(4)]);
});

test("a start time leaves out what is older", async (context) => {
  const own = await ownServer(context);
  const someone = await person({ of: own });
  const [, lively] = [await someone.openThread(), await someone.openThread()];
  const now = await own.advanceClock(3600);
  await someone.within(lively).sendMessage({ content: "still here" });
  const young = await someone.openThread();
  const startTime = new Date(now - 60_000);
  assert.deepEqual(ids(await all(someone.chat.listChatThreads({ startTime }))), [young, lively]);
});

test("a page of nothing is refused", async () => {
  await expectError(all((await person()).chat.listChatThreads({ maxPageSize: 0 })), 400);
});
