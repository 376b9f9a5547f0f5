// Chat_CreateChatThread: `createChatThread`.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { ALL_HISTORY, TOPIC, all, contents, people, person, systemMessages } from "./chat.mjs";
import { expectError, keepResponse, newUser, server } from "./harness.mjs";

test("a thread has what was asked for", async () => {
  const someone = await person();
  const kept = keepResponse();
  const retentionPolicy = { kind: "threadCreationDate", deleteThreadAfterDays: 30 };
  const options = Object.assign(kept, { metadata: { a: "ü" }, retentionPolicy });
  const made = await someone.chat.createChatThread({ topic: "Mittag 😀" }, options);
  const { chatThread, invalidParticipants } = made;
  assert.equal(kept.last.status, 201);
  assert.match(chatThread.id, /^19:[A-Za-z0-9_-]{43}1@thread\.v2$/);
  assert.equal(chatThread.topic, "Mittag 😀");
  assert.deepEqual(chatThread.createdBy, { kind: "communicationUser", communicationUserId: someone.rawId });
  assert(chatThread.createdOn instanceof Date);
  assert.deepEqual(chatThread.metadata, { a: "ü" });
  assert.deepEqual(chatThread.retentionPolicy, retentionPolicy);
  assert.equal(invalidParticipants, undefined);
  const address = `${new URL(server.endpoint).origin}/chat/threads/${encodeURIComponent(chatThread.id)}`;
  assert.equal(kept.last.headers.get("location"), address);
});

test("the creator takes part with the name of their own entry", async () => {
  const [someone, other] = await people(2);
  const participants = [{ ...other.named("Bob"), metadata: { role: "guest" } }, someone.named("Ada")];
  const { chatThread } = await someone.chat.createChatThread({ topic: TOPIC }, { participants });
  const listed = await all(someone.within(chatThread.id).listParticipants());
  const as = (each, displayName, more) => ({
    id: { kind: "communicationUser", communicationUserId: each.rawId }, displayName, shareHistoryTime: ALL_HISTORY, ...more,
  });
  assert.deepEqual(listed, [as(someone, "Ada"), as(other, "Bob", { metadata: { role: "guest" } })]);
});

test("a thread begins with what happened", async () => {
  const [someone, other] = await people(2);
  const messages = await all(other.within(await someone.openThread(other)).listMessages());
  assert.deepEqual(contents(messages), []);
  const [topic, added] = systemMessages(messages);
  assert.deepEqual([topic.type, topic.sequenceId, topic.content.topic], ["topicUpdated", "2", TOPIC]);
  assert.deepEqual([added.type, added.sequenceId], ["participantAdded", "1"]);
  const ids = added.content.participants.map(({ id }) => id.communicationUserId);
  assert.deepEqual(new Set(ids), new Set([someone.rawId, other.rawId]));
  for (const message of [topic, added]) {
    assert.equal(message.content.initiator.communicationUserId, someone.rawId);
    assert.equal(message.sender, undefined);
    assert.equal(message.senderDisplayName, undefined);
  }
});

test("participants who cannot be added are named and the others added", async () => {
  const [someone, other] = await people(2);
  const [unknown, foreign] = [newUser(), newUser(randomUUID())];
  const phone = { phoneNumber: "+14255550123" };
  const participants = [{ id: unknown }, other.named(), { id: foreign }, { id: phone }];
  const made = await someone.chat.createChatThread({ topic: TOPIC }, { participants });
  const found = Object.fromEntries(made.invalidParticipants.map(({ target, code }) => [target, code]));
  assert.deepEqual(found, {
    [unknown.communicationUserId]: "404", [foreign.communicationUserId]: "403", "4:+14255550123": "403",
  });
  const listed = await all(someone.within(made.chatThread.id).listParticipants());
  assert.deepEqual(listed.map(({ id }) => id.communicationUserId), [someone.rawId, other.rawId]);
});

test("the same token gives the same thread", async () => {
  const someone = await person();
  const options = () => ({ idempotencyToken: "one for all time" });
  const calls = Array.from({ length: 5 }, () => someone.chat.createChatThread({ topic: TOPIC }, options()));
  const made = await Promise.all(calls);
  assert.equal(new Set(made.map(({ chatThread }) => chatThread.id)).size, 1);
  assert.equal((await all(someone.chat.listChatThreads())).length, 1);
});

test("no token and another one's token give other threads", async () => {
  const [someone, other] = await people(2);
  const idempotencyToken = randomUUID();
  const made = [
    await someone.chat.createChatThread({ topic: TOPIC }, { idempotencyToken }),
    await someone.chat.createChatThread({ topic: TOPIC }),
    await someone.chat.createChatThread({ topic: TOPIC }),
    await other.chat.createChatThread({ topic: TOPIC }, { idempotencyToken }),
  ];
  assert.equal(new Set(made.map(({ chatThread }) => chatThread.id)).size, 4);
});

test("another body under the same token is refused", async () => {
  const someone = await person();
  const idempotencyToken = randomUUID();
  await someone.chat.createChatThread({ topic: TOPIC }, { idempotencyToken });
  await expectError(someone.chat.createChatThread({ topic: "Dinner" }, { idempotencyToken }), 400);
});

for (const [name, topic] of Object.entries({ empty: "", blank: " \t", long: "x".repeat(1001) })) {
  test(`a topic that says nothing or too much is refused: ${name}`, async () => {
    await expectError((await person()).chat.createChatThread({ topic }), 400);
  });
}

test("more participants at once than a batch are refused", async () => {
  const someone = await person();
  const participants = Array.from({ length: 201 }, () => ({ id: newUser() }));
  await expectError(someone.chat.createChatThread({ topic: TOPIC }, { participants }), 400);
  assert.deepEqual(await all(someone.chat.listChatThreads()), []);
});

test("metadata is bounded", async () => {
  const someone = await person();
  const create = (metadata) => someone.chat.createChatThread({ topic: TOPIC }, { metadata });
  assert.equal((await create({ a: "x".repeat(1023) })).chatThread.metadata.a.length, 1023);
  await expectError(create({ a: "x".repeat(1024) }), 400);
  await expectError(create({ "": "x" }), 400);
});
