/** Devices before and after permission, coming and going, and which of them is in use. */

import assert from "node:assert/strict";
import { mock, type TestContext, test } from "node:test";
import { Devices } from "../src/devices/manager.js";
import type * as T from "../src/types.js";
import { openPage, type Page } from "./fakes/browser.js";
import type { FakeDevice } from "./fakes/media.js";
import { settle } from "./fakes/server.js";

const WITHOUT_PERMISSION: FakeDevice[] = [
  { deviceId: "", label: "", kind: "audioinput" },
  { deviceId: "", label: "", kind: "videoinput" },
  { deviceId: "", label: "", kind: "audiooutput" },
];
const HEADSET: FakeDevice[] = [
  { deviceId: "headset", label: "Headset", kind: "audioinput" },
  { deviceId: "phones", label: "Headset", kind: "audiooutput" },
];

function open(t: TestContext): { page: Page; devices: Devices; told: string[] } {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const page = openPage();
  const devices = new Devices();
  t.after(() => devices.dispose());
  const told: string[] = [];
  const names = (list: { name: string }[]) => list.map(({ name }) => name).join();
  devices.on("videoDevicesUpdated", ({ added, removed }) => told.push(`video +${names(added)} -${names(removed)}`));
  devices.on("audioDevicesUpdated", ({ added, removed }) => told.push(`audio +${names(added)} -${names(removed)}`));
  devices.on("selectedMicrophoneChanged", () => told.push(`microphone ${devices.selectedMicrophone?.name}`));
  devices.on("selectedSpeakerChanged", () => told.push(`speaker ${devices.selectedSpeaker?.name}`));
  return { page, devices, told };
}

/** Devices come or go; the browser says so several times. */
async function change(page: Page, now: FakeDevice[]): Promise<void> {
  page.devices.devices = now;
  page.devices.dispatchEvent(new Event("devicechange"));
  page.devices.dispatchEvent(new Event("devicechange"));
  mock.timers.tick(300);
  await settle();
}

test("before permission devices have neither names nor ids, and are there all the same", async (t) => {
  const { page, devices } = open(t);
  page.devices.devices = WITHOUT_PERMISSION;
  assert.deepEqual(await devices.getCameras(), [{ id: "camera:", name: "", deviceType: "UsbCamera" }]);
  assert.deepEqual(await devices.getMicrophones(), [
    { id: "microphone:", name: "", isSystemDefault: true, deviceType: "Microphone" },
  ]);
  assert.equal(page.devices.opened.length, 0, "nothing was opened to look");
});

test("after permission the names come, and both lists are told", async (t) => {
  const { page, devices, told } = open(t);
  const named = page.devices.devices;
  page.devices.devices = WITHOUT_PERMISSION;
  await devices.getCameras();
  told.length = 0;
  page.devices.devices = named;
  assert.deepEqual(await devices.askDevicePermission({ audio: true, video: true }), { audio: true, video: true });
  assert.deepEqual(told, [
    "video +Camera 1 -",
    "audio +Default,Microphone 1,Default -,",
    "microphone Default",
    "speaker Default",
  ]);
  assert.deepEqual(page.devices.opened.map(({ kind, readyState }) => [kind, readyState]), [
    ["audio", "ended"],
    ["video", "ended"],
  ]);
});

test("asking again opens nothing", async (t) => {
  const { page, devices } = open(t);
  await devices.askDevicePermission({ audio: true, video: false });
  await devices.askDevicePermission({ audio: true, video: false });
  assert.equal(page.devices.opened.length, 1);
});

test("a refusal is false and no error, and is asked about again", async (t) => {
  const { page, devices } = open(t);
  page.devices.refusal = { video: new DOMException("no", "NotAllowedError") };
  assert.deepEqual(await devices.askDevicePermission({ audio: true, video: true }), { audio: true, video: false });
  page.devices.refusal = {};
  assert.deepEqual(await devices.askDevicePermission({ audio: false, video: true }), { audio: false, video: true });
});

