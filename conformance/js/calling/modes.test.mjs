// The further ways into a call of the sample: with chat, on a phone, the echo test, a room and a meeting that are not,
// and a background that nobody draws.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium } from "./browsers.mjs";
import { newGroup, personIn, story } from "./people.mjs";
import { PITCHES_HZ } from "./tones.mjs";

const PHONE = { width: 390, height: 844 };
const GREETING = "Can you read this?";

test("ways into a call", async (context) => {
  const step = story(context);
  const [alice, bob] = await Promise.all([
    personIn(chromium, context, "alice", PITCHES_HZ[0]),
    personIn(chromium, context, "bob", PITCHES_HZ[1]),
  ]);
  const both = (body) => Promise.all([body(alice, bob), body(bob, alice)]);

  await step("a group with a chat beside it", async () => {
    await both((each) => each.waitsForCalls());
    await alice.looks("choices");
    await alice.page.press("input[name=chat]");
    await alice.page.press("//button[.='Start']");
    await alice.enters({ microphone: true });
    await alice.isInCall();
    await bob.page.type("input[name=group]", alice.page.tab.url());
    await bob.page.press("//button[.='Join']");
    await bob.enters({ microphone: true });
    await both((each) => each.isInCall());
    await both((each) => each.decodes(1));
    await both((each, other) => each.hears(other));

    await both((each) => each.page.press("[aria-label='Chat']"));
    await alice.page.type("#sendbox", `${GREETING}\n`);
    await bob.page.sees(GREETING);
    await both((each) => each.looks(`${each === alice ? "writes" : "reads"}-in-call`));
    await both((each) => each.isContent());
  });

  await step("a group on a phone", async () => {
    const group = newGroup();
    await alice.page.tab.setViewport(PHONE);
    await alice.opens({ group });
    await alice.enters({ microphone: true, look: "phone-configuration" });
    await bob.opens({ group });
    await bob.enters({ microphone: true });
    await both((each) => each.isInCall());
    await both((each) => each.decodes(1));
    await both((each, other) => each.hears(other));
    await alice.looks("phone-call");
    const isWide = () => document.documentElement.scrollWidth > innerWidth;
    assert.equal(await alice.page.evaluate(isWide), false, "the page is wider than the phone");
    await alice.presses("hangup");
    await alice.isOn("leftCall");
    await alice.looks("phone-left");
    await both((each) => each.isContent());
  });

  await step("the echo test gives back what it hears", async () => {
    await bob.opens({ to: "8:echo123" });
    await bob.enters({ camera: false });
    await bob.isInCall();
    await bob.hears(bob);
    await bob.leaves();
    await bob.isOn("leftCall");
  });

  await step("a meeting of another service", async () => {
    await bob.opens({ meeting: "https://teams.microsoft.com/l/meetup-join/19%3ameeting_abc%40thread.v2/0" });
    await bob.enters({ camera: false });
    await bob.page.sees("Invalid meeting ID");
    await bob.looks("no-meeting");
  });

  await step("a room that nobody made", async () => {
    await bob.opens({ room: "99000000000000001" });
    await bob.enters({ camera: false });
    await bob.page.sees("Room not found");
    await bob.looks("no-room");
  });

  await step("a background that is refused: the library says so, and the camera goes on", async () => {
    await bob.opens({ group: newGroup(), effects: "1" });
    await bob.turnsOnCamera();
    await bob.page.press("[data-ui-id=call-config-video-effects-button]");
    await bob.page.press("button[role=radio][aria-label^=Blur]");
    await bob.page.sees("Unable to apply video effect");
    await bob.looks("no-effect");
    await bob.showsPreview();
    // The library does not catch what its own call rejects with.
    assert.match(bob.page.complaints.join(), /The video effect BackgroundBlur is not supported/);
  });
});
