/** Marks for what a test call measured. */

import type * as T from "../types.js";

/** The best and the worst that still counts as good and as average. */
interface Scale {
  good: number;
  average: number;
}
/** Buffers of 30 ms hide the first; the second is heard as gaps. */
const JITTER_MS: Scale = { good: 30, average: 100 };
/** Shares. FEC and retransmission hide the first; the second is what the page calls a poor network. */
const LOSS: Scale = { good: 0.01, average: 0.05 };
/** Beyond 200 ms people begin to talk into each other's words, beyond 400 ms they notice why. */
const RTT_MS: Scale = { good: 200, average: 400 };
/** Bits per second for a picture of 720 and of 360 lines, and for sound alone with room and without. */
const WITH_VIDEO_BPS: Scale = { good: 1_200_000, average: 500_000 };
const SOUND_BPS: Scale = { good: 100_000, average: 40_000 };

type Sample = T.MediaStatsReportSample;
type Stream = Partial<T.AudioSendStats & T.AudioReceiveStats>;

export function gradesOf(samples: readonly Sample[]): Omit<T.InCallDiagnostics, "connected"> {
  const streams = (medium: "audio" | "video"): Stream[] =>
    samples.flatMap((sample): Stream[] => [...sample[medium].send, ...sample[medium].receive]);
  const [audio, video] = [streams("audio"), streams("video")];
  const scale = video.length > 0 ? WITH_VIDEO_BPS : SOUND_BPS;
  // The estimate grows while it is used: the last one counts.
  const bps = numbers([...audio, ...video], "availableBitrate").pop();
  return {
    bandWidth: bps === undefined ? "Unknown" : grade(-bps, { good: -scale.good, average: -scale.average }),
    diagnostics: { audio: mediaGrades(audio), video: mediaGrades(video) },
  };
}

function mediaGrades(streams: readonly Stream[]): T.MediaGrades {
  const sum = (name: keyof Stream) => numbers(streams, name).reduce((total, one) => total + one, 0);
  const packets = sum("packetsPerSecond");
  return {
    jitter: grade(mean(numbers(streams, "jitterInMs")), JITTER_MS),
    packetLoss: grade(packets > 0 ? sum("packetsLostPerSecond") / packets : undefined, LOSS),
    rtt: grade(mean(streams.flatMap(({ rttInMs, pairRttInMs }) => rttInMs ?? pairRttInMs ?? [])), RTT_MS),
  };
}

function grade(value: number | undefined, { good, average }: Scale): T.QualityGrade {
  if (value === undefined) return "Unknown";
  if (value <= good) return "Good";
  return value <= average ? "Average" : "Bad";
}

const numbers = (streams: readonly Stream[], name: keyof Stream): number[] =>
  streams.map((one) => one[name]).filter((value) => typeof value === "number");

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((total, one) => total + one, 0) / values.length;
