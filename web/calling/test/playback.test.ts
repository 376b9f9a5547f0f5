/** Sound: every line is heard, through the chosen speaker, as soon as the page may. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Playback } from "../src/media/playback.js";
import { FakeElement, openPage } from "./fakes/browser.js";
import { FakeTrack } from "./fakes/media.js";
import { settle } from "./fakes/server.js";

function open() {
  const page = openPage();
  const followers = new Set<() => void>();
  const devices = {
    sinkId: "",
    followSpeaker: (follow: () => void) => {
      followers.add(follow);
      return () => void followers.delete(follow);
    },
  };
  const playback = new Playback(devices);
  const choose = (id: string) => {
    devices.sinkId = id;
    for (const follow of followers) follow();
  };
  return { page, playback, choose, followers, heard: () => page.document.body.find("audio") };
}

const lines = (count: number) =>
  Array.from({ length: count }, () => new FakeTrack("audio") as unknown as MediaStreamTrack);

test("every line has an element that plays, in a hidden part of the page", async () => {
  const { page, playback, heard } = open();
  playback.play(lines(2));
  await settle();
  assert.deepEqual(heard().map(({ paused, autoplay }) => [paused, autoplay]), [[false, true], [false, true]]);
  assert.equal(page.document.body.children[0]?.hidden, true);
});

test("more lines leave those that play alone; lines of an old connection end", () => {
  const { playback, heard } = open();
  const [first, second] = [lines(2), lines(1)];
  playback.play(first);
  const before = heard();
  playback.play([...first, ...second]);
  assert.deepEqual(heard().slice(0, 2), before);
  assert.equal(heard()[0]?.plays, 1);
  playback.play(second);
  assert.deepEqual(heard().map((element) => element.srcObject?.getTracks()[0]), second);
  assert.equal(before[0]?.srcObject, null);
});

test("a page that may not make a sound yet starts with the user's next gesture", async () => {
  const { page, playback, heard } = open();
  FakeElement.refusal = new DOMException("no gesture", "NotAllowedError");
  playback.play(lines(2));
  await settle();
  assert.deepEqual(heard().map(({ paused }) => paused), [true, true]);
  FakeElement.refusal = undefined;
  page.document.dispatchEvent(new Event("keydown"));
  assert.deepEqual(heard().map(({ paused }) => paused), [false, false]);
  page.document.dispatchEvent(new Event("pointerdown"));
  assert.deepEqual(heard().map(({ plays }) => plays), [2, 2], "one gesture is enough");
});

test("a gesture that was not enough is followed by the next", async () => {
  const { page, playback, heard } = open();
  FakeElement.refusal = new DOMException("no gesture", "NotAllowedError");
  playback.play(lines(1));
  await settle();
  page.document.dispatchEvent(new Event("keydown"));
  await settle();
  FakeElement.refusal = undefined;
  page.document.dispatchEvent(new Event("pointerdown"));
  assert.equal(heard()[0]?.paused, false);
});

test("an interruption asks nobody for a gesture", async () => {
  const { page, playback, heard } = open();
  FakeElement.refusal = new DOMException("a new load", "AbortError");
  playback.play(lines(1));
  await settle();
  page.document.dispatchEvent(new Event("keydown"));
  assert.equal(heard()[0]?.plays, 1);
});

test("another speaker is heard from at once, also by lines that come later", async () => {
  const { playback, choose, heard } = open();
  const first = lines(1);
  playback.play(first);
  choose("phones");
  playback.play([...first, ...lines(1)]);
  await settle();
  assert.deepEqual(heard().map(({ sink }) => sink), ["phones", "phones"]);
  choose("");
  assert.deepEqual(heard().map(({ sink }) => sink), ["", ""]);
});

test("a call whose sound is off is off for later lines too", () => {
  const { playback, heard } = open();
  const first = lines(1);
  playback.play(first);
  playback.setMuted(true);
  playback.play([...first, ...lines(1)]);
  assert.deepEqual(heard().map(({ muted }) => muted), [true, true]);
  playback.setMuted(false);
  assert.deepEqual(heard().map(({ muted }) => muted), [false, false]);
});

test("after the call nothing of it is left in the page", async () => {
  const { page, playback, followers } = open();
  FakeElement.refusal = new DOMException("no gesture", "NotAllowedError");
  playback.play(lines(1));
  await settle();
  playback.dispose();
  page.document.dispatchEvent(new Event("keydown"));
  assert.deepEqual(page.document.body.children, []);
  assert.equal(followers.size, 0);
});
