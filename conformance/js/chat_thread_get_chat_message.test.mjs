// ChatThread_GetChatMessage: `getMessage`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, pair, person, systemMessages } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

test("own and others' messages are shown", async () => {
  const { mine, theirs } = await pair();
  const { id } = await mine.sendMessage({ content: "hello" });
  for (const thread of [mine, theirs]) {
    const kept = keepResponse();
    assert.equal((await thread.getMessage(id, kept)).content.message, "hello");
    assert.equal(kept.last.status, 200);
  }
});

test("messages of the thread itself are shown", async () => {
  const { thread } = await alone();
  for (const listed of systemMessages(await all(thread.listMessages()))) {
    assert.deepEqual(await thread.getMessage(listed.id), listed);
  }
});

for (const id of ["1", "0", "-1", "abc", "9".repeat(14), "9".repeat(40), "ü", "a/b"]) {
  test(`an unknown message is not found: ${id}`, async () => {
    await expectError((await alone()).thread.getMessage(id), 404);
  });
}

test("strangers are refused", async () => {
  const { thread } = await alone();
  const { id } = await thread.sendMessage({ content: "secret" });
  const error = await expectError((await person()).within(thread.threadId).getMessage(id), 403);
  assert(!error.message.includes("secret"));
});
