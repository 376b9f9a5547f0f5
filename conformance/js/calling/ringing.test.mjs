// Calls that ring in the sample: on two devices, declined, given up.

import { test } from "node:test";

import { chromium } from "./browsers.mjs";
import { Person, personIn, story } from "./people.mjs";
import { PITCHES_HZ } from "./tones.mjs";

test("ringing", async (context) => {
  const step = story(context);
  const [alice, desk] = await Promise.all([
    personIn(chromium, context, "alice", PITCHES_HZ[0]),
    personIn(chromium, context, "bob", PITCHES_HZ[1]),
  ]);
  const pocket = new Person(await chromium(context, { hertz: PITCHES_HZ[2] }), PITCHES_HZ[2], desk.name);
  const calls = async () => {
    await alice.opens({ to: desk.name });
    await alice.enters({ camera: false });
    await Promise.all([desk, pocket].map((device) => device.isCalledBy(alice)));
  };

  await step("taken on one device, it stops on the other", async () => {
    await Promise.all([desk, pocket].map((device) => device.waitsForCalls()));
    await calls();
    await desk.accepts(alice, { video: false });
    await Promise.all([alice.isInCall(), desk.isInCall()]);
    await pocket.isNoLongerCalledBy(alice);
    await Promise.all([alice.hears(desk), desk.hears(alice)]);
    await alice.hearsNothingOf(pocket);
    await alice.leaves();
    await Promise.all([alice, desk].map((each) => each.isOn("leftCall")));
  });

  await step("declined on one device, it stops on both, and the caller is told", async () => {
    await desk.waitsForCalls();
    await calls();
    await pocket.declines();
    await desk.isNoLongerCalledBy(alice);
    await alice.seesState("declined", ({ endedCall }) => endedCall?.callEndReason?.code === 603);
    await alice.looks("declined");
  });

  await step("given up by the caller, it stops", async () => {
    await calls();
    await alice.leaves();
    await Promise.all([desk, pocket].map((device) => device.isNoLongerCalledBy(alice)));
    await alice.isOn("leftCall");
  });

  await step("nothing went wrong", async () => {
    for (const person of [alice, desk, pocket]) person.page.assertQuiet();
  });
});
