// What a token may do in chats by its scopes, and tokens that may do nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TOPIC, all, contents, pair, people, person } from "./chat.mjs";
import { ALL_SCOPES, connect, expectError, handmadeToken, ownServer } from "./harness.mjs";

const OWNERS = ["chat"];
const HOSTS = ["chat", "chat.join"];
const GUESTS = ["chat", "chat.join", "chat.join.limited"];

/** Every operation: its name, the call, and the scopes that may. */
function everything(someone, threadId, messageId, third) {
  const thread = someone.within(threadId);
  return [
    ["createChatThread", () => someone.chat.createChatThread({ topic: TOPIC }), OWNERS],
    ["listChatThreads", () => all(someone.chat.listChatThreads()), GUESTS],
    ["getProperties", () => thread.getProperties(), GUESTS],
    ["updateTopic", () => thread.updateTopic("x"), OWNERS],
    ["sendMessage", () => thread.sendMessage({ content: "x" }), GUESTS],
    ["getMessage", () => thread.getMessage(messageId), GUESTS],
    ["listMessages", () => all(thread.listMessages()), GUESTS],
    ["updateMessage", () => thread.updateMessage(messageId, { content: "y" }), GUESTS],
    ["sendReadReceipt", () => thread.sendReadReceipt({ chatMessageId: messageId }), GUESTS],
    ["listReadReceipts", () => all(thread.listReadReceipts()), GUESTS],
    ["sendTypingNotification", () => thread.sendTypingNotification(), GUESTS],
    ["listParticipants", () => all(thread.listParticipants()), GUESTS],
    ["addParticipants", () => thread.addParticipants({ participants: [third.named()] }), HOSTS],
    ["removeParticipant", () => thread.removeParticipant(third.user), HOSTS],
    ["deleteMessage", () => thread.deleteMessage(messageId), GUESTS],
    ["deleteChatThread", () => someone.chat.deleteChatThread(threadId), OWNERS],
  ];
}

for (const scope of ALL_SCOPES) {
  test(`what a token for ${scope} may do`, async () => {
    const [owner, third] = await people(2);
    const someone = await person({ scopes: [scope] });
    const threadId = await owner.openThread(someone);
    const sender = GUESTS.includes(scope) ? someone : owner;
    const { id } = await sender.within(threadId).sendMessage({ content: "x" });
    for (const [name, call, scopes] of everything(someone, threadId, id, third)) {
      if (scopes.includes(scope)) await call();
      else assert.equal((await expectError(call(), 403)).code, "Forbidden", name);
    }
  });
}

test("a token nobody issued opens nothing", async () => {
  const { someone, other, threadId, mine } = await pair();
  const { id } = await mine.sendMessage({ content: "secret" });
  someone.token = handmadeToken(3600);
  someone.chat = someone.client();
  for (const [, call] of everything(someone, threadId, id, other)) {
    const error = await expectError(call(), 401);
    assert(!error.message.includes("secret"));
  }
});

// The server knows the token is bad before the message has arrived; it hears the rest out all the same.
test("a refusal reaches who is still writing", async () => {
  const someone = await person();
  someone.token = handmadeToken(3600);
  const thread = someone.within("19:any@thread.v2");
  for (const size of [100, 20_000, 200_000, 3_000_000]) {
    for (let round = 0; round < 5; round += 1) {
      await expectError(thread.sendMessage({ content: "x".repeat(size) }), 401);
    }
  }
});

test("a revoked token opens nothing", async () => {
  const { someone, mine } = await pair();
  await connect().revokeTokens(someone.user);
  await expectError(mine.sendMessage({ content: "x" }), 401);
  await expectError(all(someone.chat.listChatThreads()), 401);
});

test("a token of one resource opens nothing in another", async (context) => {
  const there = await person({ of: await ownServer(context) });
  const threadId = await there.openThread();
  there.token = (await person()).token;
  await expectError(there.within(threadId).getProperties(), 401);
});

test("a deleted user takes their messages along", async () => {
  const { someone, other, mine, theirs } = await pair();
  const { id } = await theirs.sendMessage({ content: "to be forgotten" });
  await theirs.sendReadReceipt({ chatMessageId: id });
  await mine.sendMessage({ content: "stays" });
  await connect().deleteUser(other.user);
  const deadline = performance.now() + 60_000;
  let seen;
  do {
    assert(performance.now() < deadline, "the messages stay");
    seen = await all(mine.listMessages());
  } while (contents(seen).includes("to be forgotten"));
  assert(contents(seen).includes("stays"));
  assert.deepEqual(await all(mine.listReadReceipts()), []);
  const listed = await all(mine.listParticipants());
  assert.deepEqual(listed.map(({ id: who }) => who.communicationUserId), [someone.rawId]);
});
