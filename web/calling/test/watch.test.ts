/** What goes wrong with devices becomes a diagnostic, and its end does. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { loudnessOf, SpeechJudge } from "../src/devices/loudness.js";
import { Devices } from "../src/devices/manager.js";
import { MediaWatch } from "../src/devices/watch.js";
import { failure } from "../src/errors.js";
import { Diagnostics } from "../src/features/diagnostics.js";
import type * as T from "../src/types.js";
import { openPage } from "./fakes/browser.js";
import { FakeTrack } from "./fakes/media.js";

async function open(t: TestContext) {
  const page = openPage();
  const devices = new Devices();
  const diagnostics = new Diagnostics<T.MediaDiagnosticType>();
  const watch = new MediaWatch(diagnostics, devices);
  t.after(() => {
    watch.dispose();
    devices.dispose();
  });
  const told: string[] = [];
  diagnostics.on("diagnosticChanged", ({ diagnostic, value }) => told.push(`${diagnostic} ${value}`));
  await devices.getMicrophones();
  return { page, devices, watch, told };
}

const camera = () => {
  const track = new FakeTrack("video");
  return { track, given: track as unknown as MediaStreamTrack };
};

test("a refused microphone is told, and its end when it is given", async (t) => {
  const { devices, watch, told } = await open(t);
  watch.failed("microphone", new DOMException("no", "NotAllowedError"));
  watch.microphone(await devices.microphone.lease({ onTrack: () => {} }));
  assert.deepEqual(told, ["microphonePermissionDenied true", "microphonePermissionDenied false"]);
});

test("no microphone at all is another thing than one that does not work", async (t) => {
  const { page, devices, watch, told } = await open(t);
  watch.failed("microphone", new DOMException("busy", "NotReadableError"));
  page.devices.devices = page.devices.devices.filter(({ kind }) => kind !== "audioinput");
  await devices.getMicrophones();
  watch.failed("microphone", new DOMException("none", "NotFoundError"));
  assert.deepEqual(told, ["microphoneNotFunctioning true", "noMicrophoneDevicesEnumerated true"]);
});

test("a microphone that the system silences is Bad, then Good", async (t) => {
  const { devices, watch, told } = await open(t);
  const lease = await devices.microphone.lease({ onTrack: () => {} });
  watch.microphone(lease);
  lease.track?.dispatchEvent(new Event("mute"));
  lease.track?.dispatchEvent(new Event("unmute"));
  assert.deepEqual(told, ["microphoneMuteUnexpectedly 3", "microphoneMuteUnexpectedly 1"]);
});

test("a track that was replaced is not listened to any more", async (t) => {
  const { devices, watch, told } = await open(t);
  const lease = await devices.microphone.lease({ onTrack: () => {} });
  watch.microphone(lease);
  const old = lease.track;
  await devices.microphone.replace();
  watch.microphone(lease);
  old?.dispatchEvent(new Event("ended"));
  assert.deepEqual(told, []);
});

test("speakers that go are told, and that they are back", async (t) => {
  const { page, devices, told } = await open(t);
  const all = page.devices.devices;
  page.devices.devices = all.filter(({ kind }) => kind !== "audiooutput");
  await devices.getMicrophones();
  page.devices.devices = all;
  await devices.getMicrophones();
  assert.deepEqual(told, ["noSpeakerDevicesEnumerated true", "noSpeakerDevicesEnumerated false"]);
});

test("a browser that never names speakers has some all the same", async (t) => {
  const page = openPage();
  page.devices.devices = page.devices.devices.filter(({ kind }) => kind !== "audiooutput");
  const devices = new Devices();
  const diagnostics = new Diagnostics<T.MediaDiagnosticType>();
  const watch = new MediaWatch(diagnostics, devices);
  t.after(() => {
    watch.dispose();
    devices.dispose();
  });
  await devices.getMicrophones();
  watch.microphone(await devices.microphone.lease({ onTrack: () => {} }));
  assert.deepEqual(diagnostics.getLatest(), {});
});

test("a camera that stops by itself is Bad until the next one", async (t) => {
  const { watch, told } = await open(t);
  const first = camera();
  watch.camera(first.given);
  first.track.end();
  watch.camera(camera().given);
  assert.deepEqual(told, ["cameraStoppedUnexpectedly 3", "cameraStoppedUnexpectedly 1"]);
});

test("a camera that freezes is told after three seconds, not before", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { watch, told } = await open(t);
  const { track, given } = camera();
  watch.camera(given);
  track.dispatchEvent(new Event("mute"));
  t.mock.timers.tick(2999);
  track.dispatchEvent(new Event("unmute"));
  assert.deepEqual(told, []);
  track.dispatchEvent(new Event("mute"));
  t.mock.timers.tick(3000);
  watch.camera(undefined);
  assert.deepEqual(told, ["cameraFreeze true", "cameraFreeze false"]);
});

test("refused and broken cameras are told apart", async (t) => {
  const { watch, told } = await open(t);
  watch.failed("camera", failure(403, 43004, "Video operation failure permissionDeniedError"));
  watch.failed("camera", failure(400, 43003, "Video operation failure SourceUnavailableError"));
  assert.deepEqual(told, ["cameraPermissionDenied true", "cameraStartFailed true"]);
});

test("a screen that the system does not show is told, a chooser that was closed is not", async (t) => {
  const { watch, told } = await open(t);
  watch.failed("screen", new DOMException("Permission denied", "NotAllowedError"));
  assert.deepEqual(told, []);
  watch.failed("screen", new DOMException("Permission denied by system", "NotAllowedError"));
  watch.failed("screen", new DOMException("broken", "NotReadableError"));
  assert.deepEqual(told, ["screenshareRecordingDisabled true", "capturerStartFailed true"]);
});

test("loudness is the root of the mean square", () => {
  assert.equal(loudnessOf(new Float32Array([0.5, -0.5, 0.5, -0.5])), 0.5);
  assert.equal(loudnessOf(new Float32Array(8)), 0);
  assert.equal(loudnessOf(new Float32Array(0)), 0);
});

test("a cough is no speech, a sentence is, and ends with a second and a half of silence", () => {
  const judge = new SpeechJudge();
  const hear = (loudness: number, times: number) => {
    const changes: boolean[] = [];
    for (let at = 0; at < times; at++) if (judge.hear(loudness)) changes.push(judge.isSpeaking);
    return changes;
  };
  assert.deepEqual(hear(0.3, 3), []);
  assert.deepEqual(hear(0.001, 10), []);
  assert.deepEqual(hear(0.3, 6), [true]);
  assert.deepEqual(hear(0.001, 14), []);
  assert.deepEqual(hear(0.001, 1), [false]);
  assert.deepEqual(hear(0.3, 3), [], "what was said before does not count again");
});

test("a browser without sound mutes all the same", async (t) => {
  const { page, devices, watch, told } = await open(t);
  await devices.microphone.lease({ onTrack: () => {} });
  Object.defineProperty(globalThis, "AudioContext", { value: undefined, configurable: true });
  watch.setMuted(true);
  assert.deepEqual(told, []);
  assert.equal(page.devices.opened.filter(({ readyState }) => readyState === "live").length, 1);
});
