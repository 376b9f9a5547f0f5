// ChatThread_AddChatParticipants: `addParticipants`.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { all, alone, contents, missing, pair, people, person, removed, systemMessages } from "./chat.mjs";
import { expectError, keepResponse, newUser } from "./harness.mjs";

test("an added participant takes part and the thread says so", async () => {
  const { someone, thread } = await alone();
  const other = await person();
  const since = new Date("2026-01-02T03:04:05.678Z");
  const participant = { ...other.named("Bob", since), metadata: { role: "guest" } };
  const kept = keepResponse();
  assert.deepEqual(await thread.addParticipants({ participants: [participant] }, kept), {});
  assert.equal(kept.last.status, 201);
  const [, listed] = await all(thread.listParticipants());
  const id = { kind: "communicationUser", communicationUserId: other.rawId };
  const expected = { id, displayName: "Bob", shareHistoryTime: since, metadata: { role: "guest" } };
  assert.deepEqual(listed, expected);
  const [newest] = systemMessages(await all(thread.listMessages()));
  assert.equal(newest.type, "participantAdded");
  assert.equal(newest.content.initiator.communicationUserId, someone.rawId);
  assert.deepEqual(newest.content.participants, [expected]);
  await other.within(thread.threadId).sendMessage({ content: "here" });
});

test("participants who cannot be added are named and the others added", async () => {
  const { thread } = await alone();
  const other = await person();
  const [unknown, foreign] = [newUser(), newUser(randomUUID())];
  const participants = [{ id: unknown }, { id: foreign }, { id: { microsoftTeamsUserId: "a-user" } }, other.named()];
  const { invalidParticipants } = await thread.addParticipants({ participants });
  assert.deepEqual(invalidParticipants.map(({ target, code, message }) => [target, code, message]), [
    [unknown.communicationUserId, "404", "Not found"],
    [foreign.communicationUserId, "403", "Permissions check failed"],
    ["8:orgid:a-user", "403", "Permissions check failed"],
  ]);
  assert.equal((await all(thread.listParticipants())).length, 2);
});

test("adding somebody again changes the name and says nothing", async () => {
  const { other, mine } = await pair();
  const before = (await all(mine.listMessages())).length;
  await mine.addParticipants({ participants: [other.named("Robert")] });
  assert.deepEqual((await all(mine.listParticipants())).map(({ displayName }) => displayName), [undefined, "Robert"]);
  assert.equal((await all(mine.listMessages())).length, before);
});

test("a removed participant can come back", async () => {
  const { other, mine, theirs } = await removed();
  await mine.sendMessage({ content: "meanwhile" });
  await mine.addParticipants({ participants: [other.named()] });
  await theirs.sendMessage({ content: "back" });
  assert.deepEqual(contents(await all(theirs.listMessages())), ["back", "meanwhile"]);
});

test("more at once than a batch are refused, and so is nobody", async () => {
  const { thread } = await alone();
  const participants = Array.from({ length: 201 }, () => ({ id: newUser() }));
  await expectError(thread.addParticipants({ participants }), 400);
  await expectError(thread.addParticipants({ participants: [{ id: { communicationUserId: "" } }] }), 400);
});

test("strangers and removed participants are refused", async () => {
  const [someone, stranger] = await people(2);
  const participants = [stranger.named()];
  await expectError(stranger.within(await someone.openThread()).addParticipants({ participants }), 403);
  await expectError((await removed()).theirs.addParticipants({ participants }), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  const participants = [someone.named()];
  for (const id of await missing(someone)) await expectError(someone.within(id).addParticipants({ participants }), 404);
});
