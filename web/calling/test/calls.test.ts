/** Calls from the application's side: what is asked of the server, and what becomes of its answers. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Features, LocalVideoStream, VideoStreamRenderer } from "../src/index.js";
import type * as T from "../src/types.js";
import { FakeConnection } from "./fakes/connection.js";
import { ALICE, BOB, CAROL, type Said, settle } from "./fakes/server.js";
import { CAPABILITIES, connect, GROUP, joinWithBob, openWorld, person, takesCalls, type World } from "./fakes/world.js";

const newest = (): FakeConnection => FakeConnection.all[FakeConnection.all.length - 1] as FakeConnection;

function camera(): T.LocalVideoStream {
  return new LocalVideoStream({ id: "camera:cam1", name: "Camera 1", deviceType: "UsbCamera" });
}

test("a call to one person offers lines in the order of the protocol", async (t) => {
  const world = await openWorld(t);
  const call = world.agent.startCall([{ communicationUserId: BOB }], { customContext: { userToUser: "hello" } });
  assert.deepEqual([call.state, call.direction, world.agent.calls[0] === call], ["None", "Outgoing", true]);
  await settle();
  const said = world.server.last("call.start");
  assert.deepEqual(said["to"], [BOB]);
  assert.deepEqual([said["muted"], said["displayName"], said["customContext"]], [false, "Alice", { userToUser: "hello" }]);
  const lines = String((said["offer"] as Said)["sdp"]).split("\n").slice(1);
  assert.deepEqual(lines, [
    "m=audio sendonly", "m=video sendonly", "m=video sendonly",
    "m=audio recvonly", "m=audio recvonly", "m=video recvonly", "m=video recvonly",
  ]);
  const [connection] = FakeConnection.all as [FakeConnection];
  assert.deepEqual(connection.channels.map(({ label, options }) => ({ label, options })), [
    { label: "reliable", options: { negotiated: true, id: 0 } },
    { label: "lossy", options: { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 } },
  ]);
  assert.equal(connection.answers.length, 1);
  assert.deepEqual(connection.configuration.iceServers, [{ urls: ["turn:relay.example:3478"], username: "u", credential: "c" }]);
  assert.equal(connection.configuration.iceTransportPolicy, "all");
});

test("a ringing call shows the callee, and the state follows the server", async (t) => {
  const world = await openWorld(t);
  const call = world.agent.startCall([{ communicationUserId: BOB }]);
  const states: string[] = [];
  call.on("stateChanged", () => states.push(call.state));
  await settle();
  world.server.say({ t: "leg", leg: call.id, state: "connecting", role: "Unknown", capabilities: CAPABILITIES });
  world.server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { state: "ringing", name: "" })], gone: [] });
  world.server.say({ t: "leg", leg: call.id, state: "ringing", role: "Unknown", capabilities: CAPABILITIES });
  await settle();
  assert.deepEqual(call.remoteParticipants.map(({ state }) => state), ["Ringing"]);
  world.server.say({ t: "leg.over", leg: call.id, reason: { code: 603, subCode: 0 } });
  await settle();
  assert.deepEqual(states, ["Connecting", "Ringing", "Disconnected"]);
  assert.deepEqual(call.callEndReason, { code: 603, subCode: 0, resultCategories: ["Success"] });
});

test("a call goes on without a microphone, and says why", async (t) => {
  const world = await openWorld(t);
  world.page.devices.refusal.audio = Object.assign(new Error("no"), { name: "NotAllowedError" });
  const call = await joinWithBob(world);
  assert.equal(call.state, "Connected");
  const { media } = call.feature(Features.UserFacingDiagnostics);
  assert.equal(media.getLatest().microphonePermissionDenied?.value, true);
});

test("an offer that the server refuses ends the call with its reason, and devices are let go", async (t) => {
  const world = await openWorld(t);
  world.server.answer = () => ({ t: "error", code: 404, subCode: 5732, message: "There is no such room.", name: "roomNotFound" });
  const call = world.agent.join({ roomId: "99123" }, { videoOptions: { localVideoStreams: [camera()] } });
  await settle();
  assert.deepEqual([call.state, call.callEndReason?.subCode], ["Disconnected", 5732]);
  assert.deepEqual(world.page.devices.opened.map(({ readyState }) => readyState), ["ended", "ended"]);
  assert.equal(newest().connectionState, "closed");
});

test("a camera given at the beginning is in the call from the first moment, and its size is told once it is open", async (t) => {
  const world = await openWorld(t);
  const stream = camera();
  const call = world.agent.join({ groupId: GROUP }, { videoOptions: { localVideoStreams: [stream] }, audioOptions: { muted: true } });
  assert.equal(call.localVideoStreams[0], stream);
  await settle();
  const said = world.server.last("call.join");
  assert.deepEqual([said["sources"], said["muted"]], [{}, true]);
  assert.deepEqual(world.server.last("media.sources"), { t: "media.sources", leg: call.id, camera: { width: 640, height: 360 } });
  assert.equal(call.isLocalVideoStarted, true);
});

test("camera on and off tells the server, without a new offer", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const stream = camera();
  await call.startVideo(stream);
  await settle();
  assert.deepEqual(world.server.last("media.sources"), { t: "media.sources", leg: call.id, camera: { width: 640, height: 360 } });
  const sender = newest().getTransceivers()[1]?.sender;
  assert.equal(sender?.track?.kind, "video");
  // The library may name the same camera by another object.
  await call.stopVideo(camera());
  await settle();
  assert.deepEqual(world.server.last("media.sources"), { t: "media.sources", leg: call.id, camera: null });
  assert.deepEqual([sender?.track, call.localVideoStreams.length, call.isLocalVideoStarted], [null, 0, false]);
  assert.equal(newest().offers.length, 1);
});

test("a camera that cannot be opened rejects with the library's text and leaves the call as it was", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  world.page.devices.refusal.video = Object.assign(new Error("no"), { name: "NotAllowedError" });
  await assert.rejects(call.startVideo(camera()), { message: "Video operation failure permissionDeniedError" });
  assert.deepEqual([call.localVideoStreams.length, call.isLocalVideoStarted], [0, false]);
  world.page.devices.refusal = {};
  await call.startVideo(camera());
  assert.equal(call.isLocalVideoStarted, true);
});

test("the browser's own stop ends the shared screen", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  await call.startScreenSharing();
  await settle();
  assert.deepEqual(world.server.last("media.sources")["screen"], { width: 1920, height: 1080 });
  assert.deepEqual(call.localVideoStreams.map(({ mediaStreamType, source }) => [mediaStreamType, typeof source.id]), [["ScreenSharing", "string"]]);
  world.page.devices.opened[world.page.devices.opened.length - 1]?.end();
  await settle();
  assert.deepEqual([call.isScreenSharingOn, call.localVideoStreams.length], [false, 0]);
  assert.equal(world.server.last("media.sources")["screen"], null);
});

test("a screen chosen after the call has ended is let go, and a second click opens no second choice", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const { devices } = world.page;
  const [show, before] = [devices.getDisplayMedia.bind(devices), devices.opened.length];
  let choose = (): void => undefined;
  const chosen = new Promise<void>((settled) => (choose = settled));
  devices.getDisplayMedia = () => chosen.then(show);
  const sharing = assert.rejects(call.startScreenSharing(), { message: "The screen is not shared: the call is over." });
  await call.startScreenSharing();
  await call.hangUp();
  choose();
  await sharing;
  const opened = devices.opened.slice(before);
  assert.deepEqual([opened.map(({ readyState }) => readyState), call.isScreenSharingOn], [["ended"], false]);
});

test("mute is told and done; who may not unmute stays muted", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const track = () => newest().getTransceivers()[0]?.sender.track;
  assert.equal(track()?.enabled, true);
  await call.mute();
  assert.deepEqual([track()?.enabled, call.isMuted, world.server.last("call.mute")["muted"]], [false, true, true]);
  world.server.answer = () => ({ t: "error", code: 403, subCode: 10124, message: "no", name: "notAllowed" });
  await assert.rejects(call.unmute());
  assert.deepEqual([track()?.enabled, call.isMuted], [false, true]);
});

test("mute pressed while the call is being placed reaches the server", async (t) => {
  const world = await openWorld(t);
  const replies: (() => void)[] = [];
  world.server.answer = (said) => {
    if (said["t"] !== "call.join") return takesCalls(said);
    replies.push(() => world.server.say({ re: said["id"], ...takesCalls(said) }));
    return undefined;
  };
  const call = world.agent.join({ groupId: GROUP });
  await settle();
  await call.mute();
  assert.equal(call.isMuted, true);
  replies[0]?.();
  await settle();
  assert.equal(world.server.last("call.join")["muted"], false);
  assert.equal(world.server.last("call.mute")["muted"], true);
});

test("muted by somebody else: the microphone is off, the server and the page know", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  let times = 0;
  call.on("mutedByOthers", () => (times += 1));
  world.server.say({ t: "muted", leg: call.id, by: 2 });
  await settle();
  assert.deepEqual([times, call.isMuted, world.server.last("call.mute")["muted"]], [1, true, true]);
});

test("on hold silence is sent and nothing heard; resume brings all of it back", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world, { videoOptions: { localVideoStreams: [camera()] } });
  const [microphone, video] = newest().getTransceivers();
  const sounds = world.page.document.body.children[0]?.children ?? [];
  await call.hold();
  assert.deepEqual([call.state, microphone?.sender.track?.enabled, video?.sender.track], ["LocalHold", false, null]);
  assert.deepEqual(sounds.map(({ muted }) => muted), [true, true, true, true]);
  await call.resume();
  assert.equal(call.state, "Connected");
  assert.deepEqual([microphone?.sender.track?.enabled, video?.sender.track?.kind], [true, "video"]);
  assert.deepEqual(sounds.map(({ muted }) => muted), [false, false, false, false]);
});

test("who loses the right to show a camera shows none", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world, { videoOptions: { localVideoStreams: [camera()] } });
  world.server.say({ t: "leg", leg: call.id, state: "connected", role: "Consumer", capabilities: ["raiseHand"] });
  await settle();
  assert.deepEqual([call.role, call.isLocalVideoStarted, world.server.last("media.sources")["camera"]], ["Consumer", false, null]);
});

test("a slot gives a stream its track, and another slot another one", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const stream = call.remoteParticipants[0]?.videoStreams[0] as T.RemoteVideoStream;
  const trackOf = async () => (await stream.getMediaStream()).getTracks()[0] as unknown;
  const lineOf = (mid: string) => newest().getTransceivers().find((line) => line.mid === mid)?.receiver.track;
  for (const mid of ["7", "8"]) {
    world.server.say({ t: "media.slots", leg: call.id, slots: [{ mid, p: 2, source: "camera", state: "live" }] });
    await settle();
    assert.equal(await trackOf(), lineOf(mid));
  }
  world.server.say({ t: "media.slots", leg: call.id, slots: [{ mid: "8", p: null }] });
  await settle();
  assert.equal(await trackOf(), undefined);
});

test("more lines are offered when the server needs them", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  world.server.say({ t: "media.need", leg: call.id, audio: 5, video: 9 });
  await settle();
  const receiving = newest().getTransceivers().filter(({ direction }) => direction === "recvonly");
  assert.deepEqual(["audio", "video"].map((kind) => receiving.filter(({ receiver }) => receiver.track.kind === kind).length), [5, 9]);
  assert.equal(world.server.types.filter((type) => type === "media.offer").length, 1);
  assert.equal(newest().answers.length, 2);
});

test("layers nobody wants are switched off", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world, { videoOptions: { localVideoStreams: [camera()] } });
  const actives = (line: number) => newest().getTransceivers()[line]?.sender.parameters.encodings.map(({ active }) => active);
  assert.deepEqual(actives(1), [true, true, false]);
  world.server.say({ t: "media.layers", leg: call.id, camera: ["q"], screen: false });
  await settle();
  assert.deepEqual([actives(1), actives(2)], [[true, false, false], [false]]);
});

test("somebody added is there at once, and gone when the server refuses", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const carol = call.addParticipant({ communicationUserId: CAROL });
  assert.deepEqual([carol.state, call.remoteParticipants.length], ["Idle", 2]);
  await settle();
  assert.deepEqual(world.server.last("call.add")["to"], [CAROL]);
  world.server.say({ t: "participants", leg: call.id, set: [person(3, CAROL, { state: "ringing" })], gone: [] });
  await settle();
  assert.deepEqual([carol.state, call.remoteParticipants.length], ["Ringing", 2]);
  await call.removeParticipant({ communicationUserId: CAROL });
  assert.equal(world.server.last("call.remove")["p"], 3);
  world.server.say({ t: "participants", leg: call.id, set: [], gone: [3] });
  await settle();
  world.server.answer = () => ({ t: "error", code: 403, subCode: 10124, message: "no", name: "notAllowed" });
  call.addParticipant({ communicationUserId: CAROL });
  await settle();
  assert.equal(call.remoteParticipants.length, 1);
});

test("two devices of one user are one participant", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const [bob] = call.remoteParticipants as [T.RemoteParticipant];
  world.server.say({ t: "participants", leg: call.id, set: [person(5, BOB, { muted: true, sources: { screen: { width: 800, height: 600 } } })], gone: [] });
  await settle();
  assert.deepEqual(call.remoteParticipants.length, 1);
  assert.deepEqual(bob.endpointDetails, [{ participantId: "2" }, { participantId: "5" }]);
  assert.deepEqual([bob.isMuted, bob.videoStreams.map(({ mediaStreamType }) => mediaStreamType)], [false, ["Video", "ScreenSharing"]]);
  world.server.say({ t: "participants", leg: call.id, set: [], gone: [2] });
  await settle();
  assert.deepEqual([bob.isMuted, bob.state, bob.videoStreams.length], [true, "Connected", 1]);
});

test("hanging up asks the server, for everyone when told so, and does not wait for ever", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  await call.hangUp({ forEveryone: true });
  assert.equal(world.server.last("call.hangUp")["forEveryone"], true);
  assert.deepEqual([call.state, call.callEndReason?.code], ["Disconnected", 0]);
  const silent = await joinWithBob(world);
  world.server.answer = () => undefined;
  const leaving = silent.hangUp();
  await settle();
  assert.equal(silent.state, "Disconnecting");
  mock.timers.tick(2000);
  await leaving;
  assert.equal(silent.state, "Disconnected");
});

test("a call that is hung up while it is placed is given up at the server", async (t) => {
  const world = await openWorld(t);
  world.server.answer = (said) => (said["t"] === "call.start" ? undefined : takesCalls(said));
  const call = world.agent.startCall([{ communicationUserId: BOB }]);
  await settle();
  await call.hangUp();
  assert.deepEqual(world.server.types.slice(-2), ["call.start", "call.hangUp"]);
  assert.deepEqual(world.agent.calls, []);
});

test("a camera given at the beginning stays open when its preview goes", async (t) => {
  const world = await openWorld(t);
  const stream = camera();
  const preview = new VideoStreamRenderer(stream);
  await stream.getMediaStream();
  world.agent.join({ groupId: GROUP }, { videoOptions: { localVideoStreams: [stream] } });
  preview.dispose();
  await settle();
  assert.deepEqual(world.page.devices.opened.map(({ kind, readyState }) => [kind, readyState]), [
    ["video", "live"],
    ["audio", "live"],
  ]);
});

test("a participant is as connected as the best of their devices", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const set = [person(3, CAROL, { state: "ringing" }), person(4, CAROL, { name: "Carol" })];
  world.server.say({ t: "participants", leg: call.id, set, gone: [] });
  await settle();
  const carol = call.remoteParticipants[1];
  assert.deepEqual([carol?.state, carol?.displayName], ["Connected", "Carol"]);
});

test("a page that goes away hangs up at once, but not one that may come back", async (t) => {
  const world = await openWorld(t);
  await joinWithBob(world);
  world.page.window.dispatchEvent(Object.assign(new Event("pagehide"), { persisted: true }));
  await settle();
  assert.equal(world.server.types.includes("call.hangUp"), false);
  world.page.window.dispatchEvent(Object.assign(new Event("pagehide"), { persisted: false }));
  await settle();
  assert.equal(world.server.types.pop(), "call.hangUp");
});

test("texts and reactions come with their writers, the own ones marked", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const texts: unknown[] = [];
  const reactions: unknown[] = [];
  call.feature(Features.RealTimeText).on("realTimeTextReceived", ({ text, isLocal, resultType, sender }) => texts.push([text, isLocal, resultType, sender.displayName]));
  call.feature(Features.Reaction).on("reaction", ({ identifier }) => reactions.push(identifier));
  world.server.say({ t: "text", leg: call.id, p: 1, seq: 1, text: "I wri", final: false, at: 0 });
  world.server.say({ t: "text", leg: call.id, p: 2, seq: 1, text: "Yes.", final: true, at: 0 });
  world.server.say({ t: "reaction", leg: call.id, p: 1, reaction: "like" });
  world.server.say({ t: "reaction", leg: call.id, p: 2, reaction: "heart" });
  await settle();
  assert.deepEqual(texts, [["I wri", true, "Partial", "Alice"], ["Yes.", false, "Final", "Bob"]]);
  assert.deepEqual(reactions, [ALICE, BOB]);
});

// ---- incoming ----

const ring = (leg: string): Said => ({
  t: "ring", leg, call: "c-1", from: { user: BOB, name: "Bob" }, kind: "oneToOne", until: 1_785_000_085_000,
  customContext: { userToUser: "hello" }, sources: ["audio"],
});

async function rung(world: World): Promise<T.IncomingCall> {
  const rings: T.IncomingCall[] = [];
  world.agent.on("incomingCall", ({ incomingCall }) => rings.push(incomingCall));
  world.server.say(ring("leg-9"));
  await settle();
  assert.equal(rings.length, 1);
  return rings[0] as T.IncomingCall;
}

test("somebody calls: the page shows it, the server hears so, and accepting makes the call of that id", async (t) => {
  const world = await openWorld(t);
  const incoming = await rung(world);
  assert.deepEqual(world.server.last("ring.seen"), { t: "ring.seen", leg: "leg-9" });
  assert.deepEqual(incoming.callerInfo, { displayName: "Bob", identifier: { kind: "communicationUser", communicationUserId: BOB } });
  assert.deepEqual(incoming.customContext, { userToUser: "hello" });
  let ended = 0;
  incoming.on("callEnded", () => (ended += 1));
  const call = await incoming.accept({ audioOptions: { muted: true } });
  assert.deepEqual([call.id, call.direction, world.agent.calls[0] === call, ended], ["leg-9", "Incoming", true, 1]);
  await settle();
  const said = world.server.last("call.accept");
  assert.deepEqual([said["leg"], said["muted"]], ["leg-9", true]);
  await connect(world, call.id, [person(2, BOB)]);
  assert.equal(call.state, "Connected");
});

test("an incoming call ends with the server's reason, and cannot be accepted any more", async (t) => {
  const world = await openWorld(t);
  const incoming = await rung(world);
  const reasons: unknown[] = [];
  incoming.on("callEnded", ({ callEndReason }) => reasons.push([callEndReason.code, callEndReason.subCode]));
  world.server.say({ t: "ring.over", leg: "leg-9", reason: { code: 487, subCode: 10003 } });
  await settle();
  assert.deepEqual(reasons, [[487, 10003]]);
  // Its place is free: should it ring again, it is another one.
  assert.notEqual(await rung(world), incoming);
  await assert.rejects(incoming.accept(), { code: 487 });
});

test("a call that is not answered goes away by itself, also when the server says nothing", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  const incoming = await rung(world);
  mock.timers.tick(90_001);
  assert.equal(incoming.callEndReason?.subCode, 10004);
});

test("rejecting tells the server", async (t) => {
  const world = await openWorld(t);
  const incoming = await rung(world);
  await incoming.reject();
  assert.equal(world.server.last("call.reject")["leg"], "leg-9");
  assert.equal(incoming.callEndReason?.code, 603);
});

test("one agent for a client at a time", async (t) => {
  const world = await openWorld(t);
  await assert.rejects(world.client.createCallAgent({} as never), { code: 409 });
});
