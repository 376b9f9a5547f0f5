// What the calling SDK does without a UI library: the test before a call, sound that is sent twice where it is lost,
// devices that change in a running call, pages that leave, and pages that nobody looks at.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { CommunicationIdentityClient } from "@azure/communication-identity";

import { chromium } from "./browsers.mjs";
import { servePages } from "./pages.mjs";
import { newGroup, server, story } from "./people.mjs";
import { hears, PITCHES_HZ } from "./tones.mjs";

const SMALL = { width: 320, height: 180 };
// The second of Chromium's made-up cameras gives depths, which no connection sends.
const THREE_CAMERAS = "--use-fake-device-for-media-stream=fps=15,device-count=3";
const SDK = fileURLToPath(new URL("../../../web/calling/dist/index.js", import.meta.url));
// Enough packets for a mean that one beep does not move.
const MEASURE_MS = 3_000;
const origin = await servePages({ after }, { "sdk.js": SDK });
const identities = new CommunicationIdentityClient(server.connectionString);

/** Somebody with a page of the SDK, signed in. */
async function arrives(context, hertz, options = {}) {
  const page = await chromium(context, { hertz, ...options });
  const { token } = await identities.createUserAndToken(["voip"]);
  await page.open(`${origin}/sdk.html`, { camera: SMALL });
  await page.until("the page is there", () => window.me);
  await page.evaluate((word) => me.signIn(word), token);
  return { page, token };
}

/** Runs in the page: bytes of sound in a packet, of what is sent or received, since the last look. */
async function soundPerPacket(type) {
  const sum = { bytes: 0, packets: 0 };
  for (const connection of window.witnessed) {
    if (connection.connectionState === "closed") continue;
    for (const one of (await connection.getStats()).values()) {
      if (one.type !== type || one.kind !== "audio") continue;
      sum.bytes += one.bytesSent ?? one.bytesReceived;
      sum.packets += one.packetsSent ?? one.packetsReceived;
    }
  }
  const before = (window.soundBefore ??= {});
  const old = before[type] ?? { bytes: 0, packets: 0 };
  before[type] = sum;
  return (sum.bytes - old.bytes) / (sum.packets - old.packets);
}

/** Bytes in a packet at who speaks, and at who listens. */
async function measureSound(speaker, listener) {
  const look = () =>
    Promise.all([speaker.page.evaluate(soundPerPacket, "outbound-rtp"), listener.page.evaluate(soundPerPacket, "inbound-rtp")]);
  await look();
  await wait(MEASURE_MS);
  return look();
}

test("the test before a call says what devices, browser and network are worth", async (context) => {
  const { page, token } = await arrives(context, PITCHES_HZ[0]);
  const found = await page.evaluate(async (word) => {
    const feature = me.client.feature(sdk.Features.PreCallDiagnostics);
    const { id, ...parts } = await feature.startTest(me.credentialOf(word));
    const samples = [];
    (await parts.callMediaStatistics).createCollector().on("sampleReported", (sample) => samples.push(sample));
    const { deviceAccess, deviceEnumeration, browserSupport, inCallDiagnostics } = parts;
    const told = { deviceAccess, deviceEnumeration, browserSupport, inCallDiagnostics };
    for (const name of Object.keys(told)) told[name] = await told[name];
    return { id, ...told, samples: samples.length, calls: me.agent.calls.length };
  }, token);
  const { id, samples, inCallDiagnostics, ...rest } = found;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    deviceAccess: { audio: true, video: true },
    deviceEnumeration: { microphone: "Available", camera: "Available", speaker: "Available" },
    browserSupport: { browser: "Supported", os: "Supported" },
    calls: 0,
  });
  assert(samples > 5, `${samples} samples`);
  // How good a way inside one machine is depends on what else runs there; that it was measured does not.
  const { connected, bandWidth, diagnostics } = inCallDiagnostics;
  assert.equal(connected, true);
  const grades = [bandWidth, ...Object.values(diagnostics.audio), ...Object.values(diagnostics.video)];
  assert.equal(grades.length, 7);
  for (const grade of grades) assert.match(grade, /^(Good|Average|Bad)$/, JSON.stringify(inCallDiagnostics));
  assert.equal(diagnostics.audio.packetLoss, "Good");
  page.assertQuiet();
});

