// ChatThread_SendChatReadReceipt: `sendReadReceipt`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, missing, pair, people, person, removed } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

test("a receipt names reader, message and time", async () => {
  const { other, mine, theirs } = await pair();
  const { id } = await mine.sendMessage({ content: "hello" });
  const kept = keepResponse();
  await theirs.sendReadReceipt({ chatMessageId: id }, kept);
  assert.equal(kept.last.status, 200);
  for (const thread of [mine, theirs]) {
    const [{ readOn, ...receipt }, ...more] = await all(thread.listReadReceipts());
    assert(readOn instanceof Date);
    const sender = { kind: "communicationUser", communicationUserId: other.rawId };
    assert.deepEqual([receipt, more], [{ sender, chatMessageId: id }, []]);
  }
});

test("the newest read message counts, also one's own", async () => {
  const { mine, theirs } = await pair();
  const [first, second] = [await mine.sendMessage({ content: "1" }), await mine.sendMessage({ content: "2" })];
  for (const { id } of [second, first]) {
    await theirs.sendReadReceipt({ chatMessageId: id });
    await mine.sendReadReceipt({ chatMessageId: id });
  }
  const receipts = await all(mine.listReadReceipts());
  assert.deepEqual(receipts.map(({ chatMessageId }) => chatMessageId), [second.id, second.id]);
});

test("an unknown message is not found", async () => {
  const { thread } = await alone();
  for (const chatMessageId of ["1", "abc", "-1", "9".repeat(30)]) {
    await expectError(thread.sendReadReceipt({ chatMessageId }), 404);
  }
});

test("strangers and removed participants are refused", async () => {
  const [someone, stranger] = await people(2);
  const thread = someone.within(await someone.openThread());
  const { id } = await thread.sendMessage({ content: "x" });
  await expectError(stranger.within(thread.threadId).sendReadReceipt({ chatMessageId: id }), 403);
  await expectError((await removed()).theirs.sendReadReceipt({ chatMessageId: id }), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) {
    await expectError(someone.within(id).sendReadReceipt({ chatMessageId: "1" }), 404);
  }
});
