/** Views: what they show, what they tell, and what goes off with them. */

import assert from "node:assert/strict";
import { mock, type TestContext, test } from "node:test";
import { VideoStreamRenderer } from "../src/renderer.js";
import { LocalVideoStream } from "../src/streams/local-video.js";
import { RemoteVideoStream } from "../src/streams/remote-video.js";
import type * as T from "../src/types.js";
import { type FakeElement, FakeResizeObserver, openPage, type Page } from "./fakes/browser.js";
import { FakeTrack } from "./fakes/media.js";
import { settle } from "./fakes/server.js";

const CAMERA: T.VideoDeviceInfo = { id: "camera:cam1", name: "Camera 1", deviceType: "UsbCamera" };

function open(t: TestContext): Page {
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.after(() => mock.timers.reset());
  return openPage();
}

function remote(type: T.MediaStreamType = "Video"): RemoteVideoStream {
  const stream = new RemoteVideoStream(1, type, 2, { width: 640, height: 360 });
  stream.setTrack(new FakeTrack("video") as unknown as MediaStreamTrack);
  return stream;
}

const videoOf = (view: T.VideoStreamRendererView): FakeElement => {
  const [video] = (view.target as unknown as FakeElement).find("video");
  assert.ok(video);
  return video;
};

test("a view fills its place, mirrored and cut as asked", async (t) => {
  open(t);
  const renderer = new VideoStreamRenderer(remote());
  const view = await renderer.createView({ isMirrored: true, scalingMode: "Fit" });
  const { style, muted, paused } = videoOf(view);
  assert.deepEqual([style["objectFit"], style["transform"], muted, paused], ["contain", "scaleX(-1)", true, false]);
  assert.deepEqual([view.scalingMode, view.isMirrored], ["Fit", true]);
  await view.updateScalingMode("Stretch");
  assert.deepEqual([view.scalingMode, style["objectFit"]], ["Stretch", "fill"]);
  renderer.dispose();
});

test("a view wants a small tile at first, then its own size in device pixels", async (t) => {
  open(t);
  Object.assign(globalThis, { devicePixelRatio: 2 });
  const stream = remote();
  const renderer = new VideoStreamRenderer(stream);
  await renderer.createView();
  assert.deepEqual(stream.wanted, { width: 640, height: 360 });
  FakeResizeObserver.all[0]?.resize(500, 300.3);
  assert.deepEqual(stream.wanted, { width: 1000, height: 601 });
  FakeResizeObserver.all[0]?.resize(0, 0);
  assert.deepEqual(stream.wanted, { width: 1000, height: 601 }, "out of the page for a moment");
  renderer.dispose();
  assert.equal(stream.wanted, undefined);
});

test("a view that was moved in the page plays again", async (t) => {
  open(t);
  const renderer = new VideoStreamRenderer(remote());
  const video = videoOf(await renderer.createView());
  const { plays } = video;
  video.paused = true;
  FakeResizeObserver.all[0]?.resize(640, 360);
  assert.equal(video.plays, plays + 1);
  assert.equal(video.paused, false);
  renderer.dispose();
});

test("a view follows the stream to another line", async (t) => {
  open(t);
  const stream = remote();
  const renderer = new VideoStreamRenderer(stream);
  const video = videoOf(await renderer.createView());
  const next = new FakeTrack("video");
  stream.setTrack(next as unknown as MediaStreamTrack);
  assert.deepEqual(video.srcObject?.getTracks(), [next]);
  stream.setTrack(undefined);
  assert.equal(video.srcObject, null);
  renderer.dispose();
});

test("pictures make a stream receiving, three seconds without make it not", async (t) => {
  open(t);
  const stream = remote();
  const renderer = new VideoStreamRenderer(stream);
  const video = videoOf(await renderer.createView());
  assert.equal(stream.isReceiving, false);
  video.draw();
  assert.equal(stream.isReceiving, true);
  mock.timers.tick(2000);
  video.draw();
  mock.timers.tick(2000);
  assert.equal(stream.isReceiving, true);
  mock.timers.tick(1000);
  assert.equal(stream.isReceiving, false);
  video.draw();
  assert.equal(stream.isReceiving, true);
  renderer.dispose();
});

