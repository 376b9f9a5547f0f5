// ChatThread_SendTypingNotification: `sendTypingNotification`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, missing, pair, person, removed } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

test("typing is taken and leaves nothing", async () => {
  const { someone, threadId, theirs } = await pair();
  const before = await all(theirs.listMessages());
  for (const options of [{}, { senderDisplayName: "Ada" }]) {
    const kept = keepResponse();
    // The SDK asks once in eight seconds for each client, so each has one of its own.
    assert.equal(await someone.within(threadId).sendTypingNotification(Object.assign(kept, options)), true);
    assert.equal(kept.last.status, 200);
  }
  assert.deepEqual(await all(theirs.listMessages()), before);
});

test("the SDK itself asks seldom, and at once again after a message", async () => {
  const { thread } = await alone();
  assert.equal(await thread.sendTypingNotification(), true);
  assert.equal(await thread.sendTypingNotification(), false);
  await thread.sendMessage({ content: "x" });
  assert.equal(await thread.sendTypingNotification(), true);
});

test("strangers and removed participants are refused", async () => {
  const { thread } = await alone();
  await expectError((await person()).within(thread.threadId).sendTypingNotification(), 403);
  await expectError((await removed()).theirs.sendTypingNotification(), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(someone.within(id).sendTypingNotification(), 404);
});
