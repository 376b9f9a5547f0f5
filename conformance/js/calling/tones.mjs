// What stands for voices: each browser beeps at a pitch of its own, and listens for the pitches of the others.
//
// Beeps, because a steady tone is taken for noise by the browsers' processing and fades within seconds. The pitches
// are no multiples of each other, so that an overtone of one is not taken for another.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The pitches in Hz that `listenForTones` knows. */
export const PITCHES_HZ = [440, 610, 790, 1010];

const RATE_HZ = 48_000;
const BEEP_MS = 300;
// The browser starts the file again at its end, so it holds whole beeps and pauses.
const PERIODS = 10;
// A quarter of full scale is −12 dBFS, as loud as somebody who speaks into a microphone.
const AMPLITUDE = 0.25;
const HEADER_BYTES = 44;
// Four beeps and their pauses: who has not been heard for that long is silent.
const SILENCE_MS = 2_400;

/** A WAV file of beeps, 16 bits, one channel. */
export function beeps(hertz) {
  const perBeep = (RATE_HZ * BEEP_MS) / 1_000;
  const samples = Buffer.alloc(PERIODS * 2 * perBeep * 2);
  for (let at = 0; at < PERIODS * 2 * perBeep; at++) {
    if (at % (2 * perBeep) >= perBeep) continue;
    const value = Math.sin((2 * Math.PI * hertz * at) / RATE_HZ) * AMPLITUDE * 32_767;
    samples.writeInt16LE(Math.round(value), at * 2);
  }
  return Buffer.concat([header(samples.length), samples]);
}

function header(sizeBytes) {
  const head = Buffer.alloc(HEADER_BYTES);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(sizeBytes + HEADER_BYTES - 8, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE_HZ, 24);
  head.writeUInt32LE(RATE_HZ * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(sizeBytes, 40);
  return head;
}

/** Writes the beeps into a folder and gives the file's path. */
export async function writeTone(folder, hertz) {
  const path = join(folder, `${hertz}.wav`);
  await writeFile(path, beeps(hertz));
  return path;
}

/** Waits until a page's loudspeaker gives a pitch that is new since now. */
export async function hears(page, hertz) {
  const since = await startListening(page);
  await page.until(`${hertz} Hz is heard`, ([at, from]) => window.ears.heardAt[at] > from, [hertz, since]);
}

/** Waits until a page's loudspeaker has not given a pitch for four beeps. */
export async function hearsNothingOf(page, hertz) {
  const since = await startListening(page);
  const isSilent = ([pitch, from, silence]) =>
    window.ears.now() - Math.max(from, window.ears.heardAt[pitch] ?? 0) > silence;
  await page.until(`${hertz} Hz is silent`, isSilent, [hertz, since, SILENCE_MS]);
}

async function startListening(page) {
  return page.evaluate(listenForTones, PITCHES_HZ);
}

/**
 * Runs in the page: notes again and again which pitches its `audio` elements play; gives the time it is there.
 *
 * `window.ears.heardAt[hertz]` is when a pitch was last heard, by `window.ears.now()`, which only goes on while sound
 * is looked at: a page that is held up hears no silence.
 */
function listenForTones(pitches) {
  if (window.ears) return window.ears.now();
  const LOOK_MS = 60;
  const SIZE = 4_096;
  const NEAR_HZ = 25;
  const MARGIN_DB = 15;
  const FLOOR_DB = -80;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = SIZE;
  analyser.smoothingTimeConstant = 0;
  const sources = new Map();
  const levels = new Float32Array(analyser.frequencyBinCount);
  const ears = { heardAt: {}, looks: 0, now: () => ears.looks * LOOK_MS };
  window.ears = ears;

  // The loudest within a distance of the pitch, from `from` to `to` Hz, on both sides of it.
  const loudest = (hertz, from, to) => {
    const width = context.sampleRate / SIZE;
    let most = -Infinity;
    levels.forEach((level, bin) => {
      const distance = Math.abs(bin * width - hertz);
      if (distance >= from && distance <= to) most = Math.max(most, level);
    });
    return most;
  };
  const connect = () => {
    const playing = [...document.querySelectorAll("audio")].filter(
      (each) => each.srcObject?.getAudioTracks().length > 0 && !each.paused && !each.muted && each.volume > 0,
    );
    const streams = new Set(playing.map((each) => each.srcObject));
    for (const [stream, source] of sources) {
      if (streams.has(stream)) continue;
      source.disconnect();
      sources.delete(stream);
    }
    for (const stream of streams) {
      if (sources.has(stream)) continue;
      const source = context.createMediaStreamSource(stream);
      source.connect(analyser);
      sources.set(stream, source);
    }
  };
  setInterval(() => {
    context.resume();
    connect();
    if (context.state !== "running") return;
    ears.looks += 1;
    analyser.getFloatFrequencyData(levels);
    for (const hertz of pitches) {
      const level = loudest(hertz, 0, NEAR_HZ);
      if (level > FLOOR_DB && level > loudest(hertz, 2 * NEAR_HZ, 3 * NEAR_HZ) + MARGIN_DB) ears.heardAt[hertz] = ears.now();
    }
  }, LOOK_MS);
  return ears.now();
}
