/** Statistics: from a browser's counters to samples, summaries, and a judgement of the network. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Diagnostics } from "../src/features/all.js";
import { MediaStats } from "../src/stats/collector.js";
import { QualityWatch } from "../src/stats/quality.js";
import { entriesOf } from "../src/stats/entries.js";
import { reportOf } from "../src/stats/report.js";
import { type Lines, StatsReader } from "../src/stats/reader.js";
import type * as T from "../src/types.js";
import { settle } from "./fakes/server.js";
import { joinWithBob, openWorld } from "./fakes/world.js";

const LINES: Lines = {
  sourceOf: (mid) => ({ "0": "audio", "1": "camera", "2": "screen" })[mid] as ReturnType<Lines["sourceOf"]>,
  shownOn: (mid) => ({ "3": { source: "audio" as const }, "5": { source: "camera" as const, streamId: 4 } })[mid],
};

/** What a browser says `seconds` after the beginning. */
function report(seconds: number): Map<string, unknown> {
  const timestamp = 1000 * seconds;
  const entries = [
    { id: "T1", type: "transport", selectedCandidatePairId: "P1" },
    { id: "P0", type: "candidate-pair", currentRoundTripTime: 9 },
    { id: "P1", type: "candidate-pair", currentRoundTripTime: 0.02, availableOutgoingBitrate: 900_000 },
    { id: "C1", type: "codec", mimeType: "audio/opus" },
    { id: "C2", type: "codec", mimeType: "video/VP8" },
    { id: "S1", type: "media-source", audioLevel: 0.5 },
    { id: "S2", type: "media-source", framesPerSecond: 30, width: 640, height: 360 },
    { id: "OA", type: "outbound-rtp", mid: "0", codecId: "C1", mediaSourceId: "S1", bytesSent: 4000 * seconds, packetsSent: 50 * seconds },
    { id: "RA", type: "remote-inbound-rtp", localId: "OA", packetsLost: 2 * seconds, jitter: 0.004, roundTripTime: 0.03 },
    { id: "Oq", type: "outbound-rtp", mid: "1", codecId: "C2", mediaSourceId: "S2", active: true, bytesSent: 50_000 * seconds, framesSent: 15 * seconds, framesEncoded: 15 * seconds, frameWidth: 320, frameHeight: 180, keyFramesEncoded: 1 },
    { id: "Oh", type: "outbound-rtp", mid: "1", codecId: "C2", mediaSourceId: "S2", active: false },
    { id: "OS", type: "outbound-rtp", mid: "2", codecId: "C2" },
    {
      id: "IA", type: "inbound-rtp", mid: "3", codecId: "C1", bytesReceived: 5000 * seconds, packetsReceived: 48 * seconds, packetsLost: 2 * seconds,
      jitter: 0.01, jitterBufferDelay: 960 * seconds, jitterBufferEmittedCount: 48_000 * seconds, audioLevel: 0.25,
      concealedSamples: 1000 * seconds, silentConcealedSamples: 520 * seconds, totalSamplesReceived: 48_000 * seconds,
    },
    { id: "IF", type: "inbound-rtp", mid: "4", packetsReceived: 0 },
    { id: "IV", type: "inbound-rtp", mid: "5", codecId: "C2", bytesReceived: 100_000 * seconds, packetsReceived: 100 * seconds, packetsLost: 0, framesDecoded: 14 * seconds, framesReceived: 15 * seconds, framesPerSecond: 14, frameWidth: 320, frameHeight: 180, totalFreezesDuration: 0.5, framesDropped: 1, keyFramesDecoded: 2 },
  ];
  return new Map(entries.map((entry) => [entry.id, { timestamp, ...entry }]));
}

test("a sample has rates since the last reading, by line and direction", () => {
  const reader = new StatsReader(LINES);
  reader.read(report(10));
  const { audio, video, screenShare } = reader.read(report(12));
  assert.deepEqual(audio.send, [
    {
      id: "OA", codecName: "OPUS", pairRttInMs: 20, bitrate: 32_000, packetsPerSecond: 50, packetsLostPerSecond: 2,
      jitterInMs: 4, rttInMs: 30, availableBitrate: 900_000, audioInputLevel: 32_768,
    },
  ]);
  assert.deepEqual(audio.receive, [
    {
      id: "IA", codecName: "OPUS", pairRttInMs: 20, bitrate: 40_000, jitterInMs: 10, packetsPerSecond: 48,
      packetsLostPerSecond: 2, jitterBufferInMs: 20, audioOutputLevel: 16_384, healedRatio: 0.01,
    },
  ]);
  assert.deepEqual(video.send.map(({ id, bitrate, frameRateSent, frameWidthSent, frameWidthInput }) => [id, bitrate, frameRateSent, frameWidthSent, frameWidthInput]), [["Oq", 400_000, 15, 320, 640]]);
  assert.deepEqual(video.receive.map(({ id, streamId, bitrate, frameRateDecoded, totalFreezeDurationInMs }) => [id, streamId, bitrate, frameRateDecoded, totalFreezeDurationInMs]), [["IV", 4, 800_000, 14, 500]]);
  assert.deepEqual([screenShare.send, screenShare.receive], [[], []]);
});

