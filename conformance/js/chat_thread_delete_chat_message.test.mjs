// ChatThread_DeleteChatMessage: `deleteMessage`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, pair, systemMessages } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

test("a deleted message stays without what it said", async () => {
  const { someone, mine, theirs } = await pair();
  const { id } = await mine.sendMessage({ content: "secret" }, { senderDisplayName: "Ada", metadata: { a: "1" } });
  await theirs.sendMessage({ content: "after" });
  const kept = keepResponse();
  await mine.deleteMessage(id, kept);
  assert.equal(kept.last.status, 204);
  for (const thread of [mine, theirs]) {
    const [seen] = await all(thread.listMessages());
    assert.deepEqual([seen.id, seen.type, seen.content.message, seen.metadata], [id, "text", "", undefined]);
    assert.equal(seen.sender.communicationUserId, someone.rawId);
    assert(seen.deletedOn instanceof Date);
    assert(Number(seen.version) > Number(id));
    assert.deepEqual(await thread.getMessage(id), seen);
  }
});

test("deleting again is harmless", async () => {
  const { thread } = await alone();
  const { id } = await thread.sendMessage({ content: "x" });
  await thread.deleteMessage(id);
  const once = await thread.getMessage(id);
  await thread.deleteMessage(id);
  assert.deepEqual(await thread.getMessage(id), once);
});

test("only the sender may, and nobody those of the thread", async () => {
  const { mine, theirs } = await pair();
  const { id } = await mine.sendMessage({ content: "mine" });
  await expectError(theirs.deleteMessage(id), 403);
  assert.equal((await mine.getMessage(id)).content.message, "mine");
  for (const message of systemMessages(await all(mine.listMessages()))) {
    await expectError(mine.deleteMessage(message.id), 400);
  }
});

test("an unknown message is not found", async () => {
  const { thread } = await alone();
  for (const id of ["1", "abc"]) await expectError(thread.deleteMessage(id), 404);
});
