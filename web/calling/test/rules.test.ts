/** The rules that no signature shows: what the UI library does with our objects, and what it counts on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { CallClient, Features, LocalVideoStream } from "../src/index.js";
import type * as T from "../src/types.js";
import { BOB, CAROL, settle } from "./fakes/server.js";
import { connect, GROUP, joinWithBob, openWorld, person } from "./fakes/world.js";

/** As the library wraps: methods are called with the proxy as `this`. */
const wrapped = <O extends object>(object: O): O => new Proxy(object, { get: (target, name, self) => Reflect.get(target, name, self) });

/** As immer does with everything plain that is put into its state. */
function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return;
  Object.freeze(value);
  for (const one of Object.values(value)) deepFreeze(one);
}

test("rule 1: every object works behind a proxy", async (t) => {
  const world = await openWorld(t);
  const client = wrapped(world.client);
  const agent = wrapped(world.agent);
  const devices = wrapped(await client.getDeviceManager());
  const [camera] = await devices.getCameras();
  const call = wrapped(agent.join({ groupId: GROUP }));
  await settle();
  await connect(world, call.id, [person(2, BOB)]);
  assert.equal(call.state, "Connected");
  const stream = wrapped(new LocalVideoStream(camera as T.VideoDeviceInfo));
  await call.startVideo(stream);
  await call.stopVideo(stream);
  await call.startScreenSharing();
  await call.stopScreenSharing();
  await call.mute();
  await call.unmute();
  await call.hold();
  await call.resume();
  await wrapped(call.feature(Features.RaiseHand)).raiseHand();
  await wrapped(call.feature(Features.Spotlight)).startSpotlight();
  const [bob] = call.remoteParticipants;
  assert.equal(wrapped(bob as T.RemoteParticipant).displayName, "Bob");
  await wrapped(bob as T.RemoteParticipant).mute();
  await call.hangUp();
  assert.equal(call.state, "Disconnected");
  await agent.dispose();
});

test("rule 2: objects are extensible, and the library's names are free", async (t) => {
  const world = await openWorld(t);
  const call = world.agent.join({ groupId: GROUP });
  const devices = await world.client.getDeviceManager();
  const own: [object, string[]][] = [
    [world.client, ["getState", "onStateChange", "offStateChange", "createView", "disposeView"]],
    [devices, ["unsubscribe", "selectCamera", "getUnparentedVideoStreams"]],
    [call, ["unsubscribe"]],
  ];
  for (const [object, names] of own) {
    for (const name of names) {
      assert.equal(name in object, false, name);
      Object.defineProperty(object, name, { configurable: false, value: () => 1 });
      assert.equal((object as Record<string, () => number>)[name]?.(), 1);
    }
  }
});

test("rule 3: one device manager for a client, and never the same for two", async (t) => {
  const { client } = await openWorld(t);
  assert.equal(await client.getDeviceManager(), await client.getDeviceManager());
  assert.notEqual(await client.getDeviceManager(), await new CallClient().getDeviceManager());
});

test("rule 4: calls, participants, streams and features keep their identity", async (t) => {
  const world = await openWorld(t);
  const added: T.Call[] = [];
  const removed: T.Call[] = [];
  world.agent.on("callsUpdated", (change) => {
    added.push(...change.added);
    removed.push(...change.removed);
  });
  const call = await joinWithBob(world);
  assert.deepEqual([added[0] === call, world.agent.calls[0] === call], [true, true]);
  const [bob] = call.remoteParticipants as [T.RemoteParticipant];
  const [stream] = bob.videoStreams as [T.RemoteVideoStream];
  world.server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { muted: true, sources: { camera: { width: 320, height: 180 } } })], gone: [] });
  await settle();
  assert.equal(call.remoteParticipants[0], bob);
  assert.equal(bob.videoStreams[0], stream);
  const gone: T.RemoteParticipant[] = [];
  const goneStreams: T.RemoteVideoStream[] = [];
  call.on("remoteParticipantsUpdated", (change) => gone.push(...change.removed));
  bob.on("videoStreamsUpdated", (change) => goneStreams.push(...change.removed));
  world.server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { state: "disconnected" })], gone: [2] });
  await settle();
  assert.deepEqual([gone[0] === bob, goneStreams[0] === stream], [true, true]);
  for (const token of Object.values(Features)) {
    const scope = (token as { name?: string }).name ?? "";
    if (["DebugInfo", "VideoEffects", "AudioEffects"].includes(scope)) continue;
    assert.equal(call.feature(token as never), call.feature(token as never), scope);
  }
  await call.hangUp();
  assert.equal(removed.length, 1);
  assert.equal(removed[0], call);
  assert.deepEqual(world.agent.calls, []);
});

