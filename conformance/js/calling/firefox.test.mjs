// Somebody with Chromium and somebody with Firefox talk in a group call of the sample.

import { test } from "node:test";

import { chromium, firefox } from "./browsers.mjs";
import { newGroup, personIn } from "./people.mjs";
import { PITCHES_HZ } from "./tones.mjs";

test("Chromium and Firefox see and hear each other", async (context) => {
  const group = newGroup();
  const alice = await personIn(chromium, context, "alice", PITCHES_HZ[0]);
  const bob = await personIn(firefox, context, "bob", PITCHES_HZ[1]);
  for (const person of [alice, bob]) {
    await person.opens({ group });
    await person.enters({ microphone: true });
    await person.isInCall();
  }
  await Promise.all([alice.seesInCall(bob), bob.seesInCall(alice)]);
  await Promise.all([alice.decodes(1), bob.decodes(1)]);
  await alice.hears(bob);
  // Firefox has no loudspeaker here to listen at; it measures what arrives.
  await bob.page.receivesSound();
  await alice.looks("with-firefox");
  await bob.looks("in-firefox");
  await bob.leaves();
  await alice.seesGone(bob);
  await bob.isOn("leftCall");
  for (const person of [alice, bob]) await person.isContent();
});