test("the first reading has no rates, and counters that start anew give no negative ones", () => {
  const reader = new StatsReader(LINES);
  const [first] = reader.read(report(100)).audio.receive;
  assert.deepEqual([first?.bitrate, first?.healedRatio, first?.jitterInMs], [undefined, undefined, 10]);
  const smaller = report(1);
  for (const entry of smaller.values()) (entry as { timestamp: number }).timestamp = 200_000;
  assert.equal(reader.read(smaller).audio.receive[0]?.bitrate, 0);
});

const sampleOf = (packets: number, lost: number): T.MediaStatsReportSample => ({
  audio: { send: [], receive: [{ id: "a", codecName: "OPUS", packetsPerSecond: packets, packetsLostPerSecond: lost }] },
  video: { send: [], receive: [] },
  screenShare: { send: [], receive: [] },
});

async function seconds(count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    mock.timers.tick(1000);
    await settle();
  }
}

test("a collector tells a sample each second, and after the asked intervals their averages", async (t) => {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  let packets = 0;
  const stats = new MediaStats(() => async () => sampleOf((packets += 10), 0));
  const collector = stats.createCollector({ aggregationInterval: 2, dataPointsPerAggregation: 2 });
  const samples: T.MediaStatsReportSample[] = [];
  const summaries: T.MediaStatsReportSummary[] = [];
  collector.on("sampleReported", (sample) => samples.push(sample));
  collector.on("summaryReported", (summary) => summaries.push(summary));
  await seconds(7);
  assert.equal(samples.length, 7);
  assert.deepEqual(summaries.map(({ audio }) => audio.receive), [
    [{ id: "a", codecName: "OPUS", packetsPerSecond: [15, 35], packetsLostPerSecond: [0, 0] }],
  ]);
  collector.dispose();
  await seconds(5);
  assert.equal(samples.length, 7);
  assert.throws(() => stats.createCollector({ aggregationInterval: 0 }), { code: 400 });
});

test("losses make the network poor, then bad, and it is good again when they stop", async (t) => {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  const diagnostics = new Diagnostics<T.NetworkDiagnosticType>();
  const seen: unknown[] = [];
  diagnostics.on("diagnosticChanged", ({ diagnostic, value }) => seen.push([diagnostic, value]));
  let lost = 0;
  const watch = new QualityWatch(diagnostics, async () => sampleOf(100 - lost, lost), () => {});
  watch.start();
  await seconds(6);
  assert.deepEqual(seen, []);
  lost = 12;
  await seconds(6);
  lost = 50;
  await seconds(6);
  lost = 0;
  await seconds(10);
  watch.stop();
  lost = 50;
  await seconds(10);
  assert.deepEqual(seen, [2, 3, 1].map((value) => ["networkReceiveQuality", value]));
});

test("the report for the server has the counters of the connection, its way, and rates since the last one", () => {
  const withWay = (seconds: number) => {
    const entries = entriesOf(report(seconds));
    Object.assign(entries.get("P1") as object, { localCandidateId: "L1" });
    entries.set("L1", { id: "L1", type: "local-candidate", timestamp: 0, candidateType: "relay", relayProtocol: "tls" });
    Object.assign(entries.get("Oq") as object, { rid: "q", packetsSent: 9, qualityLimitationReason: "bandwidth" });
    return entries;
  };
  const { in: received, out: sent, ...rest } = reportOf(withWay(12), withWay(10), LINES.sourceOf, 77);
  assert.deepEqual(rest, { at: 77, rtt_ms: 20, path: "relay-tls" });
  assert.deepEqual(received, [
    { mid: "3", lost: 24, packets: 576, jitter_ms: 10, kbps: 40 },
    { mid: "5", lost: 0, packets: 1200, width: 320, height: 180, frames: 168, freeze_ms: 500, kbps: 800 },
  ]);
  assert.deepEqual(sent, [
    { source: "audio", kbps: 32 },
    { source: "camera", kbps: 400, layer: "q", frames: 180, limited: "bandwidth" },
  ]);
  const first = reportOf(entriesOf(report(5)), new Map(), LINES.sourceOf, 0);
  assert.equal((first.out[0] as { kbps: number }).kbps, 0);
});

test("a call reports every ten seconds while it is connected, and once more before it hangs up", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const reports = () => world.server.types.filter((type) => type === "media.report").length;
  await seconds(9);
  assert.equal(reports(), 0);
  await seconds(11);
  assert.equal(reports(), 2);
  await call.hangUp();
  assert.deepEqual(world.server.types.slice(-2), ["media.report", "call.hangUp"]);
  await seconds(30);
  assert.equal(reports(), 3);
});
