/** One microphone for all calls of a client, silenced for each of them alone. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Microphone } from "../src/devices/microphone.js";
import { openPage } from "./fakes/browser.js";
import { settle } from "./fakes/server.js";

function open() {
  const page = openPage();
  let chosen: string | undefined;
  const microphone = new Microphone(() => chosen);
  const tracks: (MediaStreamTrack | undefined)[] = [];
  const lease = () => microphone.lease({ onTrack: (track) => tracks.push(track) });
  return { page, microphone, tracks, lease, choose: (id: string) => (chosen = id) };
}

test("two calls share one opening and have a track each", async () => {
  const { page, lease } = open();
  const [first, second] = await Promise.all([lease(), lease()]);
  assert.equal(page.devices.opened.length, 1);
  assert.ok(first.track && second.track && first.track !== second.track);
});

test("muting one call leaves the other alone", async () => {
  const { lease } = open();
  const [first, second] = [await lease(), await lease()];
  first.setMuted(true);
  assert.deepEqual([first.track?.enabled, second.track?.enabled], [false, true]);
});

test("the microphone goes off with the last call", async () => {
  const { page, lease } = open();
  const [first, second] = [await lease(), await lease()];
  const [source] = page.devices.opened;
  first.release();
  assert.equal(source?.readyState, "live");
  second.release();
  assert.equal(source?.readyState, "ended");
});

test("another microphone reaches all calls, muted ones muted", async () => {
  const { page, microphone, tracks, lease, choose } = open();
  const [first, second] = [await lease(), await lease()];
  second.setMuted(true);
  const before = first.track;
  tracks.length = 0;
  choose("microphone:other");
  await microphone.replace();
  assert.equal(page.devices.opened.length, 2);
  assert.deepEqual(page.devices.opened.map(({ readyState }) => readyState), ["ended", "live"]);
  assert.deepEqual(tracks, [first.track, second.track]);
  assert.notEqual(first.track, before);
  assert.equal(before?.readyState, "ended");
  assert.deepEqual([first.track?.enabled, second.track?.enabled], [true, false]);
});

test("without a call nothing is opened when another is chosen", async () => {
  const { page, microphone, choose } = open();
  choose("microphone:other");
  await microphone.replace();
  assert.equal(page.devices.opened.length, 0);
});

test("a microphone that cannot be opened is an error of the call, which has no part in it then", async () => {
  const { page, microphone, lease } = open();
  page.devices.refusal = { audio: new DOMException("no", "NotAllowedError") };
  await assert.rejects(lease(), { name: "NotAllowedError" });
  page.devices.refusal = {};
  await microphone.replace();
  assert.equal(page.devices.opened.length, 0);
});

test("a track that ended is opened anew when it is wanted", async () => {
  const { page, lease } = open();
  const first = await lease();
  await first.revive();
  assert.equal(page.devices.opened.length, 1);
  first.track?.stop();
  await first.revive();
  assert.equal(page.devices.opened.length, 2);
  assert.equal(first.track?.readyState, "live");
});

test("a microphone that is gone leaves calls silent, not broken", async () => {
  const { page, microphone, tracks, lease } = open();
  const first = await lease();
  page.devices.refusal = { audio: new DOMException("none", "NotFoundError") };
  await microphone.replace();
  assert.equal(first.track, undefined);
  assert.equal(tracks.pop(), undefined);
});

test("a call that ended while the user was asked does not leave it open", async () => {
  const { page, microphone, lease } = open();
  const asking = lease();
  microphone.dispose();
  await asking.catch(() => undefined);
  await settle();
  assert.deepEqual(page.devices.opened.filter(({ readyState }) => readyState === "live"), []);
});

test("a microphone that is unplugged is replaced by what there is", async () => {
  const { page, tracks, lease } = open();
  const first = await lease();
  tracks.length = 0;
  page.devices.opened[0]?.end();
  await settle();
  assert.equal(page.devices.opened.length, 2);
  assert.deepEqual(tracks, [first.track]);
  assert.equal(first.track?.readyState, "live");
});
