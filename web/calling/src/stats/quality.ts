/** Judges the network of a call from its losses, as the page tells the user. */

import type { Diagnostics } from "../features/all.js";
import type * as T from "../types.js";
import { DiagnosticQuality } from "../types/diagnostics.js";

const LOOK_MS = 2000;
/** Looks that are judged together: a single burst is no bad network. */
const LOOKS = 3;
/** Shares of packets lost. */
const POOR = 0.05;
const BAD = 0.15;

type Read = () => Promise<T.MediaStatsReportSample | undefined>;

interface Counts {
  packets: number;
  lost: number;
}

export class QualityWatch {
  private timer: ReturnType<typeof setInterval> | undefined;
  private received: Counts[] = [];
  private sent: Counts[] = [];

  constructor(
    private readonly diagnostics: Diagnostics<T.NetworkDiagnosticType>,
    private readonly read: Read,
    /** Takes the share of the microphone's packets that the server misses, when it has reported anew. */
    private readonly onSoundLost: (share: number) => void,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => void this.look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async look(): Promise<void> {
    const sample = await this.read();
    if (!sample || !this.timer) return;
    const media = [sample.audio, sample.video, sample.screenShare];
    this.received = [...this.received.slice(1 - LOOKS), countOf(media.flatMap(({ receive }) => receive))];
    this.sent = [...this.sent.slice(1 - LOOKS), countOf(media.flatMap(({ send }) => send))];
    this.diagnostics.set("networkReceiveQuality", judge(this.received));
    this.diagnostics.set("networkSendQuality", judge(this.sent));
    this.lookAtMicrophone(sample.audio.send[0]);
  }

  private lookAtMicrophone(sent: T.MediaStatsReportSample["audio"]["send"][number] | undefined): void {
    const { packetsPerSecond, packetsLostPerSecond } = sent ?? {};
    if (!packetsPerSecond || packetsLostPerSecond === undefined) return;
    this.onSoundLost(packetsLostPerSecond / packetsPerSecond);
  }
}

function countOf(streams: readonly { packetsPerSecond?: number; packetsLostPerSecond?: number }[]): Counts {
  const sum = (values: (number | undefined)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0);
  return {
    packets: sum(streams.map(({ packetsPerSecond }) => packetsPerSecond)),
    lost: sum(streams.map(({ packetsLostPerSecond }) => packetsLostPerSecond)),
  };
}

function judge(counts: readonly Counts[]): DiagnosticQuality {
  const packets = counts.reduce((sum, one) => sum + one.packets, 0);
  const lost = counts.reduce((sum, one) => sum + one.lost, 0);
  const share = packets + lost > 0 ? lost / (packets + lost) : 0;
  if (share > BAD) return DiagnosticQuality.Bad;
  return share > POOR ? DiagnosticQuality.Poor : DiagnosticQuality.Good;
}
