// ChatThread_ListChatReadReceipts: `listReadReceipts`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, missing, pagesOf, pair, people, person, removed } from "./chat.mjs";
import { expectError } from "./harness.mjs";

test("nobody has read a new thread", async () => {
  assert.deepEqual(await all((await alone()).thread.listReadReceipts()), []);
});

test("receipts come in pages and can be skipped", async () => {
  const [someone, ...others] = await people(5);
  const threadId = await someone.openThread(...others);
  const { id } = await someone.within(threadId).sendMessage({ content: "hello" });
  for (const each of [someone, ...others]) await each.within(threadId).sendReadReceipt({ chatMessageId: id });
  const thread = someone.within(threadId);
  const readers = (page) => page.map(({ sender }) => sender.communicationUserId);
  const pages = (await pagesOf(thread.listReadReceipts({ maxPageSize: 2 }))).map(readers);
  assert.deepEqual(pages.map(({ length }) => length), [2, 2, 1]);
  assert.deepEqual(pages.flat().sort(), [someone, ...others].map(({ rawId }) => rawId).sort());
  const rest = readers(await all(thread.listReadReceipts({ maxPageSize: 2, skip: 1 })));
  assert.equal(rest.length, 4);
});

test("the receipt of somebody removed is not listed", async () => {
  const { someone, other, mine, theirs } = await pair();
  const { id } = await mine.sendMessage({ content: "x" });
  for (const thread of [mine, theirs]) await thread.sendReadReceipt({ chatMessageId: id });
  await mine.removeParticipant(other.user);
  const receipts = await all(mine.listReadReceipts());
  assert.deepEqual(receipts.map(({ sender }) => sender.communicationUserId), [someone.rawId]);
});

test("strangers and removed participants are refused", async () => {
  const { thread } = await alone();
  await expectError(all((await person()).within(thread.threadId).listReadReceipts()), 403);
  await expectError(all((await removed()).theirs.listReadReceipts()), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(all(someone.within(id).listReadReceipts()), 404);
});
