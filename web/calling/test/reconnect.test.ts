/** A call through broken sockets, broken media and a server that restarts. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Features, LocalVideoStream } from "../src/index.js";
import type * as T from "../src/types.js";
import { holdTime } from "./fakes/clock.js";
import { FakeConnection } from "./fakes/connection.js";
import { ALICE, BOB, CAROL, settle } from "./fakes/server.js";
import { joinWithBob, openWorld, person } from "./fakes/world.js";

async function pass(seconds: number): Promise<void> {
  for (let step = 0; step < seconds * 4; step++) {
    mock.timers.tick(250);
    await settle();
  }
}

test.beforeEach(() => {
  holdTime();
});
test.afterEach(() => mock.reset());

test("a lost socket is resumed; call and connection stay", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const states: string[] = [];
  world.agent.on("connectionStateChanged", ({ newState }) => states.push(newState));
  world.server.line.cut();
  await pass(1);
  world.server.say({ t: "participants", leg: call.id, set: [person(2, BOB, { muted: true })], gone: [] });
  await settle();
  assert.deepEqual([states, call.state, FakeConnection.all.length], [["Reconnecting", "Connected"], "Connected", 1]);
  assert.equal(call.remoteParticipants[0]?.isMuted, true);
  await call.hangUp();
});

test("media that breaks is offered anew with new credentials, and the page shows it", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const { network } = call.feature(Features.UserFacingDiagnostics);
  const seen: unknown[] = [];
  network.on("diagnosticChanged", ({ diagnostic, value }) => seen.push([diagnostic, value]));
  const [connection] = FakeConnection.all as [FakeConnection];
  connection.become("disconnected");
  await pass(2.5);
  assert.deepEqual(connection.offers[1], { iceRestart: true });
  assert.equal(world.server.types.pop(), "media.offer");
  connection.become("connected");
  await settle();
  assert.deepEqual(seen, [["networkReconnect", 3], ["networkReconnect", 1]]);
  await call.hangUp();
});

test("a server that restarted gets the leg back with its token, with everything that was sent", async (t) => {
  const world = await openWorld(t);
  const camera = new LocalVideoStream({ id: "camera:cam1", name: "Camera 1", deviceType: "UsbCamera" });
  const call = await joinWithBob(world, { videoOptions: { localVideoStreams: [camera] } });
  await call.mute();
  world.server.restart();
  await pass(3);
  const said = world.server.last("call.rejoin");
  assert.deepEqual([said["leg"], said["legToken"], said["muted"]], [call.id, `token of ${call.id}`, true]);
  assert.deepEqual(said["sources"], { camera: { width: 640, height: 360 } });
  const [old, fresh] = FakeConnection.all as [FakeConnection, FakeConnection];
  assert.deepEqual([old.connectionState, FakeConnection.all.length], ["closed", 2]);
  assert.deepEqual(fresh.getTransceivers().slice(0, 2).map(({ sender }) => sender.track?.kind), ["audio", "video"]);
  world.server.say({ t: "media.slots", leg: call.id, slots: [{ mid: "7", p: 2, source: "camera", state: "live" }] });
  await settle();
  const shown = await call.remoteParticipants[0]?.videoStreams[0]?.getMediaStream();
  assert.equal(shown?.getTracks()[0] as unknown, fresh.getTransceivers()[7]?.receiver.track);
  assert.equal(call.state, "Connected");
  await call.hangUp();
});

test("a call on hold is held again after the server was away", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  await call.hold();
  world.server.restart();
  await pass(3);
  assert.deepEqual(world.server.types.slice(-2), ["call.rejoin", "call.hold"]);
  const [, fresh] = FakeConnection.all as [FakeConnection, FakeConnection];
  assert.equal(fresh.getTransceivers()[0]?.sender.track?.enabled, false);
  await call.hangUp();
});

test("who left while the server was away is gone, and a raised hand stays up", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const own = person(1, ALICE, { hand: 1 });
  world.server.say({ t: "participants", leg: call.id, set: [own, person(3, CAROL, { hand: 2 })], gone: [] });
  await settle();
  world.server.restart();
  await pass(3);
  assert.equal(world.server.last("call.rejoin")["hand"], true);
  const removed: T.RemoteParticipant[] = [];
  call.on("remoteParticipantsUpdated", (change) => removed.push(...change.removed));
  world.server.say({ t: "participants", leg: call.id, set: [own, person(2, BOB)], gone: [] });
  await settle();
  assert.deepEqual(removed.map(({ state, displayName }) => [state, displayName]), [["Disconnected", "Person 3"]]);
  assert.equal(call.remoteParticipants.length, 1);
  assert.deepEqual(call.feature(Features.RaiseHand).getRaisedHands().map(({ order }) => order), [1]);
  // Only the first one is the whole list.
  world.server.say({ t: "participants", leg: call.id, set: [person(4, CAROL)], gone: [] });
  await settle();
  assert.equal(call.remoteParticipants.length, 2);
  await call.hangUp();
});

test("a connection that fails is replaced while the session lives", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  FakeConnection.all[0]?.become("failed");
  await pass(1);
  assert.deepEqual([world.server.types.pop(), FakeConnection.all.length], ["call.rejoin", 2]);
  await call.hangUp();
});

test("a call whose server stays away for two minutes is over, and says that there is no network", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  world.page.navigator.onLine = false;
  world.server.isReachable = false;
  world.server.line.cut();
  FakeConnection.all[0]?.become("disconnected");
  await pass(119);
  assert.equal(call.state, "Connected");
  assert.equal(call.feature(Features.UserFacingDiagnostics).network.getLatest().noNetwork?.value, true);
  await pass(2);
  assert.deepEqual([call.state, call.callEndReason?.subCode], ["Disconnected", 301005]);
});

test("a token that is refused ends all calls with 401/10009", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  world.server.line.say({ t: "bye", code: 4401, reason: "The token was revoked.", retry: false });
  await settle();
  assert.deepEqual([call.state, call.callEndReason?.code, call.callEndReason?.subCode], ["Disconnected", 401, 10009]);
  assert.equal(world.agent.connectionState, "Disconnected");
});

test("the browser's word of a new network checks the socket and restarts media", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  world.page.window.dispatchEvent(new Event("online"));
  await pass(1);
  assert.equal(world.server.types.pop(), "media.offer");
  assert.deepEqual(FakeConnection.all[0]?.offers[1], { iceRestart: true });
  await call.hangUp();
});

test("a phone that goes over to mobile data restarts media; a new estimate of the speed does not", async (t) => {
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const { connection } = world.page.navigator;
  connection.dispatchEvent(new Event("change"));
  await pass(4);
  assert.equal(FakeConnection.all[0]?.offers.length, 1);
  connection.type = "cellular";
  connection.dispatchEvent(new Event("change"));
  await pass(1);
  assert.deepEqual(FakeConnection.all[0]?.offers[1], { iceRestart: true });
  await call.hangUp();
});
