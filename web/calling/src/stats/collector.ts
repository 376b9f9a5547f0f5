/** Samples each second and summaries of them, for applications that watch the quality of a call. */

import { Emitter } from "../emitter.js";
import { failure } from "../errors.js";
import type * as T from "../types.js";

const SAMPLE_MS = 1000;
const INTERVAL_SECONDS = 10;
const POINTS = 6;

type Read = () => Promise<T.MediaStatsReportSample | undefined>;
type Events = { sampleReported: [T.MediaStatsReportSample]; summaryReported: [T.MediaStatsReportSummary] };
type Stats = Record<string, unknown> & { id: string };
const MEDIA = ["audio", "video", "screenShare"] as const;
const DIRECTIONS = ["send", "receive"] as const;

class Collector implements T.MediaStatsCollector {
  private readonly emitter = new Emitter<Events>();
  private readonly timer: ReturnType<typeof setInterval>;
  private samples: T.MediaStatsReportSample[] = [];

  constructor(
    private readonly read: Read,
    private readonly intervalSeconds: number,
    private readonly points: number,
    private readonly onDispose: () => void,
  ) {
    this.timer = setInterval(() => void this.take(), SAMPLE_MS);
  }

  on: T.MediaStatsCollector["on"] = this.emitter.on;
  off: T.MediaStatsCollector["off"] = this.emitter.off;

  dispose = (): void => {
    clearInterval(this.timer);
    this.onDispose();
  };

  private async take(): Promise<void> {
    const sample = await this.read();
    if (!sample) return;
    this.samples.push(sample);
    this.emitter.emit("sampleReported", structuredClone(sample));
    if (this.samples.length < this.intervalSeconds * this.points) return;
    const { samples } = this;
    this.samples = [];
    this.emitter.emit("summaryReported", summaryOf(samples, this.intervalSeconds));
  }
}

export class MediaStats implements T.MediaStatsCallFeature {
  private readonly collectors = new Set<Collector>();

  /** `reader`: makes what reads one sample after the other. */
  constructor(private readonly reader: () => Read) {}

  createCollector = (options: T.MediaStatsCollectorOptions = {}): T.MediaStatsCollector => {
    const { aggregationInterval = INTERVAL_SECONDS, dataPointsPerAggregation = POINTS } = options;
    if (!isCount(aggregationInterval) || !isCount(dataPointsPerAggregation)) {
      throw failure(400, 46100, "The interval and the number of points are whole numbers of at least 1.");
    }
    const collector: Collector = new Collector(this.reader(), aggregationInterval, dataPointsPerAggregation, () =>
      this.collectors.delete(collector),
    );
    this.collectors.add(collector);
    return collector;
  };

  dispose(): void {
    for (const collector of [...this.collectors]) collector.dispose();
  }
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;

/** One average for each interval, of each number of each stream that was there. */
function summaryOf(samples: readonly T.MediaStatsReportSample[], interval: number): T.MediaStatsReportSummary {
  const summary: Record<string, Record<string, Stats[]>> = {};
  for (const medium of MEDIA) {
    summary[medium] = {};
    for (const direction of DIRECTIONS) {
      const all = samples.map((sample) => sample[medium][direction] as unknown as Stats[]);
      const ids = new Set(all.flat().map(({ id }) => id));
      const streamOf = (id: string) => all.map((list) => list.find((one) => one.id === id));
      summary[medium][direction] = [...ids].map((id) => streamSummary(streamOf(id), interval));
    }
  }
  return summary as unknown as T.MediaStatsReportSummary;
}

function streamSummary(samples: readonly (Stats | undefined)[], interval: number): Stats {
  const known = samples.filter((one): one is Stats => one !== undefined);
  const names = new Set(known.flatMap((one) => Object.keys(one)));
  const values = [...names].map((name) => {
    const newest = known[known.length - 1]?.[name];
    if (name === "streamId" || known.some((one) => typeof one[name] === "string")) return [name, newest];
    const averages: number[] = [];
    for (let at = 0; at < samples.length; at += interval) {
      const known = samples.slice(at, at + interval).map((one) => one?.[name]);
      const numbers = known.filter((value): value is number => typeof value === "number");
      if (numbers.length > 0) averages.push(numbers.reduce((sum, value) => sum + value, 0) / numbers.length);
    }
    return [name, averages];
  });
  return Object.fromEntries(values) as Stats;
}
