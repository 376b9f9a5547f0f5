/** Reads a browser's statistics into the sample of ACS. Rates are of the time since the last reading. */

import type { SourceName } from "../signalling/messages.js";
import type * as T from "../types.js";
import { type Entry, entriesOf, milliseconds, number, selectedPair, Since } from "./entries.js";

/** What the browser does not know: whose lines they are. */
export interface Lines {
  /** What this side sends on a line. */
  sourceOf(mid: string): SourceName | undefined;
  /** What a line brings, and the id of the remote stream where it is a picture. */
  shownOn(mid: string): { source: SourceName; streamId?: number } | undefined;
}

/** Audio levels of browsers go to 1, those of the samples to this. */
const LEVEL_MAX = 65_535;

type Values = Record<string, string | number | undefined>;

export class StatsReader {
  private before = new Map<string, Entry>();

  constructor(private readonly lines: Lines) {}

  read(report: ReadonlyMap<string, unknown>): T.MediaStatsReportSample {
    const now = entriesOf(report);
    const pair = selectedPair(now);
    const sample: T.MediaStatsReportSample = {
      audio: { send: [], receive: [] },
      video: { send: [], receive: [] },
      screenShare: { send: [], receive: [] },
    };
    for (const entry of now.values()) {
      const mid = String(entry["mid"] ?? "");
      const since = new Since(entry, this.before.get(entry.id));
      const pairRttInMs = milliseconds(pair?.["currentRoundTripTime"]);
      const common = { id: entry.id, codecName: codecOf(now, entry), pairRttInMs };
      if (entry.type === "inbound-rtp") {
        this.addInbound(sample, mid, { ...common, ...inbound(entry, since) }, entry, since);
      }
      if (entry.type === "outbound-rtp") {
        const remotes = [...now.values()].filter(({ type }) => type === "remote-inbound-rtp");
        const remote = remotes.find(({ localId }) => localId === entry.id);
        const sent = { ...common, ...outbound(since, remote, remote && this.before.get(remote.id), pair) };
        this.addOutbound(sample, mid, sent, entry, since, now.get(String(entry["mediaSourceId"])));
      }
    }
    this.before = now;
    return sample;
  }

  private addInbound(sample: T.MediaStatsReportSample, mid: string, common: Values, entry: Entry, since: Since): void {
    const shown = this.lines.shownOn(mid);
    if (!shown) return;
    if (shown.source === "audio") {
      sample.audio.receive.push(clean({ ...common, ...audioIn(entry, since) }));
    } else {
      const stats = clean<T.VideoReceiveStats>({ ...common, streamId: shown.streamId, ...videoIn(entry, since) });
      (shown.source === "screen" ? sample.screenShare : sample.video).receive.push(stats);
    }
  }

  private addOutbound(
    sample: T.MediaStatsReportSample,
    mid: string,
    common: Values,
    entry: Entry,
    since: Since,
    origin: Entry | undefined,
  ): void {
    const source = this.lines.sourceOf(mid);
    // A layer that is off, or a line that carries nothing.
    if (!source || !origin || entry["active"] === false) return;
    if (source === "audio") {
      sample.audio.send.push(clean({ ...common, audioInputLevel: level(origin["audioLevel"]) }));
    } else {
      const stats = clean<T.VideoSendStats>({ ...common, ...videoOut(entry, since, origin) });
      (source === "screen" ? sample.screenShare : sample.video).send.push(stats);
    }
  }
}

const inbound = (entry: Entry, since: Since): Values => ({
  bitrate: since.perSecond("bytesReceived", 8),
  jitterInMs: milliseconds(entry["jitter"]),
  packetsPerSecond: since.perSecond("packetsReceived"),
  packetsLostPerSecond: since.perSecond("packetsLost"),
  jitterBufferInMs: since.ratio("jitterBufferDelay", "jitterBufferEmittedCount", 1000),
});

const outbound = (
  since: Since,
  remote: Entry | undefined,
  remoteBefore: Entry | undefined,
  pair: Entry | undefined,
): Values => ({
  bitrate: since.perSecond("bytesSent", 8),
  packetsPerSecond: since.perSecond("packetsSent"),
  packetsLostPerSecond: new Since(remote, remoteBefore).perSecond("packetsLost"),
  jitterInMs: milliseconds(remote?.["jitter"]),
  rttInMs: milliseconds(remote?.["roundTripTime"]),
  availableBitrate: number(pair?.["availableOutgoingBitrate"]),
});

function audioIn(entry: Entry, since: Since): Values {
  const [concealed, silent] = [since.growth("concealedSamples"), since.growth("silentConcealedSamples")];
  const samples = since.growth("totalSamplesReceived");
  const healedRatio = samples ? ((concealed ?? 0) - (silent ?? 0)) / samples : undefined;
  return { audioOutputLevel: level(entry["audioLevel"]), healedRatio };
}

const videoIn = (entry: Entry, since: Since): Values => ({
  frameRateOutput: number(entry["framesPerSecond"]),
  frameRateDecoded: since.perSecond("framesDecoded"),
  frameRateReceived: since.perSecond("framesReceived"),
  frameWidthReceived: number(entry["frameWidth"]),
  frameHeightReceived: number(entry["frameHeight"]),
  totalFreezeDurationInMs: milliseconds(entry["totalFreezesDuration"]),
  framesReceived: number(entry["framesReceived"]),
  framesDecoded: number(entry["framesDecoded"]),
  framesDropped: number(entry["framesDropped"]),
  keyFramesDecoded: number(entry["keyFramesDecoded"]),
});

const videoOut = (entry: Entry, since: Since, origin: Entry): Values => ({
  frameRateInput: number(origin["framesPerSecond"]),
  frameWidthInput: number(origin["width"]),
  frameHeightInput: number(origin["height"]),
  frameRateEncoded: since.perSecond("framesEncoded"),
  frameRateSent: since.perSecond("framesSent"),
  frameWidthSent: number(entry["frameWidth"]),
  frameHeightSent: number(entry["frameHeight"]),
  framesSent: number(entry["framesSent"]),
  framesEncoded: number(entry["framesEncoded"]),
  keyFramesEncoded: number(entry["keyFramesEncoded"]),
});

function codecOf(entries: ReadonlyMap<string, Entry>, entry: Entry): string | undefined {
  const mimeType = entries.get(String(entry["codecId"]))?.["mimeType"];
  return typeof mimeType === "string" ? mimeType.slice(mimeType.indexOf("/") + 1).toUpperCase() : undefined;
}

const level = (value: unknown): number | undefined =>
  typeof value === "number" ? Math.round(value * LEVEL_MAX) : undefined;

/** Without what is not known. */
function clean<Stats>(values: Values): Stats {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Stats;
}
