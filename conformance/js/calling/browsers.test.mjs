// The helpers themselves, against connections inside one page: what they see is there, what is not they do not see.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { chromium, firefox } from "./browsers.mjs";
import { servePages } from "./pages.mjs";
import { hears, hearsNothingOf } from "./tones.mjs";

const OWN_HZ = 610;
const OTHER_HZ = 790;
const SMALL = { width: 320, height: 180 };

const origin = await servePages({ after });

/** Runs in the page: sends its camera and microphone to itself, and plays what comes. */
async function callOneself() {
  await raw.open({ audio: 1, video: 1, data: false });
  const far = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  // Not the page's own: its streams do not count.
  window.witnessed.pop();
  const offer = (await raw.offer()).split("\r\n").filter((line) => !/^a=(rid|simulcast)/.test(line));
  await far.setRemoteDescription({ type: "offer", sdp: offer.join("\r\n") });
  const [microphone, camera, , audio, video] = far.getTransceivers();
  for (const [slot, source] of [[audio, microphone], [video, camera]]) {
    slot.direction = "sendonly";
    await slot.sender.replaceTrack(source.receiver.track);
  }
  await far.setLocalDescription(await far.createAnswer());
  await new Promise((settle) => {
    far.onicegatheringstatechange = () => far.iceGatheringState === "complete" && settle();
    if (far.iceGatheringState === "complete") settle();
  });
  await raw.answer(far.localDescription.sdp);
}

test("a page of Chromium sees and hears what is sent, and nothing else", async (context) => {
  const page = await chromium(context, { hertz: OWN_HZ });
  await page.open(`${origin}/raw.html`, { camera: SMALL });
  await page.evaluate(callOneself);
  assert.deepEqual(await page.decodes(1), ["4"]);
  await hears(page, OWN_HZ);
  await hearsNothingOf(page, OTHER_HZ);
  await page.receivesSound();
  const { width } = (await page.arriving("video"))["4"];
  assert.equal(width, SMALL.width);

  await page.evaluate(() => raw.media.getAudioTracks().forEach((track) => (track.enabled = false)));
  await hearsNothingOf(page, OWN_HZ);
  page.assertQuiet();
});

test("complaints of a page are kept", async (context) => {
  const page = await chromium(context, { hertz: OWN_HZ });
  await page.open(`${origin}/raw.html`);
  await page.evaluate(() => console.error("red"));
  await page.evaluate(() => void setTimeout(() => Promise.reject(new Error("lost"))));
  await page.evaluate(() => alert("stop"));
  await page.until("all came", () => true);
  assert.match(page.complaints.join("\n"), /error: red/);
  assert.match(page.complaints.join("\n"), /dialog: stop/);
  await assert.rejects(async () => page.assertQuiet());
});

test("a page of Firefox sees what is sent and measures its sound", async (context) => {
  const page = await firefox(context, { hertz: OWN_HZ });
  await page.open(`${origin}/raw.html`, { camera: SMALL });
  await page.evaluate(callOneself);
  await page.decodes(1);
  await page.receivesSound();
  page.assertQuiet();
});