test("two applications", async (context) => {
  const step = story(context);
  const [alice, bob] = await Promise.all([arrives(context, PITCHES_HZ[0], { flags: [THREE_CAMERAS] }), arrives(context, PITCHES_HZ[1])]);
  const both = [alice.page, bob.page];

  await step("join a group", async () => {
    const group = newGroup();
    for (const page of both) await page.evaluate((id) => me.join(id), group);
    const isIn = () => me.call.state === "Connected" && me.call.remoteParticipants[0]?.state === "Connected";
    for (const page of both) await page.until("in the call", isIn);
    await Promise.all(both.map((page) => page.decodes(1)));
    await Promise.all([hears(alice.page, PITCHES_HZ[1]), hears(bob.page, PITCHES_HZ[0])]);
  });

  await step("sound that gets lost is sent twice (RED), and passed on so", async () => {
    const [once, heardOnce] = await measureSound(alice, bob);
    // What the server's reports of lost packets do: nothing is lost inside one machine.
    await alice.page.evaluate(() => me.call.connection.redundancy.judge(0.1));
    await wait(MEASURE_MS);
    const [twice, heardTwice] = await measureSound(alice, bob);
    const figures = JSON.stringify({ once, heardOnce, twice, heardTwice });
    assert(twice > 1.5 * once && heardTwice > 1.5 * heardOnce, figures);
    await hears(bob.page, PITCHES_HZ[0]);
    await alice.page.evaluate(() => Array.from({ length: 6 }, () => me.call.connection.redundancy.judge(0)));
    await wait(MEASURE_MS);
    const [again] = await measureSound(alice, bob);
    assert(again < 0.75 * twice, `${figures}, again ${again}`);
  });

  await step("camera and microphone change in the running call, and nobody notices", async () => {
    const changed = await alice.page.evaluate(async () => {
      const [, , camera] = await me.devices.getCameras();
      await me.camera.switchSource(camera);
      const microphones = await me.devices.getMicrophones();
      const other = microphones.find(({ id }) => id !== me.devices.selectedMicrophone.id);
      await me.devices.selectMicrophone(other);
      const selected = me.devices.selectedMicrophone.id;
      return { camera: me.camera.source.id === camera.id, microphone: selected === other.id, state: me.call.state };
    });
    assert.deepEqual(changed, { camera: true, microphone: true, state: "Connected" });
    await bob.page.decodes(1);
    await hears(bob.page, PITCHES_HZ[0]);
  });

  await step("a page in the background goes on sending and hearing", async () => {
    const front = await alice.page.tab.browser().newPage();
    await front.bringToFront();
    await alice.page.until("is in the background", () => document.hidden || !document.hasFocus());
    await bob.page.decodes(1);
    await hears(bob.page, PITCHES_HZ[0]);
    await hears(alice.page, PITCHES_HZ[1]);
    assert.equal(await alice.page.evaluate(() => me.call.state), "Connected");
    await front.close();
  });

  await step("a page that goes elsewhere has left the call at once", async () => {
    for (const page of both) page.assertQuiet();
    const start = performance.now();
    await alice.page.tab.goto(`${origin}/raw.html`);
    await bob.page.until("alone", () => me.call.remoteParticipants.length === 0);
    // Whoever is only unreachable would be kept for two minutes.
    assert(performance.now() - start < 10_000);
    bob.page.assertQuiet();
  });
});

test("without permission there is a call without devices, and the page can say so", async (context) => {
  const { page } = await arrives(context, PITCHES_HZ[0], { flags: ["--use-fake-ui-for-media-stream=deny"] });
  const bob = await arrives(context, PITCHES_HZ[1]);
  const access = await page.evaluate(() => me.devices.askDevicePermission({ audio: true, video: true }));
  assert.deepEqual(access, { audio: false, video: false });
  const group = newGroup();
  for (const each of [page, bob.page]) await each.evaluate((id) => me.join(id), group);
  for (const each of [page, bob.page]) await each.until("in the call", () => me.call.state === "Connected");

  const isRefused = () => me.call.feature(sdk.Features.UserFacingDiagnostics).media.getLatest().microphonePermissionDenied?.value;
  await page.until("the diagnostic is told", isRefused);
  assert.equal(await page.evaluate(() => me.call.localVideoStreams.length), 0);
  const refused = await page.evaluate(() => me.call.mute().then(() => me.call.unmute()).catch(({ code }) => code));
  assert.equal(refused, 403);

  await page.decodes(1);
  await hears(page, PITCHES_HZ[1]);
  for (const each of [page, bob.page]) each.assertQuiet();
});
