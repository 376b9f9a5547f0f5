// Four people in a group call of the sample, on the unmodified CallComposite: one comes late, one leaves early.

import { test } from "node:test";

import { chromium } from "./browsers.mjs";
import { newGroup, personIn, story } from "./people.mjs";
import { PITCHES_HZ } from "./tones.mjs";

const NAMES = ["alice", "bob", "carol", "dave"];

test("a group of four", async (context) => {
  const step = story(context);
  const group = newGroup();
  const people = await Promise.all(NAMES.map((name, at) => personIn(chromium, context, name, PITCHES_HZ[at])));
  const [alice, bob, carol, dave] = people;
  const joins = async (person) => {
    await person.opens({ group });
    await person.enters({ microphone: true });
    await person.isInCall();
  };
  const othersOf = (person, all) => all.filter((each) => each !== person);
  const meet = async (...all) => {
    await Promise.all(all.map((each) => Promise.all(othersOf(each, all).map((other) => each.seesInCall(other)))));
    await Promise.all(all.map((each) => each.decodes(all.length - 1)));
    await Promise.all(all.map((each) => each.hears(...othersOf(each, all))));
  };

  await step("three see and hear each other", async () => {
    await Promise.all([alice, bob, carol].map(joins));
    await meet(alice, bob, carol);
  });

  await step("who comes late is seen and heard, and sees and hears all", async () => {
    await joins(dave);
    await meet(alice, bob, carol, dave);
    await Promise.all([alice.looks("group-of-four"), dave.looks("group-late")]);
  });

  await step("the others go on when one leaves", async () => {
    await bob.leaves();
    await bob.isOn("leftCall");
    const rest = othersOf(bob, people);
    await Promise.all(rest.map((each) => each.seesGone(bob)));
    await meet(...rest);
    await Promise.all(rest.map((each) => each.hearsNothingOf(bob)));
  });

  await step("nothing went wrong", async () => {
    for (const person of people) await person.isContent();
  });
});
