/** The test before a call: what it asks, what it sends, and how it judges. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Features } from "../src/index.js";
import { gradesOf } from "../src/precall/grades.js";
import type * as T from "../src/types.js";
import { FakeConnection } from "./fakes/connection.js";
import { settle } from "./fakes/server.js";
import { connect, credentialOf, openWorld, tokenOf, type World } from "./fakes/world.js";

type Values = Record<string, number | string>;
const sample = (audio: Values[], video: Values[] = []): T.MediaStatsReportSample =>
  ({
    audio: { send: audio, receive: [] },
    video: { send: video, receive: [] },
    screenShare: { send: [], receive: [] },
  }) as unknown as T.MediaStatsReportSample;

const GOOD = { id: "a", jitterInMs: 5, packetsPerSecond: 50, packetsLostPerSecond: 0, rttInMs: 40 };
const UNKNOWN = { jitter: "Unknown", packetLoss: "Unknown", rtt: "Unknown" };

test("each figure gets its mark; what was not measured is unknown", () => {
  const audio = { jitter: "Good", packetLoss: "Good", rtt: "Good" };
  assert.deepEqual(gradesOf([]), { bandWidth: "Unknown", diagnostics: { audio: UNKNOWN, video: UNKNOWN } });
  assert.deepEqual(gradesOf([sample([GOOD])]), { bandWidth: "Unknown", diagnostics: { audio, video: UNKNOWN } });
  const worse = { ...GOOD, jitterInMs: 60, packetsLostPerSecond: 2, rttInMs: 300 };
  const bad = { ...GOOD, jitterInMs: 150, packetsLostPerSecond: 10, rttInMs: 900 };
  const { diagnostics } = gradesOf([sample([worse], [bad])]);
  assert.deepEqual(diagnostics.audio, { jitter: "Average", packetLoss: "Average", rtt: "Average" });
  assert.deepEqual(diagnostics.video, { jitter: "Bad", packetLoss: "Bad", rtt: "Bad" });
  // Without reports of the other side the connectivity checks say how long the way is.
  assert.equal(gradesOf([sample([{ id: "a", pairRttInMs: 500 }])]).diagnostics.audio.rtt, "Bad");
});

test("the bandwidth is enough for a picture or, where none was sent, for sound", () => {
  const mark = (availableBitrate: number, isWithVideo: boolean) =>
    gradesOf([sample([{ ...GOOD, availableBitrate }], isWithVideo ? [{ ...GOOD, availableBitrate }] : [])]).bandWidth;
  assert.deepEqual([2_000_000, 600_000, 300_000].map((bps) => mark(bps, true)), ["Good", "Average", "Bad"]);
  assert.deepEqual([300_000, 64_000, 20_000].map((bps) => mark(bps, false)), ["Good", "Average", "Bad"]);
});

/** What a browser says of a good connection that sends sound. */
function statistics(seconds: number): Map<string, object> {
  const timestamp = 1000 * seconds;
  return new Map<string, object>([
    ["T", { id: "T", type: "transport", selectedCandidatePairId: "P", timestamp }],
    ["P", { id: "P", type: "candidate-pair", currentRoundTripTime: 0.03, availableOutgoingBitrate: 2_000_000, timestamp }],
    ["S", { id: "S", type: "media-source", timestamp }],
    ["O", { id: "O", type: "outbound-rtp", timestamp, mid: "0", mediaSourceId: "S", packetsSent: 50 * seconds }],
    ["R", { id: "R", type: "remote-inbound-rtp", timestamp, localId: "O", packetsLost: 0, jitter: 0.004, roundTripTime: 0.03 }],
  ]);
}

async function begin(world: World): Promise<T.PreCallDiagnosticsResult> {
  const feature = world.client.feature(Features.PreCallDiagnostics);
  assert.equal(world.client.feature(Features.PreCallDiagnostics), feature);
  return feature.startTest(credentialOf(tokenOf({ exp: 1 })));
}

test("a test calls the echo test beside the application's agent, hears nothing, and says what it found", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  const result = await begin(world);
  await settle();
  assert.deepEqual(await result.deviceAccess, { audio: true, video: true });
  assert.deepEqual(await result.deviceEnumeration, { microphone: "Available", camera: "Available", speaker: "Available" });
  assert.deepEqual(Object.keys((await result.browserSupport) ?? {}), ["browser", "os"]);
  assert.match(result.id, /^[0-9a-f-]{36}$/);

  assert.deepEqual(world.server.greetings.map(({ wants }) => wants), [["ring"], []]);
  const said = world.server.last("call.start");
  assert.deepEqual(said["to"], ["8:echo123"]);
  assert.deepEqual(world.agent.calls, []);
  const [connection] = FakeConnection.all as [FakeConnection];
  const [microphone, camera] = connection.getTransceivers();
  assert.deepEqual([microphone?.sender.track?.enabled, camera?.sender.track?.kind], [true, "video"]);
  // Nobody wants to see it: it is sent all the same.
  world.server.say({ t: "media.layers", leg: said["leg"], camera: [], screen: false });
  await connect(world, String(said["leg"]), []);
  assert.equal(camera?.sender.parameters.encodings[0]?.active, true);
  assert.deepEqual(world.page.document.body.find("audio").map(({ muted }) => muted), [true, true]);

  const statisticsOfTest = (await result.callMediaStatistics)?.createCollector();
  let samples = 0;
  statisticsOfTest?.on("sampleReported", () => (samples += 1));
  for (let second = 1; second <= 16; second++) {
    connection.statistics = statistics(second);
    mock.timers.tick(1000);
    await settle();
  }
  const good = { jitter: "Good", packetLoss: "Good", rtt: "Good" };
  assert.deepEqual(await result.inCallDiagnostics, { connected: true, bandWidth: "Good", diagnostics: { audio: good, video: UNKNOWN } });
  assert.ok(samples > 0);
  await settle();
  assert.equal(world.server.last("call.hangUp")["leg"], said["leg"]);
  assert.equal(connection.connectionState, "closed");
  assert.deepEqual(world.page.devices.opened.map(({ readyState }) => readyState).filter((state) => state === "live"), []);
  assert.equal(world.agent.connectionState, "Connected");
});

test("who is refused devices tests without them", async (t) => {
  const world = await openWorld(t);
  const refusal = Object.assign(new Error("no"), { name: "NotAllowedError" });
  world.page.devices.refusal = { audio: refusal, video: refusal };
  const result = await begin(world);
  await settle();
  assert.deepEqual(await result.deviceAccess, { audio: false, video: false });
  assert.deepEqual(world.server.last("call.start")["sources"], {});
});

test("a call that does not come about is no connection, and nothing is known of its media", async (t) => {
  const world = await openWorld(t);
  world.server.answer = () => ({ t: "error", code: 403, subCode: 10124, message: "not today" });
  const result = await begin(world);
  await settle();
  const nothing = { connected: false, bandWidth: "Unknown", diagnostics: { audio: UNKNOWN, video: UNKNOWN } };
  assert.deepEqual(await result.inCallDiagnostics, nothing);
});

test("without a server there is no connection, and the rest is told all the same", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  world.server.isReachable = false;
  const result = await begin(world);
  for (let second = 0; second < 11; second++) {
    await settle();
    mock.timers.tick(1000);
  }
  assert.equal((await result.inCallDiagnostics).connected, false);
  assert.deepEqual(await result.deviceAccess, { audio: true, video: true });
  (await result.callMediaStatistics)?.createCollector().dispose();
});
