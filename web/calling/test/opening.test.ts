/** What happens while a call is made: devices open beside it, and while it rings everything else gets ready. */

import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";
import { LocalVideoStream } from "../src/index.js";
import { MediaLink } from "../src/media/link.js";
import type * as T from "../src/types.js";
import { FakeConnection } from "./fakes/connection.js";
import { FakeTrack } from "./fakes/media.js";
import { BOB, settle } from "./fakes/server.js";
import { connect, GROUP, openWorld, person, type World } from "./fakes/world.js";

const CAMERA = { id: "camera:cam1", name: "Camera 1", deviceType: "UsbCamera" } as const;

/** Devices are opened when the answer is called: the user is asked, or a camera is slow. */
function holdDevices({ page }: World): () => void {
  let open = (): void => undefined;
  const asked = new Promise<void>((settled) => (open = settled));
  const ask = page.devices.getUserMedia.bind(page.devices);
  page.devices.getUserMedia = (wish) => asked.then(() => ask(wish));
  return open;
}

test("a call does not wait for devices: they join it when they are there", async (t) => {
  const world = await openWorld(t);
  const open = holdDevices(world);
  const camera = new LocalVideoStream(CAMERA);
  const call = world.agent.join({ groupId: GROUP }, { videoOptions: { localVideoStreams: [camera] } });
  await settle();
  assert.deepEqual(world.server.last("call.join")["sources"], {});
  await connect(world, call.id, [person(2, BOB)]);
  assert.deepEqual([call.state, call.isLocalVideoStarted], ["Connected", false]);
  open();
  await settle();
  const senders = (FakeConnection.all[0] as FakeConnection).getTransceivers().slice(0, 2).map(({ sender }) => sender);
  assert.deepEqual(senders.map(({ track }) => track?.kind), ["audio", "video"]);
  assert.equal(call.isLocalVideoStarted, true);
  assert.deepEqual(world.server.last("media.sources")["camera"], { width: 640, height: 360 });
});

test("who unmutes and turns the camera off while they open gets one microphone, and no camera", async (t) => {
  const world = await openWorld(t);
  const open = holdDevices(world);
  const options = { audioOptions: { muted: true }, videoOptions: { localVideoStreams: [new LocalVideoStream(CAMERA)] } };
  const call = world.agent.join({ groupId: GROUP }, options);
  await settle();
  const done = Promise.all([call.unmute(), call.stopVideo(call.localVideoStreams[0] as T.LocalVideoStream)]);
  await settle();
  open();
  await done;
  await settle();
  const { opened } = world.page.devices;
  assert.deepEqual(opened.map(({ kind, readyState }) => [kind, readyState]).sort(), [["audio", "live"], ["video", "ended"]]);
  assert.deepEqual([call.isMuted, call.isLocalVideoStarted, call.localVideoStreams.length], [false, false, 0]);
  assert.deepEqual(world.server.last("media.sources")["camera"], null);
  await call.hangUp();
  assert.deepEqual(opened.map(({ readyState }) => readyState), ["ended", "ended"]);
});

test("a call that ends while devices open lets them go", async (t) => {
  const world = await openWorld(t);
  const open = holdDevices(world);
  const call = world.agent.join({ groupId: GROUP }, { videoOptions: { localVideoStreams: [new LocalVideoStream(CAMERA)] } });
  await settle();
  await call.hangUp();
  open();
  await settle();
  assert.deepEqual(world.page.devices.opened.map(({ readyState }) => readyState), ["ended", "ended"]);
  assert.equal(call.isLocalVideoStarted, false);
});

// ---- while it rings ----

async function rung(t: TestContext): Promise<{ world: World; incoming: T.IncomingCall }> {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  const coming = new Promise<T.IncomingCall>((settled) =>
    world.agent.on("incomingCall", ({ incomingCall }) => settled(incomingCall)),
  );
  world.server.say({
    t: "ring", leg: "leg-9", call: "c-1", from: { user: BOB, name: "Bob" }, kind: "oneToOne", until: 1_785_000_085_000,
  });
  await settle();
  return { world, incoming: await coming };
}

test("while it rings a connection gets ready, without a device and without a word to the server; accepting uses it", async (t) => {
  const { world, incoming } = await rung(t);
  assert.equal(FakeConnection.all.length, 0);
  const said = world.server.types.length;
  mock.timers.tick(100);
  await settle();
  const [connection] = FakeConnection.all as [FakeConnection];
  assert.deepEqual([connection.offers.length, world.server.types.length, world.page.devices.opened.length], [0, said, 0]);
  assert.equal(connection.configuration.iceServers?.length, 1);
  const call = await incoming.accept();
  await settle();
  assert.deepEqual([FakeConnection.all.length, connection.offers.length], [1, 1]);
  await connect(world, call.id, [person(2, BOB)]);
  connection.become("failed");
  mock.timers.tick(0);
  await settle();
  assert.equal(world.server.last("call.rejoin")["leg"], "leg-9");
  await call.hangUp();
});

for (const [how, end] of [
  ["is rejected", (_: World, incoming: T.IncomingCall) => incoming.reject()],
  ["stops ringing", ({ server }: World) => server.say({ t: "ring.over", leg: "leg-9", reason: { code: 487, subCode: 10003 } })],
] as const) {
  test(`the connection of a call that ${how} is closed`, async (t) => {
    const { world, incoming } = await rung(t);
    mock.timers.tick(100);
    await end(world, incoming);
    await settle();
    assert.deepEqual(FakeConnection.all.map(({ connectionState }) => connectionState), ["closed"]);
  });
}

test("layers are switched while the camera opens: the last word holds, and nothing is refused", async (t) => {
  await openWorld(t);
  const link = new MediaLink({ iceServers: [], isRelayOnly: false, lines: { audio: 1, video: 1 } });
  const camera = new FakeTrack("video") as unknown as MediaStreamTrack;
  await Promise.all([link.sendCamera(camera), link.setWantedLayers(["q", "h"], false), link.setWantedLayers(["q"], true)]);
  const [, cameraLine, screenLine] = FakeConnection.all[0]?.getTransceivers() ?? [];
  const active = cameraLine?.sender.parameters.encodings.map(({ rid, active }) => [rid, active]);
  assert.deepEqual(active, [["q", true], ["h", false], ["f", false]]);
  assert.deepEqual(screenLine?.sender.parameters.encodings.map(({ active }) => active), [true]);
});