test("rule 5: what is handed out may be frozen, and the call goes on", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const devices = await world.client.getDeviceManager();
  const handedOut = (): unknown[] => [
    ...[call.callerInfo, call.remoteParticipants, call.localVideoStreams, call.callEndReason],
    ...call.remoteParticipants.flatMap((one) => [one.identifier, one.videoStreams, one.endpointDetails, one.callEndReason]),
    ...call.remoteParticipants.flatMap((one) => one.videoStreams.map(({ size }) => size)),
    call.feature(Features.Capabilities).capabilities,
    call.feature(Features.DominantSpeakers).dominantSpeakers,
    call.feature(Features.RaiseHand).getRaisedHands(),
    call.feature(Features.Spotlight).getSpotlightedParticipants(),
    call.feature(Features.UserFacingDiagnostics).network.getLatest(),
    [devices.selectedMicrophone, devices.selectedSpeaker, world.agent.calls],
  ];
  for (let turn = 0; turn < 2; turn++) {
    handedOut().forEach(deepFreeze);
    const screen = { width: 100 + turn, height: 100 };
    world.server.say({
      t: "participants", leg: call.id, gone: [],
      set: [person(2, BOB, { hand: turn + 1, muted: turn === 0, sources: { camera: { width: 320, height: 180 }, screen } }), person(3 + turn, CAROL)],
    });
    world.server.say({ t: "media.speaking", leg: call.id, speaking: [2], dominant: turn === 0 ? [2, 3] : [3, 2] });
    world.server.say({
      t: "call", leg: call.id, kind: "group", count: 3, spotlight: [2], recording: true, transcription: false,
      speakers: [], threadId: `thread-${turn}`,
    });
    await settle();
  }
  assert.equal(call.info.threadId, "thread-1");
  assert.deepEqual(call.remoteParticipants[0]?.videoStreams.map(({ size }) => size.width), [320, 101]);
  assert.equal(call.feature(Features.DominantSpeakers).dominantSpeakers.speakersList.length, 2);
});

test("rule 7: the reason stands before the state changes, and the state before the removal", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const order: unknown[] = [];
  call.on("stateChanged", () => order.push([call.state, call.callEndReason?.subCode, world.agent.calls.length]));
  world.agent.on("callsUpdated", ({ removed }) => order.push(["removed", removed.length, call.callEndReason?.subCode]));
  world.server.say({ t: "leg.over", leg: call.id, reason: { code: 0, subCode: 5300, message: "Removed.", categories: ["Success"] } });
  await settle();
  assert.deepEqual(order, [["Disconnected", 5300, 1], ["removed", 1, 5300]]);
  assert.deepEqual(call.callEndReason, { code: 0, subCode: 5300, message: "Removed.", resultCategories: ["Success"] });
});

test("rule 9: taking off what was never put on is no mistake", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const [bob] = call.remoteParticipants as [T.RemoteParticipant];
  const devices = await world.client.getDeviceManager();
  const nothing = () => {};
  call.off("stateChanged", nothing);
  call.off("never heard of" as "stateChanged", nothing);
  bob.off("isMutedChanged", nothing);
  world.agent.off("callsUpdated", nothing);
  devices.off("videoDevicesUpdated", nothing);
  call.feature(Features.Captions).off("CaptionsKindChanged", nothing);
});

