// Chat_DeleteChatThread: `deleteChatThread`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, missing, pair, people, person, removed } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

test("a deleted thread is gone for everybody", async () => {
  const { someone, other, threadId, mine, theirs } = await pair();
  const { id } = await mine.sendMessage({ content: "hello" });
  const kept = keepResponse();
  await someone.chat.deleteChatThread(threadId, kept);
  assert.equal(kept.last.status, 204);
  for (const [each, thread] of [[someone, mine], [other, theirs]]) {
    await Promise.all([
      thread.getProperties(), thread.getMessage(id), all(thread.listMessages()), thread.sendMessage({ content: "x" }),
      all(thread.listParticipants()), all(thread.listReadReceipts()), thread.sendTypingNotification(),
      each.chat.deleteChatThread(threadId),
    ].map((call) => expectError(call, 404)));
    assert.deepEqual(await all(each.chat.listChatThreads()), []);
  }
});

test("any participant may delete", async () => {
  const { other, threadId, mine } = await pair();
  await other.chat.deleteChatThread(threadId);
  await expectError(mine.getProperties(), 404);
});

test("strangers and removed participants may not", async () => {
  const [someone, stranger] = await people(2);
  await expectError(stranger.chat.deleteChatThread(await someone.openThread()), 403);
  const { other, threadId, mine } = await removed();
  await expectError(other.chat.deleteChatThread(threadId), 403);
  assert.equal((await mine.getProperties()).id, threadId);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(someone.chat.deleteChatThread(id), 404);
});
