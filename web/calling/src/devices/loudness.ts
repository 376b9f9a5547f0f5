/** Listens to a track whether somebody speaks, in a context of its own that is there only meanwhile. */

/** How often it listens: a syllable lasts twice as long. */
const LISTEN_MS = 100;

/** Louder than this is speech; a quiet room stays at a tenth of it. Share of full scale. */
const SPEECH = 0.03;

/** So many loud moments in the last second are somebody who speaks, and no door or cough. */
const LOUD_MIN = 4;

/** A second and a half of silence is the end. */
const QUIET_MIN = 15;

/** Samples in a moment: 43 ms at 48 kHz. */
const SAMPLES = 2048;

export class LoudnessMeter {
  private stopListening: () => void = () => {};
  private readonly speech = new SpeechJudge();

  constructor(private readonly onSpeech: (isSpeaking: boolean) => void) {}

  /** Listens to `track`, which it stops when done. */
  start(track: MediaStreamTrack): void {
    this.stop();
    const context = openContext();
    if (!context) return track.stop();
    const analyser = context.createAnalyser();
    analyser.fftSize = SAMPLES;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(SAMPLES);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      if (this.speech.hear(loudnessOf(samples))) this.onSpeech(this.speech.isSpeaking);
    }, LISTEN_MS);
    this.stopListening = () => {
      clearInterval(timer);
      track.stop();
      context.close().catch(() => undefined);
    };
  }

  stop(): void {
    this.stopListening();
    this.stopListening = () => {};
    if (this.speech.isSpeaking) this.onSpeech(false);
    this.speech.reset();
  }
}

/** A browser without sound has none: nobody is heard to speak there. */
function openContext(): AudioContext | undefined {
  try {
    return new AudioContext();
  } catch {
    return undefined;
  }
}

/** Root of the mean square, as a share of full scale. */
export function loudnessOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return samples.length > 0 ? Math.sqrt(sum / samples.length) : 0;
}

/** Decides from moments of loudness whether somebody speaks. */
export class SpeechJudge {
  isSpeaking = false;
  private recent: boolean[] = [];
  private quiet = 0;

  /** Takes the next moment; answers whether the judgement changed. */
  hear(loudness: number): boolean {
    const isLoud = loudness > SPEECH;
    this.recent = [...this.recent.slice(1 - 1000 / LISTEN_MS), isLoud];
    this.quiet = isLoud ? 0 : this.quiet + 1;
    const was = this.isSpeaking;
    if (was && this.quiet >= QUIET_MIN) this.isSpeaking = false;
    if (!was && this.recent.filter(Boolean).length >= LOUD_MIN) this.isSpeaking = true;
    if (was && !this.isSpeaking) this.recent = [];
    return was !== this.isSpeaking;
  }

  reset(): void {
    this.isSpeaking = false;
    this.recent = [];
    this.quiet = 0;
  }
}
