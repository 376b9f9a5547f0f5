// ChatThread_UpdateChatMessage: `updateMessage`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, pair, systemMessages } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

test("an edited message has a new version at the front", async () => {
  const { mine, theirs } = await pair();
  const options = { senderDisplayName: "Ada", metadata: { keep: "1", change: "2", gone: "3" } };
  const { id } = await mine.sendMessage({ content: "befor" }, options);
  await theirs.sendMessage({ content: "between" });
  const before = await theirs.getMessage(id);
  const kept = keepResponse();
  await mine.updateMessage(id, Object.assign(kept, { content: "before", metadata: { change: "3", gone: "" } }));
  assert.equal(kept.last.status, 204);
  const [after] = await all(theirs.listMessages());
  assert(after.editedOn instanceof Date);
  assert(Number(after.version) > Number(before.version));
  assert.equal(Number(after.sequenceId), Number(before.sequenceId) + 2);
  const { version, sequenceId } = after;
  const changed = { content: { message: "before" }, metadata: { keep: "1", change: "3" }, editedOn: after.editedOn };
  assert.deepEqual(after, { ...before, ...changed, version, sequenceId });
});

test("HTML is cleaned again", async () => {
  const { thread } = await alone();
  const { id } = await thread.sendMessage({ content: "<b>x</b>" }, { type: "html" });
  await thread.updateMessage(id, { content: "<b>y</b><script>z</script>" });
  assert.equal((await thread.getMessage(id)).content.message, "<b>y</b>");
});

test("only the sender may", async () => {
  const { other, mine, theirs } = await pair();
  const { id } = await mine.sendMessage({ content: "mine" });
  await expectError(theirs.updateMessage(id, { content: "not mine" }), 403);
  assert.equal((await mine.getMessage(id)).content.message, "mine");
  const own = await theirs.sendMessage({ content: "theirs" });
  await mine.removeParticipant(other.user);
  await expectError(theirs.updateMessage(own.id, { content: "x" }), 403);
});

test("what says nothing or too much is refused", async () => {
  const { thread } = await alone();
  const { id } = await thread.sendMessage({ content: "x" });
  for (const content of ["", " \n"]) await expectError(thread.updateMessage(id, { content }), 400);
  await expectError(thread.updateMessage(id, { content: "x".repeat(28 * 1024 + 1) }), 413);
  await expectError(thread.updateMessage(id, { metadata: { a: "x".repeat(8192) } }), 400);
  assert.equal((await thread.getMessage(id)).editedOn, undefined);
});

test("deleted messages and those of the thread cannot be edited", async () => {
  const { thread } = await alone();
  const { id } = await thread.sendMessage({ content: "x" });
  await thread.deleteMessage(id);
  await expectError(thread.updateMessage(id, { content: "y" }), 400);
  for (const message of systemMessages(await all(thread.listMessages()))) {
    await expectError(thread.updateMessage(message.id, { content: "y" }), 400);
  }
});

test("an unknown message is not found", async () => {
  const { thread } = await alone();
  for (const id of ["1", "abc"]) await expectError(thread.updateMessage(id, { content: "y" }), 404);
});
