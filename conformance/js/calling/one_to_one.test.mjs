// Two people call each other in the sample, on the unmodified CallComposite.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium } from "./browsers.mjs";
import { personIn, story } from "./people.mjs";
import { PITCHES_HZ } from "./tones.mjs";

// Where a name became part of a page, this one would fetch a picture and open a dialog: a page complains of both.
const MARKUP = "<img src=x onerror=alert(1)>";

/** Run in the page: whether somebody's camera or screen is there to be seen. */
const hasCamera = ({ videoStreams }, wanted) =>
  Object.values(videoStreams).some((each) => each.mediaStreamType === "Video" && each.isAvailable) === wanted;
const hasScreen = ({ videoStreams }, wanted) =>
  Object.values(videoStreams).some((each) => each.mediaStreamType === "ScreenSharing" && each.isAvailable) === wanted;

test("one to one", async (context) => {
  const step = story(context);
  const [alice, bob] = await Promise.all([
    personIn(chromium, context, `${MARKUP}alice`, PITCHES_HZ[0]),
    personIn(chromium, context, "bob", PITCHES_HZ[1]),
  ]);
  const both = (body) => Promise.all([body(alice, bob), body(bob, alice)]);

  await step("a call rings, is taken, and both see and hear each other", async () => {
    await bob.waitsForCalls();
    await alice.opens({ to: bob.name });
    await alice.enters({ look: "configuration" });
    await bob.isCalledBy(alice);
    await both((each) => each.looks(`${each === alice ? "caller" : "callee"}-rings`));
    await bob.accepts(alice);
    await both((each) => each.isInCall());
    await both((each) => each.decodes(1));
    await both((each, other) => each.hears(other));
    await both((each) => each.looks(`${each === alice ? "caller" : "callee"}-talks`));
  });

  await step("a name that is markup is shown as text, to the other and to its owner", async () => {
    await bob.page.sees(alice.name);
    await alice.page.sees(alice.name);
    for (const { page } of [alice, bob]) {
      assert.equal(await page.evaluate(() => document.querySelectorAll("img[src=x]").length), 0);
      page.assertQuiet();
    }
  });

  await step("who is muted is not heard, and is shown as muted", async () => {
    await alice.presses("microphone");
    await bob.seesOf(alice, "is muted", ({ isMuted }) => isMuted);
    await bob.hearsNothingOf(alice);
    await alice.hears(bob);
    await alice.presses("microphone");
    await bob.seesOf(alice, "is not muted", ({ isMuted }) => !isMuted);
    await bob.hears(alice);
  });

  await step("a camera goes off and on", async () => {
    await alice.presses("camera");
    await bob.seesOf(alice, "shows no camera", hasCamera, false);
    await alice.decodes(1);
    await alice.presses("camera");
    await bob.seesOf(alice, "shows a camera", hasCamera, true);
    await bob.decodes(1);
  });

  await step("a shared screen is seen beside the camera", async () => {
    await alice.presses("screenshare");
    await bob.seesOf(alice, "shares the screen", hasScreen, true);
    await bob.decodes(2);
    await both((each) => each.looks(`${each === alice ? "sharing" : "shared"}`));
    await alice.presses("screenshare");
    await bob.seesOf(alice, "shares nothing", hasScreen, false);
    await bob.decodes(1);
  });

  await step("on hold nobody hears anybody; afterwards both do again", async () => {
    await alice.holds();
    await alice.isOn("hold");
    await alice.looks("hold");
    await bob.seesState("held by the other", ({ call }) => call?.state === "RemoteHold");
    await both((each, other) => each.hearsNothingOf(other));
    await alice.resumes();
    await both((each) => each.isInCall());
    await both((each, other) => each.hears(other));
    await alice.decodes(1);
    // The library turns a camera off before it holds, and leaves it to its owner to turn it on again.
    await alice.presses("camera");
    await bob.decodes(1);
  });

  await step("a raised hand and a reaction are seen", async () => {
    await bob.presses("raisehand");
    await alice.seesOf(bob, "raises a hand", ({ raisedHand }) => raisedHand);
    await alice.looks("hand");
    await bob.presses("raisehand");
    await alice.seesOf(bob, "lowers the hand", ({ raisedHand }) => !raisedHand);
    await bob.reacts("Applause");
    await alice.seesOf(bob, "applauds", ({ reactionState }) => reactionState?.reactionMessage.reactionType === "applause");
  });

  await step("hanging up ends the call for both, and nothing went wrong", async () => {
    await alice.leaves();
    await both((each) => each.isOn("leftCall"));
    await both((each) => each.looks(`${each === alice ? "caller" : "callee"}-left`));
    await both((each) => each.isContent());
  });

  await step("who was called calls back from the last page", async () => {
    await bob.page.press("//button[.='Re-join call']");
    await alice.accepts(bob, { video: false });
    await both((each) => each.isInCall());
    await bob.hears(alice);
    // The library begins a call that is joined again with the microphone off.
    await bob.presses("microphone");
    await alice.hears(bob);
    await bob.leaves();
    await both((each) => each.isOn("leftCall"));
  });
});
