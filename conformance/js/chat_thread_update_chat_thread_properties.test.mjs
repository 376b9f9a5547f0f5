// ChatThread_UpdateChatThreadProperties: `updateTopic`, `updateProperties`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, missing, pair, people, person, removed, systemMessages } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

test("the topic changes and the thread says so", async () => {
  const { other, mine, theirs } = await pair();
  const kept = keepResponse();
  await theirs.updateTopic("Dinner 😀", kept);
  assert.equal(kept.last.status, 204);
  assert.equal((await mine.getProperties()).topic, "Dinner 😀");
  const [newest] = systemMessages(await all(mine.listMessages()));
  assert.deepEqual([newest.type, newest.content.topic], ["topicUpdated", "Dinner 😀"]);
  assert.equal(newest.content.initiator.communicationUserId, other.rawId);
});

test("metadata is merged and retention replaced, without a message", async () => {
  const { thread } = await alone();
  await thread.updateProperties({ metadata: { keep: "1", change: "2", gone: "3" } });
  const before = (await all(thread.listMessages())).length;
  await thread.updateProperties({ metadata: { change: "x", gone: "", added: "y" } });
  const policy = { kind: "threadCreationDate", deleteThreadAfterDays: 60 };
  await thread.updateProperties({ retentionPolicy: policy });
  const read = await thread.getProperties();
  assert.deepEqual(read.metadata, { keep: "1", change: "x", added: "y" });
  assert.deepEqual([read.topic, read.retentionPolicy], ["Lunch", policy]);
  assert.equal((await all(thread.listMessages())).length, before);
  await thread.updateProperties({ retentionPolicy: { kind: "none" } });
  assert.deepEqual((await thread.getProperties()).retentionPolicy, { kind: "none" });
});

for (const [name, change] of Object.entries({
  "blank topic": { topic: " " },
  "long topic": { topic: "x".repeat(1001) },
  "too much metadata": { metadata: { a: "x".repeat(1024) } },
  "no days": { retentionPolicy: { kind: "threadCreationDate", deleteThreadAfterDays: 0 } },
  "ten years and a day": { retentionPolicy: { kind: "threadCreationDate", deleteThreadAfterDays: 3651 } },
  "another kind": { retentionPolicy: { kind: "someday" } },
})) {
  test(`what cannot be is refused: ${name}`, async () => {
    const { thread } = await alone();
    const before = await thread.getProperties();
    await expectError(thread.updateProperties(change), 400);
    assert.deepEqual(await thread.getProperties(), before);
  });
}

test("strangers and removed participants are refused", async () => {
  const [someone, stranger] = await people(2);
  await expectError(stranger.within(await someone.openThread()).updateTopic("x"), 403);
  await expectError((await removed()).theirs.updateTopic("x"), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(someone.within(id).updateTopic("x"), 404);
});
