/** Statistics of the media of a call. Bitrates are bits per second; levels go from 0 to 65,535. */

import type { EventSource } from "./common.js";

interface StreamStats {
  /** The same stream has the same id in every report. */
  id: string;
  codecName?: string;
  bitrate?: number;
  jitterInMs?: number;
  packetsPerSecond?: number;
  packetsLostPerSecond?: number;
  /** From connectivity checks. */
  pairRttInMs?: number;
}
interface SendStats extends StreamStats {
  /** From the other side's reports. */
  rttInMs?: number;
  availableBitrate?: number;
}
export interface AudioSendStats extends SendStats {
  audioInputLevel?: number;
}
export interface AudioReceiveStats extends StreamStats {
  jitterBufferInMs?: number;
  audioOutputLevel?: number;
  /** What was made up for lost sound, of all samples. */
  healedRatio?: number;
}
export interface VideoSendStats extends SendStats {
  frameRateInput?: number;
  frameWidthInput?: number;
  frameHeightInput?: number;
  frameRateEncoded?: number;
  frameRateSent?: number;
  frameWidthSent?: number;
  frameHeightSent?: number;
  framesSent?: number;
  framesEncoded?: number;
  keyFramesEncoded?: number;
}
export interface VideoReceiveStats extends StreamStats {
  jitterBufferInMs?: number;
  /** The `id` of the remote stream that is shown. */
  streamId?: number;
  frameRateOutput?: number;
  frameRateDecoded?: number;
  frameRateReceived?: number;
  frameWidthReceived?: number;
  frameHeightReceived?: number;
  totalFreezeDurationInMs?: number;
  framesReceived?: number;
  framesDecoded?: number;
  framesDropped?: number;
  keyFramesDecoded?: number;
}

interface Directions<Send, Receive> {
  send: Send[];
  receive: Receive[];
}
export interface MediaStatsReportSample {
  audio: Directions<AudioSendStats, AudioReceiveStats>;
  video: Directions<VideoSendStats, VideoReceiveStats>;
  screenShare: Directions<VideoSendStats, VideoReceiveStats>;
}

/** Each number is a list: one average for each interval. */
type Summed<Stats> = { [Key in keyof Stats]: NonNullable<Stats[Key]> extends number ? number[] : Stats[Key] };
export interface MediaStatsReportSummary {
  audio: Directions<Summed<AudioSendStats>, Summed<AudioReceiveStats>>;
  video: Directions<Summed<VideoSendStats>, Summed<VideoReceiveStats>>;
  screenShare: Directions<Summed<VideoSendStats>, Summed<VideoReceiveStats>>;
}

export interface MediaStatsCollectorOptions {
  /** Seconds; 10 unless said otherwise. */
  aggregationInterval?: number;
  /** Intervals in a summary; 6 unless said otherwise. */
  dataPointsPerAggregation?: number;
}
export interface MediaStatsCollector
  extends EventSource<{ sampleReported: [MediaStatsReportSample]; summaryReported: [MediaStatsReportSummary] }> {
  dispose(): void;
}
export interface MediaStatsCallFeature {
  createCollector(options?: MediaStatsCollectorOptions): MediaStatsCollector;
}
