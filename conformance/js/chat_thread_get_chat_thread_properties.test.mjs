// ChatThread_GetChatThreadProperties: `getProperties`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { missing, pair, people, person, removed } from "./chat.mjs";
import { expectError, keepResponse, ownServer } from "./harness.mjs";

test("a thread is what it was made as", async () => {
  const { someone, threadId, mine, theirs } = await pair();
  for (const thread of [mine, theirs]) {
    const kept = keepResponse();
    const read = await thread.getProperties(kept);
    assert.equal(kept.last.status, 200);
    assert.deepEqual([read.id, read.topic], [threadId, "Lunch"]);
    assert.equal(read.createdBy.communicationUserId, someone.rawId);
    assert.deepEqual(read.retentionPolicy, { kind: "none" });
    assert.equal(read.metadata, undefined);
  }
});

test("strangers and removed participants are refused", async () => {
  const [someone, stranger] = await people(2);
  await expectError(stranger.within(await someone.openThread()).getProperties(), 403);
  await expectError((await removed()).theirs.getProperties(), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(someone.within(id).getProperties(), 404);
});

test("a thread of another resource is not found", async (context) => {
  const there = await person({ of: await ownServer(context) });
  await expectError((await person()).within(await there.openThread()).getProperties(), 404);
});
