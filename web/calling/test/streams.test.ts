/** Cameras, screens and streams of an application's own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalVideoStream } from "../src/streams/local-video.js";
import { RemoteVideoStream } from "../src/streams/remote-video.js";
import type * as T from "../src/types.js";
import { openPage } from "./fakes/browser.js";
import { FakeStream, FakeTrack } from "./fakes/media.js";
import { settle } from "./fakes/server.js";

const CAMERA: T.VideoDeviceInfo = { id: "camera:cam1", name: "Camera 1", deviceType: "UsbCamera" };
const OTHER: T.VideoDeviceInfo = { id: "camera:cam2", name: "Camera 2", deviceType: "UsbCamera" };

const media = (...kinds: ("audio" | "video")[]) =>
  new FakeStream(kinds.map((kind) => new FakeTrack(kind))) as unknown as MediaStream;

test("a stream opens no camera until somebody looks, and then one", async () => {
  const page = openPage();
  const stream = new LocalVideoStream(CAMERA);
  assert.equal(page.devices.opened.length, 0);
  const [first, second] = await Promise.all([stream.getMediaStream(), stream.getMediaStream()]);
  assert.equal(first, second);
  assert.equal(page.devices.opened.length, 1);
  assert.equal(stream.mediaStreamType, "Video");
});

test("the camera goes off with the last who uses it", async () => {
  const page = openPage();
  const stream = new LocalVideoStream(CAMERA);
  stream.hold();
  stream.hold();
  await stream.getMediaStream();
  stream.release();
  await settle();
  assert.equal(page.devices.opened[0]?.readyState, "live");
  stream.release();
  await settle();
  assert.equal(page.devices.opened[0]?.readyState, "ended");
});

test("a camera that is opened late for nobody goes off again", async () => {
  const page = openPage();
  const stream = new LocalVideoStream(CAMERA);
  stream.hold();
  const opening = stream.getMediaStream();
  stream.release();
  await opening;
  await settle();
  assert.equal(page.devices.opened[0]?.readyState, "ended");
});

for (const [name, text, subCode] of [
  ["NotAllowedError", "Video operation failure permissionDeniedError", 43004],
  ["NotReadableError", "Video operation failure SourceUnavailableError", 43003],
  ["OverconstrainedError", "Video operation failure SourceUnavailableError", 43003],
] as const) {
  test(`${name} of a camera is told in the words the library knows, and may be tried again`, async () => {
    const page = openPage();
    const stream = new LocalVideoStream(CAMERA);
    page.devices.refusal = { video: new DOMException("no", name) };
    await assert.rejects(stream.getMediaStream(), { message: text, subCode });
    page.devices.refusal = {};
    await stream.getMediaStream();
    assert.equal(page.devices.opened.length, 1);
  });
}

test("another camera reaches those who follow; the old one runs until then", async () => {
  const page = openPage();
  const stream = new LocalVideoStream(CAMERA);
  await stream.getMediaStream();
  const followed: MediaStream[] = [];
  const stop = stream.follow((next) => {
    assert.equal(page.devices.opened[0]?.readyState, "live");
    followed.push(next);
  });
  await stream.switchSource(OTHER);
  await settle();
  assert.equal(stream.source.id, OTHER.id);
  assert.equal(followed[0], await stream.getMediaStream());
  assert.deepEqual(page.devices.opened.map(({ readyState }) => readyState), ["ended", "live"]);
  stop();
  await stream.switchSource(CAMERA);
  assert.equal(followed.length, 1);
});

test("a camera that cannot be switched to leaves the old one", async () => {
  const page = openPage();
  const stream = new LocalVideoStream(CAMERA);
  const before = await stream.getMediaStream();
  page.devices.refusal = { video: new DOMException("no", "NotReadableError") };
  await assert.rejects(stream.switchSource(OTHER), { subCode: 43003 });
  assert.equal(stream.source.id, CAMERA.id);
  assert.equal(await stream.getMediaStream(), before);
  assert.equal(page.devices.opened[0]?.readyState, "live");
});

test("switching an unopened stream only remembers the camera", async () => {
  const page = openPage();
  const stream = new LocalVideoStream(CAMERA);
  await stream.switchSource(OTHER);
  assert.equal(stream.source.id, OTHER.id);
  assert.equal(page.devices.opened.length, 0);
});

test("a screen has a source with an id, which survives freezing", () => {
  openPage();
  const stream = new LocalVideoStream(media("video"), "ScreenSharing");
  assert.equal(stream.mediaStreamType, "ScreenSharing");
  assert.match(stream.source.id, /^screen:/);
  assert.equal(stream.source.deviceType, "ScreenSharing");
  assert.notEqual(Object.getPrototypeOf(stream.source), Object.prototype, "an instance is not frozen by the library");
});

test("an application's own stream is given out as it is, and follows setMediaStream", async () => {
  openPage();
  const [first, second] = [media("video"), media("video")];
  const stream = new LocalVideoStream(first);
  const followed: MediaStream[] = [];
  stream.follow((next) => followed.push(next));
  assert.equal(stream.mediaStreamType, "RawMedia");
  assert.equal(await stream.getMediaStream(), first);
  await stream.setMediaStream(second);
  assert.deepEqual(followed, [second]);
  stream.hold();
  stream.release();
  await settle();
  assert.equal(second.getVideoTracks()[0]?.readyState, "live", "it belongs to the application");
});

test("a remote stream wants the largest tile, and nothing without one", () => {
  openPage();
  let asked = 0;
  const stream = new RemoteVideoStream(1, "Video", 2, { width: 640, height: 360 }, () => (asked += 1));
  const [small, large] = [{}, {}];
  stream.setTile(small, { width: 320, height: 180 });
  stream.setTile(large, { width: 1280, height: 720 });
  stream.setTile(large, { width: 1280, height: 720 });
  assert.deepEqual(stream.wanted, { width: 1280, height: 720 });
  assert.equal(asked, 2);
  stream.setTile(large, undefined);
  assert.deepEqual(stream.wanted, { width: 320, height: 180 });
  stream.setTile(small, undefined);
  assert.equal(stream.wanted, undefined);
});

test("a remote stream tells changes once, with the new value to be read", () => {
  openPage();
  const stream = new RemoteVideoStream(1, "Video", 2, { width: 640, height: 360 });
  const told: unknown[] = [];
  stream.on("isReceivingChanged", () => told.push(stream.isReceiving));
  stream.on("isAvailableChanged", () => told.push(stream.isAvailable));
  stream.on("sizeChanged", () => told.push(stream.size));
  Object.freeze(stream.size);
  stream.setReceiving(true);
  stream.setReceiving(true);
  stream.setAvailable(false);
  stream.setSize(0, 0);
  stream.setSize(1280, 720);
  stream.setSize(1280, 720);
  assert.deepEqual(told, [true, false, { width: 1280, height: 720 }]);
});

test("a remote stream without a track receives nothing", async () => {
  openPage();
  const stream = new RemoteVideoStream(1, "Video", 2, { width: 640, height: 360 });
  const track = new FakeTrack("video") as unknown as MediaStreamTrack;
  let followed = 0;
  stream.follow(() => (followed += 1));
  stream.setTrack(track);
  stream.setTrack(track);
  stream.setReceiving(true);
  assert.deepEqual((await stream.getMediaStream()).getTracks(), [track]);
  stream.setTrack(undefined);
  assert.equal(stream.isReceiving, false);
  assert.equal(followed, 2);
});
