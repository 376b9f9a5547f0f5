// The chat SDK's retries when attempts fail on the way, with the server behind them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TOPIC, all, contents, people, person } from "./chat.mjs";
import { failing } from "./faults.mjs";
import { expectError } from "./harness.mjs";

for (const status of [500, 502, 503, 504]) {
  test(`a message arrives once after answers of ${status}`, async () => {
    const someone = await person();
    const threadId = await someone.openThread();
    const { options, attempts } = failing({ status }, { status }, { status });
    await someone.within(threadId, options).sendMessage({ content: "hello" });
    assert.equal(attempts.length, 4);
    assert.deepEqual(contents(await all(someone.within(threadId).listMessages())), ["hello"]);
  });
}

test("a lost answer makes no second thread", async () => {
  const someone = await person();
  const { options, attempts } = failing({ status: 503, answerLost: true }, { status: 500, answerLost: true });
  const { chatThread } = await someone.client(options).createChatThread({ topic: TOPIC });
  assert.equal(new Set(attempts.map((attempt) => attempt["repeatability-request-id"])).size, 1);
  assert.equal(attempts.length, 3);
  assert.deepEqual((await all(someone.chat.listChatThreads())).map(({ id }) => id), [chatThread.id]);
});

test("work done before the failure does no harm", async () => {
  const [someone, other] = await people(2);
  const threadId = await someone.openThread();
  const { id } = await someone.within(threadId).sendMessage({ content: "x" });
  for (const [name, ...words] of [
    ["updateTopic", "Dinner"], ["updateMessage", id, { content: "y" }], ["sendReadReceipt", { chatMessageId: id }],
    ["sendTypingNotification"], ["addParticipants", { participants: [other.named()] }],
    ["removeParticipant", other.user], ["deleteMessage", id],
  ]) {
    const { options, attempts } = failing({ status: 503, answerLost: true });
    await someone.within(threadId, options)[name](...words);
    assert.equal(attempts.length, 2, name);
  }
});

test("a permanent refusal is asked for once", async () => {
  const [someone, stranger] = await people(2);
  const threadId = await someone.openThread();
  const { options, attempts } = failing();
  await expectError(stranger.within(threadId, options).sendMessage({ content: "x" }), 403);
  assert.equal(attempts.length, 1);
});

test("errors without end reach the caller", async () => {
  const someone = await person();
  const threadId = await someone.openThread();
  const { options } = failing(...Array.from({ length: 10 }, () => ({ status: 503 })));
  const thread = someone.within(threadId, options);
  await assert.rejects(thread.sendMessage({ content: "x" }), { statusCode: 503, code: "Injected" });
});