test("a page that nobody sees draws nothing, which says nothing about the stream", async (t) => {
  const page = open(t);
  const stream = remote();
  const renderer = new VideoStreamRenderer(stream);
  videoOf(await renderer.createView()).draw();
  page.document.hidden = true;
  mock.timers.tick(10_000);
  assert.equal(stream.isReceiving, true);
  renderer.dispose();
});

test("a screen on which nothing moves is still receiving", async (t) => {
  open(t);
  const stream = remote("ScreenSharing");
  const renderer = new VideoStreamRenderer(stream);
  videoOf(await renderer.createView()).draw();
  mock.timers.tick(60_000);
  assert.equal(stream.isReceiving, true);
  renderer.dispose();
});

test("a view is given with the first picture, or after five seconds without one", async (t) => {
  open(t);
  const renderer = new VideoStreamRenderer(remote());
  FakeResizeObserver.all = [];
  let isGiven = false;
  const giving = waiting(renderer).then((view) => {
    isGiven = true;
    return view;
  });
  await settle();
  assert.equal(isGiven, false);
  mock.timers.tick(4999);
  await settle();
  assert.equal(isGiven, false);
  mock.timers.tick(1);
  await settle();
  assert.equal(isGiven, true);
  await giving;
  renderer.dispose();
});

/** A view whose video has nothing to show yet. */
async function waiting(renderer: VideoStreamRenderer): Promise<T.VideoStreamRendererView> {
  const { document } = globalThis as unknown as Page;
  const make = document.createElement.bind(document);
  document.createElement = (name: string) => Object.assign(make(name), { readyState: 0 });
  return renderer.createView();
}

test("the camera of a preview goes off with its renderer", async (t) => {
  const page = open(t);
  const renderer = new VideoStreamRenderer(new LocalVideoStream(CAMERA) as unknown as T.LocalVideoStream);
  await renderer.createView();
  const [track] = page.devices.opened;
  assert.equal(track?.readyState, "live");
  renderer.dispose();
  renderer.dispose();
  await settle();
  assert.equal(track?.readyState, "ended");
});

test("the camera of a call stays when its preview goes", async (t) => {
  const page = open(t);
  const stream = new LocalVideoStream(CAMERA);
  stream.hold();
  const renderer = new VideoStreamRenderer(stream as unknown as T.LocalVideoStream);
  await renderer.createView();
  renderer.dispose();
  await settle();
  assert.equal(page.devices.opened[0]?.readyState, "live");
});

test("a camera that cannot be opened rejects the view", async (t) => {
  const page = open(t);
  page.devices.refusal = { video: new DOMException("no", "NotAllowedError") };
  const renderer = new VideoStreamRenderer(new LocalVideoStream(CAMERA) as unknown as T.LocalVideoStream);
  await assert.rejects(renderer.createView(), { subCode: 43004 });
  renderer.dispose();
});

test("a renderer that was disposed gives no view, not even one under way", async (t) => {
  const page = open(t);
  const renderer = new VideoStreamRenderer(new LocalVideoStream(CAMERA) as unknown as T.LocalVideoStream);
  const creating = renderer.createView();
  renderer.dispose();
  await assert.rejects(creating, { subCode: 43209 });
  await assert.rejects(renderer.createView(), { subCode: 43209 });
  await settle();
  assert.equal(page.devices.opened[0]?.readyState, "ended");
});

test("a disposed view is out of the page and silent", async (t) => {
  const page = open(t);
  const stream = remote();
  const renderer = new VideoStreamRenderer(stream);
  const view = await renderer.createView();
  page.document.body.append(view.target as unknown as FakeElement);
  view.dispose();
  view.dispose();
  assert.deepEqual(page.document.body.children, []);
  assert.equal(videoOf(view).srcObject, null);
  assert.equal(stream.wanted, undefined);
  renderer.dispose();
});

test("the size of a picture becomes the size of the stream", async (t) => {
  open(t);
  const stream = remote();
  const renderer = new VideoStreamRenderer(stream);
  const video = videoOf(await renderer.createView()) as FakeElement & { onresize(): void };
  Object.assign(video, { videoWidth: 1280, videoHeight: 720 });
  video.onresize();
  assert.deepEqual(stream.size, { width: 1280, height: 720 });
  assert.deepEqual(renderer.size, { width: 1280, height: 720 });
  renderer.dispose();
});