test("what is not asked for is not answered with yes", async (t) => {
  const { devices } = open(t);
  await devices.askDevicePermission({ audio: true, video: true });
  assert.deepEqual(await devices.askDevicePermission({ audio: false, video: false }), { audio: false, video: false });
});

test("lists are fresh copies, which may be frozen", async (t) => {
  const { devices } = open(t);
  const [first, second] = [await devices.getCameras(), await devices.getCameras()];
  first.forEach(Object.freeze);
  assert.notEqual(first[0], second[0]);
  assert.deepEqual(await devices.getCameras(), second);
});

test("the system's default is in use at first", async (t) => {
  const { devices } = open(t);
  await devices.getMicrophones();
  assert.equal(devices.selectedMicrophone?.id, "microphone:default");
  assert.equal(devices.selectedMicrophone?.isSystemDefault, true);
  assert.equal(devices.sinkId, "");
});

test("a plugged-in headset is told once and does not take over", async (t) => {
  const { page, devices, told } = open(t);
  await devices.getMicrophones();
  told.length = 0;
  await change(page, [...page.devices.devices, ...HEADSET]);
  assert.deepEqual(told, ["audio +Headset,Headset -"]);
  assert.equal(devices.selectedMicrophone?.name, "Default");
});

test("a chosen device that is unplugged gives way to the default", async (t) => {
  const { page, devices, told } = open(t);
  const without = page.devices.devices;
  page.devices.devices = [...without, ...HEADSET];
  const headset = (await devices.getMicrophones()).find(({ name }) => name === "Headset");
  const phones = (await devices.getSpeakers()).find(({ name }) => name === "Headset");
  await devices.selectMicrophone(headset as T.AudioDeviceInfo);
  await devices.selectSpeaker(phones as T.AudioDeviceInfo);
  assert.equal(devices.sinkId, "phones");
  told.length = 0;
  await change(page, without);
  assert.deepEqual(told, ["audio + -Headset,Headset", "microphone Default", "speaker Default"]);
  assert.equal(devices.sinkId, "");
});

test("when the default is another device, calls go over to it", async (t) => {
  const { page, devices, told } = open(t);
  await devices.getMicrophones();
  const lease = await devices.microphone.lease({ onTrack: () => {} });
  const before = lease.track;
  told.length = 0;
  await change(page, page.devices.devices.map((one) => (one.deviceId === "default" ? { ...one, label: "Default: Headset" } : one)));
  assert.notEqual(lease.track, before);
  assert.deepEqual(told, ["audio +Default: Headset,Default: Headset -Default,Default"]);
});

test("names that come with the permission open nothing anew", async (t) => {
  const { page, devices } = open(t);
  const named = page.devices.devices;
  page.devices.devices = named.map((one) => ({ ...one, label: "" }));
  await devices.getMicrophones();
  await devices.microphone.lease({ onTrack: () => {} });
  await change(page, named);
  assert.equal(page.devices.opened.length, 1);
});

test("choosing what is in use or is not there changes nothing", async (t) => {
  const { devices, told } = open(t);
  const [first] = await devices.getMicrophones();
  told.length = 0;
  await devices.selectMicrophone(first as T.AudioDeviceInfo);
  await devices.selectMicrophone({ id: "microphone:gone", name: "", isSystemDefault: false, deviceType: "Microphone" });
  await devices.selectSpeaker(first as T.AudioDeviceInfo);
  assert.deepEqual(told, []);
  assert.equal(devices.selectedMicrophone?.id, first?.id);
});

test("a page without devices has empty lists", async (t) => {
  const { page, devices } = open(t);
  page.devices.devices = [];
  assert.deepEqual([await devices.getCameras(), await devices.getMicrophones(), await devices.getSpeakers()], [[], [], []]);
  assert.equal(devices.selectedMicrophone, undefined);
  assert.equal(devices.sinkId, "");
});

test("after its end nobody listens to the browser", async (t) => {
  const { page, devices, told } = open(t);
  await devices.getMicrophones();
  devices.dispose();
  told.length = 0;
  await change(page, []);
  assert.deepEqual(told, []);
});
