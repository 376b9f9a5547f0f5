// Threads that delete themselves.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TOPIC, all, person } from "./chat.mjs";
import { expectError, ownServer } from "./harness.mjs";

const DAY_SECONDS = 24 * 60 * 60;

test("a thread deletes itself on time, and not one whose policy was taken back", async (context) => {
  const own = await ownServer(context);
  const someone = await person({ of: own });
  const daysPass = async (count) => {
    await own.advanceClock(count * DAY_SECONDS);
    // A token lives for a day at most.
    someone.token = (await own.command("token", "issue", someone.rawId, "--scope", "chat")).token;
  };
  const retentionPolicy = { kind: "threadCreationDate", deleteThreadAfterDays: 30 };
  const make = async () => (await someone.chat.createChatThread({ topic: TOPIC }, { retentionPolicy })).chatThread.id;
  const [short, long] = [await make(), await make()];
  await someone.within(long).updateProperties({ retentionPolicy: { kind: "none" } });
  await daysPass(29);
  assert.equal((await all(someone.client().listChatThreads())).length, 2);
  await daysPass(1);
  const deadline = performance.now() + 60_000;
  while ((await all(someone.client().listChatThreads())).length > 1) {
    assert(performance.now() < deadline, "the thread stays");
  }
  await expectError(someone.within(short).getProperties(), 404);
  assert.equal((await someone.within(long).getProperties()).id, long);
});
