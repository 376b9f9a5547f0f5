// The bounds of chat: ACS's own under `limits = "acs"`, and the wider ones without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { TOPIC, all, pagesOf, people, person } from "./chat.mjs";
import { expectError, server } from "./harness.mjs";
import { startServer } from "./server.mjs";

let running, acs;
before(async () => {
  // Its clock stands, so that no rate is ever renewed.
  running = await startServer({ testClock: true, settings: ["limits=acs"] });
  acs = running.server;
});
after(() => running.stop());

/** A thread of `count` people, added in batches: its maker, the others, and the maker's client of the thread. */
async function fill(count, of) {
  const [someone, ...others] = await people(count, { of });
  const threadId = await someone.openThread(...others.slice(0, 200));
  const thread = someone.within(threadId);
  if (count > 201) await thread.addParticipants({ participants: others.slice(200).map((each) => each.named()) });
  return { others, thread };
}

test("the 251st participant is refused by ACS's limits", async () => {
  const { thread } = await fill(250, acs);
  const late = await person({ of: acs });
  const error = await expectError(thread.addParticipants({ participants: [late.named()] }), 400);
  assert.equal(error.code, "ThreadParticipantLimitExceeded");
  assert.equal((await all(thread.listParticipants())).length, 250);
});

test("the 251st participant is welcome otherwise", async () => {
  const { thread } = await fill(251, server);
  assert.deepEqual((await pagesOf(thread.listParticipants())).map(({ length }) => length), [200, 51]);
});

for (const [count, receipts] of [[20, 1], [21, 0]]) {
  test(`${receipts} receipts in a thread of ${count} under ACS's limits`, async () => {
    const { others, thread } = await fill(count, acs);
    const { id } = await thread.sendMessage({ content: "hello" });
    const reader = others[0].within(thread.threadId);
    await reader.sendReadReceipt({ chatMessageId: id });
    assert.equal(await reader.sendTypingNotification(), true);
    assert.equal((await all(thread.listReadReceipts())).length, receipts);
  });
}

for (const deleteThreadAfterDays of [29, 91]) {
  test(`${deleteThreadAfterDays} days are not ACS's`, async () => {
    const retentionPolicy = { kind: "threadCreationDate", deleteThreadAfterDays };
    const [theirs, ours] = [await person({ of: acs }), await person()];
    await expectError(theirs.chat.createChatThread({ topic: TOPIC }, { retentionPolicy }), 400);
    assert((await ours.chat.createChatThread({ topic: TOPIC }, { retentionPolicy })).chatThread);
  });
}

test("the eleventh message of ten seconds is refused by ACS's limits", async () => {
  const someone = await person({ of: acs, options: { retryOptions: { maxRetries: 0 } } });
  const thread = someone.within(await someone.openThread());
  for (let number = 0; number < 10; number += 1) await thread.sendMessage({ content: `${number}` });
  await assert.rejects(thread.sendMessage({ content: "one too many" }), (error) => {
    assert.deepEqual([error.statusCode, error.code], [429, "TooManyRequests"]);
    assert(Number(error.response.headers.get("retry-after")) >= 1);
    return true;
  });
});
