/** How media of a call was, as the server keeps it (protocol §4.2). Counters are of the whole connection. */

import type { SourceName } from "../signalling/messages.js";
import { type Entries, type Entry, entriesOf, milliseconds, selectedPair, Since } from "./entries.js";

/** As often as the server wants it. */
const EVERY_MS = 10_000;

export interface WireReport {
  at: number;
  rtt_ms?: number;
  path?: string;
  in: object[];
  out: object[];
}

/** Whose sending lines they are. */
type SourceOf = (mid: string) => SourceName | undefined;

/** Reads a report; `before` is what was read the last time, for the rates. */
export function reportOf(now: Entries, before: Entries, sourceOf: SourceOf, at: number): WireReport {
  const pair = selectedPair(now);
  const entries = [...now.values()];
  const rate = (entry: Entry, counter: string) =>
    whole(new Since(entry, before.get(entry.id)).perSecond(counter, 8 / 1000)) ?? 0;
  return {
    at,
    ...known({ rtt_ms: whole(milliseconds(pair?.["currentRoundTripTime"])), path: pathOf(now, pair) }),
    in: entries
      .filter(({ type, packetsReceived }) => type === "inbound-rtp" && Number(packetsReceived) > 0)
      .map((entry) => ({
        ...known({
          mid: String(entry["mid"]),
          lost: Math.max(0, whole(entry["packetsLost"]) ?? 0),
          packets: whole(entry["packetsReceived"]),
          jitter_ms: whole(milliseconds(entry["jitter"])),
          width: whole(entry["frameWidth"]),
          height: whole(entry["frameHeight"]),
          frames: whole(entry["framesDecoded"]),
          freezes: whole(entry["freezeCount"]),
          freeze_ms: whole(milliseconds(entry["totalFreezesDuration"])),
        }),
        kbps: rate(entry, "bytesReceived"),
      })),
    out: entries
      .filter(({ type, packetsSent }) => type === "outbound-rtp" && Number(packetsSent) > 0)
      .flatMap((entry) => {
        const source = sourceOf(String(entry["mid"]));
        if (!source) return [];
        const limited = entry["qualityLimitationReason"];
        const more = { layer: entry["rid"], frames: whole(entry["framesSent"]), limited };
        return [{ source, kbps: rate(entry, "bytesSent"), ...known(more) }];
      }),
  };
}

/** `udp`, `tcp`, or the way to a relay. */
function pathOf(entries: Entries, pair: Entry | undefined): string | undefined {
  const local = entries.get(String(pair?.["localCandidateId"]));
  if (!local) return undefined;
  if (local["candidateType"] === "relay") return `relay-${String(local["relayProtocol"] ?? "udp")}`;
  return String(local["protocol"] ?? "udp");
}

const whole = (value: unknown): number | undefined => (typeof value === "number" ? Math.round(value) : undefined);
const known = (values: Record<string, unknown>): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

interface Owner {
  /** Statistics and lines of the connection of now. */
  read(): Promise<{ report: ReadonlyMap<string, unknown>; sourceOf: SourceOf } | undefined>;
  say(report: WireReport): void;
}

/** Reports every ten seconds, and once more when asked. */
export class Reporter {
  private timer: ReturnType<typeof setInterval> | undefined;
  private before: Entries = new Map();

  constructor(private readonly owner: Owner) {}

  start(): void {
    this.timer ??= setInterval(() => void this.report(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  async report(): Promise<void> {
    const read = await this.owner.read();
    if (!read || !this.timer) return;
    const now = entriesOf(read.report);
    this.owner.say(reportOf(now, this.before, read.sourceOf, Date.now()));
    this.before = now;
  }
}
