// The server is killed in mid-call and comes back: so does the call, without anybody doing anything.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { freePort } from "../server.mjs";
import { chromium } from "./browsers.mjs";
import { newGroup, personIn } from "./people.mjs";
import { startSamples } from "./samples.mjs";
import { PITCHES_HZ } from "./tones.mjs";

test("a call goes on after the server was killed and started again", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-restart-"));
  const start = async () => startSamples({ folder, settings: [`http.port=${port}`] });
  const port = await freePort();
  let running = await start();
  context.after(async () => {
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const [alice, bob] = await Promise.all([
    personIn(chromium, context, "alice", PITCHES_HZ[0], running.server),
    personIn(chromium, context, "bob", PITCHES_HZ[1], running.server),
  ]);
  const both = (body) => Promise.all([body(alice, bob), body(bob, alice)]);
  const talk = async () => {
    await both((each, other) => each.seesInCall(other));
    await both((each) => each.decodes(1));
    await both((each, other) => each.hears(other));
  };
  const group = newGroup();
  await both(async (each) => {
    await each.opens({ group });
    await each.enters({ microphone: true });
    await each.isInCall();
  });
  await talk();
  const before = await both(async (each) => (await each.state()).call.id);

  await running.kill();
  running = await start();
  await talk();
  assert.deepEqual(await both(async (each) => (await each.state()).call.id), before);
  await both((each) => each.isInCall());

  await alice.leaves();
  await bob.seesGone(alice);
});
