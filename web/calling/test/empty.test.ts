/** Features that this service does not have: the answers that docs/calling.md promises. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CallClient, Features, LocalAudioStream, LocalVideoStream } from "../src/index.js";
import type * as T from "../src/types.js";
import { joinWithBob, openWorld } from "./fakes/world.js";

const UNSUPPORTED = { code: 400, subCode: 45700 };

test("captions: none are spoken, none can be started", async (t) => {
  const call = await joinWithBob(await openWorld(t));
  const { captions } = call.feature(Features.Captions);
  assert.equal(captions.kind, "Captions");
  assert.equal(captions.isCaptionsFeatureActive, false);
  assert.deepEqual(captions.supportedSpokenLanguages, []);
  assert.equal(captions.activeSpokenLanguage, "");
  await assert.rejects(captions.startCaptions({ spokenLanguage: "en-us" }), UNSUPPORTED);
  await assert.rejects(captions.setSpokenLanguage("en-us"), UNSUPPORTED);
  await captions.stopCaptions();
});

test("a transfer has failed at once", async (t) => {
  const call = await joinWithBob(await openWorld(t));
  const transfer = call.feature(Features.Transfer).transfer({ targetCallId: "another" });
  assert.equal(transfer.state, "Failed");
  assert.deepEqual(transfer.error, UNSUPPORTED);
});

test("there are no breakout rooms", async (t) => {
  const rooms = (await joinWithBob(await openWorld(t))).feature(Features.BreakoutRooms);
  assert.equal(rooms.assignedBreakoutRooms, undefined);
  assert.equal(rooms.breakoutRooms, undefined);
});

test("together mode has no streams and keeps the size it is told", async (t) => {
  const together = (await joinWithBob(await openWorld(t))).feature(Features.TogetherMode);
  assert.deepEqual(together.togetherModeStream, []);
  assert.equal(together.togetherModeSeatingMap?.size, 0);
  together.sceneSize = { width: 1280, height: 720 };
  assert.deepEqual(together.sceneSize, { width: 1280, height: 720 });
  await assert.rejects(together.start(), UNSUPPORTED);
});

test("nobody presents slides", async (t) => {
  const slides = (await joinWithBob(await openWorld(t))).feature(Features.PPTLive);
  assert.deepEqual([slides.isActive, slides.activePresenterId, slides.target], [false, undefined, undefined]);
});

test("nobody records on a device of their own", async (t) => {
  const recording = (await joinWithBob(await openWorld(t))).feature(Features.LocalRecording);
  assert.equal(recording.isLocalRecordingActive, false);
  assert.deepEqual(recording.recordings, []);
});

test("a meeting has no telephone numbers", async (t) => {
  const conferencing = (await joinWithBob(await openWorld(t))).feature(Features.TeamsMeetingAudioConferencing);
  const details = await conferencing.getTeamsMeetingAudioConferencingDetails();
  assert.deepEqual(details, { phoneConferenceId: "", phoneNumbers: [] });
});

test("a camera has no effects", async (t) => {
  const { client } = await openWorld(t);
  const [camera] = await (await client.getDeviceManager()).getCameras();
  assert.ok(camera);
  const stream = new LocalVideoStream(camera);
  const effects = stream.feature(Features.VideoEffects);
  assert.equal(stream.feature(Features.VideoEffects), effects);
  assert.deepEqual(effects.activeEffects, []);
  assert.equal(await effects.isSupported({ name: "BackgroundBlur" }), false);
  // The library tells the user when this event comes.
  const told: unknown[] = [];
  const tell = ({ code, message }: T.VideoEffectErrorPayload) => told.push([code, message]);
  effects.on("effectsError", tell);
  await assert.rejects(effects.startEffects({ name: "BackgroundBlur" }), UNSUPPORTED);
  effects.off("effectsError", tell);
  await assert.rejects(effects.startEffects({ name: "BackgroundBlur" }), UNSUPPORTED);
  assert.deepEqual(told, [[400, "The video effect BackgroundBlur is not supported by this service."]]);
  await effects.stopEffects();
});

test("a microphone has no effects", async (t) => {
  const { client } = await openWorld(t);
  const [microphone] = await (await client.getDeviceManager()).getMicrophones();
  assert.ok(microphone);
  const effects = new LocalAudioStream(microphone).feature(Features.AudioEffects);
  assert.equal(await effects.isSupported({ name: "DeepNoiseSuppression" }), false);
  await assert.rejects(effects.startEffects({}), UNSUPPORTED);
  await effects.stopEffects({});
});

test("Teams users are told that they cannot call here", async () => {
  const credential = { getToken: async () => ({ token: "", expiresOnTimestamp: 0 }), dispose: () => {} };
  await assert.rejects(new CallClient().createTeamsCallAgent(credential), UNSUPPORTED);
});

test("listening to a feature that has nothing to tell is fine, and so is ending it", async (t) => {
  const call = await joinWithBob(await openWorld(t));
  const tokens = [
    Features.Captions, Features.Transfer, Features.BreakoutRooms, Features.TogetherMode, Features.PPTLive,
    Features.LocalRecording,
  ] as T.CallFeatureFactory<{ on(event: string, listener: () => void): void; off(event: string, listener: () => void): void }>[];
  for (const token of tokens) {
    const feature = call.feature(token);
    feature.on("anything", assert.fail);
    feature.off("anything", assert.fail);
    feature.off("anything", () => {});
  }
});
