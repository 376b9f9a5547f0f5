// ChatThread_RemoveChatParticipant: `removeParticipant`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, missing, pair, person, systemMessages } from "./chat.mjs";
import { expectError, keepResponse, newUser } from "./harness.mjs";

const ids = (participants) => participants.map(({ id }) => id.communicationUserId);

test("a removed participant is gone and the thread says so", async () => {
  const { someone, other, mine, theirs } = await pair();
  const kept = keepResponse();
  await mine.removeParticipant(other.user, kept);
  assert.equal(kept.last.status, 204);
  assert.deepEqual(ids(await all(mine.listParticipants())), [someone.rawId]);
  const [newest] = systemMessages(await all(mine.listMessages()));
  assert.equal(newest.type, "participantRemoved");
  assert.equal(newest.content.initiator.communicationUserId, someone.rawId);
  assert.deepEqual(ids(newest.content.participants), [other.rawId]);
  await expectError(theirs.sendMessage({ content: "x" }), 403);
});

test("one can leave, and the creator can be removed", async () => {
  for (const [leaving, removing] of [["other", "theirs"], ["someone", "theirs"]]) {
    const both = await pair();
    await both[removing].removeParticipant(both[leaving].user);
    const gone = leaving === "other" ? both.theirs : both.mine;
    await expectError(gone.sendMessage({ content: "x" }), 403);
  }
});

test("removing somebody who is not there changes nothing", async () => {
  const { other, mine } = await pair();
  await mine.removeParticipant(other.user);
  const before = (await all(mine.listMessages())).length;
  for (const user of [other.user, newUser(), { phoneNumber: "+14255550123" }]) await mine.removeParticipant(user);
  assert.equal((await all(mine.listMessages())).length, before);
});

test("strangers are refused", async () => {
  const { someone, thread } = await alone();
  await expectError((await person()).within(thread.threadId).removeParticipant(someone.user), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) {
    await expectError(someone.within(id).removeParticipant(someone.user), 404);
  }
});
