/** Features that carry something: what the server says becomes events and values, what the page does becomes requests. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Features } from "../src/index.js";
import type * as T from "../src/types.js";
import { ALICE, BOB, CAROL, settle } from "./fakes/server.js";
import { CAPABILITIES, connect, GROUP, joinWithBob, openWorld, person, type World } from "./fakes/world.js";

interface Joined extends World {
  call: T.Call;
}

async function joined(t: TestContext): Promise<Joined> {
  const world = await openWorld(t);
  return { ...world, call: await joinWithBob(world) };
}

const rawIds = (people: { identifier: unknown }[]): string[] =>
  people.map(({ identifier }) => (identifier as { communicationUserId: string }).communicationUserId);

test("a raised hand is told with its order, one's own too", async (t) => {
  const { server, call } = await joined(t);
  const hands = call.feature(Features.RaiseHand);
  const told: string[] = [];
  hands.on("raisedHandEvent", ({ identifier }) => told.push(`up ${rawIds([{ identifier }])[0]}`));
  hands.on("loweredHandEvent", ({ identifier }) => told.push(`down ${rawIds([{ identifier }])[0]}`));

  await hands.raiseHand();
  assert.deepEqual(server.last("call.hand"), { id: server.last("call.hand")["id"], t: "call.hand", leg: call.id, raised: true });
  server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { hand: 1 }), person(1, ALICE, { hand: 2 })], gone: [] });
  await settle();
  assert.deepEqual(rawIds(hands.getRaisedHands()), [BOB, ALICE]);

  await hands.lowerHand();
  assert.equal(server.last("call.hand")["raised"], false);
  server.say({ t: "participants", leg: call.id, set: [person(1, ALICE)], gone: [2] });
  await settle();
  assert.deepEqual(hands.getRaisedHands(), []);
  assert.deepEqual(told, [`up ${BOB}`, `up ${ALICE}`, `down ${ALICE}`, `down ${BOB}`]);
});

test("a hand that stays up is told once, whatever its order becomes", async (t) => {
  const { server, call } = await joined(t);
  const hands = call.feature(Features.RaiseHand);
  let told = 0;
  hands.on("raisedHandEvent", () => (told += 1));
  server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { hand: 4 })], gone: [] });
  server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { hand: 2 })], gone: [] });
  await settle();
  assert.equal(told, 1);
  assert.deepEqual(hands.getRaisedHands().map(({ order }) => order), [2]);
});

test("a reaction names its sender by the raw id as a text, the user's own too", async (t) => {
  const { server, call } = await joined(t);
  const reactions = call.feature(Features.Reaction);
  const shown: unknown[] = [];
  reactions.on("reaction", (one) => shown.push(one));
  await reactions.sendReaction({ reactionType: "applause" });
  assert.equal(server.last("call.react")["reaction"], "applause");
  server.say({ t: "reaction", leg: call.id, p: 1, reaction: "applause" });
  server.say({ t: "reaction", leg: call.id, p: 2, reaction: "heart" });
  await settle();
  assert.deepEqual(shown, [
    { identifier: ALICE, reactionMessage: { reactionType: "applause" } },
    { identifier: BOB, reactionMessage: { reactionType: "heart" } },
  ]);
});

test("text being typed keeps its number until it is final", async (t) => {
  const { server, call } = await joined(t);
  const text = call.feature(Features.RealTimeText);
  const received: T.RealTimeTextInfo[] = [];
  text.on("realTimeTextReceived", (info) => received.push(info));
  await text.sendRealTimeText("H");
  await text.sendRealTimeText("Hi", true);
  await text.sendRealTimeText("B");
  const said = server.heard.filter(({ t }) => t === "call.text");
  const [first] = said;
  assert.deepEqual(
    said.map(({ text, final, seq }) => [text, final, seq]),
    [
      ["H", false, first?.["seq"]],
      ["Hi", true, first?.["seq"]],
      ["B", false, Number(first?.["seq"]) + 1],
    ],
  );

  server.say({ t: "text", leg: call.id, p: 1, seq: 1, text: "Hi", final: true, at: 1785000000000 });
  server.say({ t: "text", leg: call.id, p: 2, seq: 7, text: "He", final: false, at: 1785000000001 });
  await settle();
  assert.deepEqual(
    received.map(({ sequenceId, sender, text, resultType, isLocal }) => [sequenceId, sender.displayName, text, resultType, isLocal]),
    [
      [1, "Alice", "Hi", "Final", true],
      [7, "Bob", "He", "Partial", false],
    ],
  );
  assert.deepEqual(received[0]?.receivedTimestamp, new Date(1785000000000));
});

test("the spotlight takes the user when nobody is named, and numbers on the wire", async (t) => {
  const { server, call } = await joined(t);
  const spotlight = call.feature(Features.Spotlight);
  await spotlight.startSpotlight();
  assert.deepEqual(server.last("call.spotlight")["add"], [1]);
  await spotlight.startSpotlight([{ communicationUserId: BOB }]);
  assert.deepEqual(server.last("call.spotlight")["add"], [2]);
  await spotlight.stopSpotlight([{ communicationUserId: BOB }]);
  assert.deepEqual(server.last("call.spotlight")["remove"], [2]);
  await spotlight.stopAllSpotlight();
  assert.equal(server.last("call.spotlight")["clear"], true);
});

test("the spotlight tells who came into it and who went", async (t) => {
  const { server, call } = await joined(t);
  const spotlight = call.feature(Features.Spotlight);
  const told: [string[], string[]][] = [];
  spotlight.on("spotlightChanged", ({ added, removed }) => told.push([rawIds(added), rawIds(removed)]));
  const whole = { t: "call", leg: call.id, kind: "group", count: 2, recording: false, transcription: false, speakers: [], threadId: null };
  server.say({ ...whole, spotlight: [2] });
  server.say({ ...whole, spotlight: [2] });
  server.say({ ...whole, spotlight: [1] });
  await settle();
  assert.deepEqual(told, [
    [[BOB], []],
    [[ALICE], [BOB]],
  ]);
  assert.deepEqual(spotlight.getSpotlightedParticipants().map(({ order }) => order), [0]);
});

test("an eighth person in the spotlight is refused in the words the library looks for", async (t) => {
  const { server, call } = await joined(t);
  const spotlight = call.feature(Features.Spotlight);
  const people = Array.from({ length: 8 }, (_, at) => ({ communicationUserId: `8:acs:resource_user-${at}` }));
  await assert.rejects(spotlight.startSpotlight(people), {
    code: 400,
    message: "startSpotlight failed. 7 is the max number of participants that can be Spotlighted",
  });
  assert.ok(!server.types.includes("call.spotlight"));
});

test("dominant speakers are in the server's order, and told when it changes", async (t) => {
  const { server, call } = await joined(t);
  const dominant = call.feature(Features.DominantSpeakers);
  let told = 0;
  dominant.on("dominantSpeakersChanged", () => (told += 1));
  server.say({ t: "participants", leg: call.id, set: [person(3, CAROL)], gone: [] });
  server.say({ t: "media.speaking", leg: call.id, speaking: [3], dominant: [3, 2] });
  server.say({ t: "media.speaking", leg: call.id, speaking: [], dominant: [3, 2] });
  await settle();
  const list = dominant.dominantSpeakers.speakersList as { communicationUserId: string }[];
  assert.deepEqual(list.map(({ communicationUserId }) => communicationUserId), [CAROL, BOB]);
  assert.equal(told, 1);
});

test("recording and transcription are flags of their own", async (t) => {
  const { server, call } = await joined(t);
  const [recording, transcription] = [call.feature(Features.Recording), call.feature(Features.Transcription)];
  const told: string[] = [];
  recording.on("isRecordingActiveChanged", () => told.push(`recording ${recording.isRecordingActive}`));
  transcription.on("isTranscriptionActiveChanged", () => told.push(`transcription ${transcription.isTranscriptionActive}`));
  const whole = { t: "call", leg: call.id, kind: "group", count: 2, spotlight: [], speakers: [], threadId: null };
  server.say({ ...whole, recording: true, transcription: false });
  server.say({ ...whole, recording: true, transcription: true });
  server.say({ ...whole, recording: false, transcription: true });
  await settle();
  assert.deepEqual(told, ["recording true", "transcription true", "recording false"]);
});

test("capabilities are complete before the call connects, and told when it does", async (t) => {
  const world = await openWorld(t);
  const call = world.agent.join({ groupId: GROUP });
  const feature = call.feature(Features.Capabilities);
  const before = Object.values(feature.capabilities);
  assert.equal(before.length, 21);
  assert.ok(before.every(({ isPresent, reason }) => !isPresent && reason === "NotInitialized"));

  const told: T.CapabilitiesChangeInfo[] = [];
  feature.on("capabilitiesChanged", (info) => told.push(info));
  await settle();
  await connect(world, call.id, []);
  const [first] = told;
  assert.equal(Object.keys(first?.oldValue ?? {}).length, 21);
  assert.equal(first?.oldValue.shareScreen?.reason, "NotInitialized");
  assert.deepEqual(feature.capabilities.shareScreen, { isPresent: true, reason: "Capable" });
  assert.deepEqual(feature.capabilities.manageLobby, { isPresent: false, reason: "RoleRestricted" });
  assert.deepEqual(feature.capabilities.startLiveCaptions, { isPresent: false, reason: "FeatureNotSupported" });
});

test("who may not show video any more stops the camera", async (t) => {
  const world = await joined(t);
  const { client, call, page, server } = world;
  const [camera] = await (await client.getDeviceManager()).getCameras();
  assert.ok(camera);
  const { LocalVideoStream } = await import("../src/index.js");
  await call.startVideo(new LocalVideoStream(camera));
  const track = page.devices.opened.find(({ kind }) => kind === "video");
  assert.equal(track?.readyState, "live");
  const capabilities = CAPABILITIES.filter((one) => one !== "turnVideoOn");
  server.say({ t: "leg", leg: call.id, state: "connected", role: "Attendee", capabilities });
  await settle();
  assert.equal(track?.readyState, "ended");
  assert.equal(call.isLocalVideoStarted, false);
});

test("media access names people by number, and knows what is forbidden to whom", async (t) => {
  const { server, call } = await joined(t);
  const access = call.feature(Features.MediaAccess);
  const told: T.MediaAccess[][] = [];
  access.on("mediaAccessChanged", ({ mediaAccesses }) => told.push(mediaAccesses));
  await access.forbidAudio([{ communicationUserId: BOB }]);
  assert.deepEqual([server.last("call.access")["audio"], server.last("call.access")["p"]], [false, [2]]);
  await access.permitOthersVideo();
  assert.deepEqual([server.last("call.access")["video"], server.last("call.access")["p"]], [true, undefined]);

  server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { forbidden: ["audio"] })], gone: [] });
  await settle();
  const [bob] = access.getAllOthersMediaAccess();
  assert.deepEqual([bob?.isAudioPermitted, bob?.isVideoPermitted], [false, true]);
  assert.equal(told.length, 1);
  assert.deepEqual(access.getMeetingMediaAccess(), { isAudioPermitted: true, isVideoPermitted: true });
  server.say({ t: "participants", leg: call.id, set: [], gone: [2] });
  await settle();
  assert.deepEqual(access.getAllOthersMediaAccess(), []);
});

test("a survey is sent when the call is over", async (t) => {
  const { server, call } = await joined(t);
  server.say({ t: "leg.over", leg: call.id, reason: { code: 0, subCode: 0 } });
  await settle();
  const { answer } = server;
  server.answer = (said) => (said["t"] === "call.survey" ? { t: "ok", survey: "survey-1" } : answer(said));
  const submitting = call.feature(Features.CallSurvey).submitSurvey({ overallRating: { score: 5 } });
  await settle();
  const reply = await submitting;
  assert.deepEqual(server.last("call.survey")["survey"], { overallRating: { score: 5 } });
  assert.deepEqual([reply.id, reply.callId, reply.overallRating?.score], ["survey-1", call.id, 5]);
});

test("diagnostics tell a trouble and its end, and nothing of what was always well", async () => {
  const { Diagnostics } = await import("../src/features/diagnostics.js");
  const media = new Diagnostics<T.MediaDiagnosticType>();
  const told: unknown[] = [];
  media.on("diagnosticChanged", (change) => told.push(change));
  media.set("cameraFreeze", false);
  media.set("microphoneMuteUnexpectedly", 1);
  assert.deepEqual(media.getLatest(), {});
  media.set("cameraFreeze", true);
  media.set("cameraFreeze", true);
  media.set("microphoneMuteUnexpectedly", 3);
  media.set("cameraFreeze", false);
  assert.deepEqual(told, [
    { diagnostic: "cameraFreeze", value: true, valueType: "DiagnosticFlag" },
    { diagnostic: "microphoneMuteUnexpectedly", value: 3, valueType: "DiagnosticQuality" },
    { diagnostic: "cameraFreeze", value: false, valueType: "DiagnosticFlag" },
  ]);
  assert.deepEqual(media.getLatest().cameraFreeze, { value: false, valueType: "DiagnosticFlag" });
});

test("a feature is one object for the life of the call", async (t) => {
  const { call, server } = await joined(t);
  const before = Object.values(Features).map((token) => tryFeature(call, token));
  server.say({ t: "leg.over", leg: call.id, reason: { code: 0, subCode: 0 } });
  await settle();
  const after = Object.values(Features).map((token) => tryFeature(call, token));
  assert.ok(before.every((feature, at) => feature === after[at] && typeof feature === "object"));
});

test("what is no token is no feature", async (t) => {
  const { call } = await joined(t);
  assert.throws(() => call.feature({}), TypeError);
});

const tryFeature = (call: T.Call, token: unknown): unknown => call.feature(token as T.CallFeatureFactory<unknown>);