test("rule 10: a property is new when its event comes", async (t) => {
  const world = await openWorld(t);
  const seen: Record<string, unknown[]> = {};
  const note = (name: string, value: unknown) => (seen[name] ??= []).push(value);
  const call = world.agent.join({ groupId: GROUP });
  assert.equal(call.state, "None");
  call.on("stateChanged", () => note("state", call.state));
  call.on("isMutedChanged", () => note("isMuted", call.isMuted));
  call.on("roleChanged", () => note("role", call.role));
  call.on("totalParticipantCountChanged", () => note("count", call.totalParticipantCount));
  call.on("remoteParticipantsUpdated", () => note("people", call.remoteParticipants.length));
  call.on("localVideoStreamsUpdated", () => note("streams", call.localVideoStreams.length));
  call.on("isScreenSharingOnChanged", () => note("screen", call.isScreenSharingOn));
  call.feature(Features.Recording).on("isRecordingActiveChanged", () => note("recording", call.feature(Features.Recording).isRecordingActive));
  await settle();
  await connect(world, call.id, [person(2, BOB)]);
  await call.mute();
  await call.startScreenSharing();
  await call.stopScreenSharing();
  world.server.say({ t: "leg", leg: call.id, state: "connected", role: "Presenter", capabilities: [] });
  world.server.say({
    t: "call", leg: call.id, kind: "group", count: 2, spotlight: [], recording: true, transcription: false,
    speakers: [], threadId: null,
  });
  world.server.say({ t: "participants", leg: call.id, set: [], gone: [2] });
  await settle();
  assert.deepEqual(seen, {
    state: ["Connecting", "Connected"],
    count: [2],
    people: [1, 0],
    isMuted: [true],
    streams: [1, 0],
    screen: [true, false],
    role: ["Presenter"],
    recording: [true],
  });
});

test("rule 10: role and capabilities stand when the state becomes Connected", async (t) => {
  const world = await openWorld(t);
  const call = world.agent.join({ groupId: GROUP });
  let isAble: boolean | undefined;
  call.on("stateChanged", () => {
    if (call.state === "Connected") isAble = call.feature(Features.Capabilities).capabilities.turnVideoOn.isPresent;
  });
  await settle();
  world.server.say({ t: "leg", leg: call.id, state: "connected", role: "Unknown", capabilities: ["turnVideoOn"] });
  await settle();
  assert.equal(isAble, true);
});

test("rule 11: nothing that a promise brings can be taken for a promise", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const objects: object[] = [world.client, world.agent, call, call.info, await world.client.getDeviceManager(), ...call.remoteParticipants];
  for (const object of objects) assert.equal("then" in object, false, object.constructor.name);
});

test("rule 13: participants have identifiers that lead back to their raw ids", async (t) => {
  const call = await joinWithBob(await openWorld(t));
  assert.deepEqual(call.remoteParticipants[0]?.identifier, { kind: "communicationUser", communicationUserId: BOB });
});

test("rule 15: the id of a call never changes, and is that of its leg", async (t) => {
  const world = await openWorld(t);
  const call = world.agent.join({ groupId: GROUP });
  const { id } = call;
  call.on("idChanged", () => assert.fail("the id changed"));
  await settle();
  await connect(world, call.id, [person(2, BOB)]);
  await call.hangUp();
  assert.equal(call.id, id);
  assert.equal(world.server.last("call.join")["leg"], id);
});

test("rule 16: what is refused rejects with code and sub-code", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  world.server.answer = () => ({ t: "error", code: 403, subCode: 10124, message: "Not permitted.", name: "notAllowed" });
  const refused = { name: "CommunicationServicesError", code: 403, subCode: 10124, message: "Not permitted." };
  await assert.rejects(call.unmute(), refused);
  await assert.rejects(call.hold(), refused);
  await assert.rejects(call.removeParticipant({ communicationUserId: BOB }), refused);
  await assert.rejects(call.feature(Features.RaiseHand).raiseHand(), refused);
  await assert.rejects(world.client.createTeamsCallAgent({} as never), { code: 400 });
  assert.throws(() => world.agent.join({ groupId: "no guid" }), { code: 400 });
  assert.throws(() => world.agent.join({ meetingLink: "no link" }), { code: 400, message: "Invalid meeting link" });
});
