// What a person on a hard network gets, in figures of the browser's own statistics.

import { setTimeout as wait } from "node:timers/promises";

const LOOK_MS = 100;
// Media that goes on for so long is back.
const STEADY_MS = 2_000;
// Pauses up to this are what a bad network brings anyhow.
const PAUSE_MS = 700;

/** What arrived at a page so far: sums over its connections. */
export const figuresOf = (page) => page.evaluate(sums);

/** Waits for a time and says what arrived at a page in it, per kind, as `describe` writes it. */
export async function during(page, milliseconds) {
  const before = await figuresOf(page);
  await wait(milliseconds);
  return between(before, await figuresOf(page));
}

/** What came from one sum to a later one. */
export function between(before, after) {
  const seconds = (after.at - before.at) / 1_000;
  const gained = (name) => after[name] - before[name];
  const heard = gained("samples");
  return {
    framesPerSecond: gained("frames") / seconds,
    width: after.width,
    kbps: (gained("bytes") * 8) / 1_000 / seconds,
    concealed: heard > 0 ? (gained("concealed") - gained("silent")) / heard : 1,
    freezes: gained("freezes"),
    frozenSeconds: gained("frozenSeconds"),
    // The browser takes back what came late after all.
    lost: Math.max(0, gained("lost")) / Math.max(1, gained("lost") + gained("packets")),
    way: after.way,
  };
}

/** A line for people. */
export function describe({ framesPerSecond, width, kbps, concealed, freezes, frozenSeconds, lost }) {
  const parts = [
    `${framesPerSecond.toFixed(1)} frames/s of ${width} px`,
    `${kbps.toFixed(0)} kbit/s`,
    `${(concealed * 100).toFixed(1)} % of the sound made up`,
    `${freezes} freezes (${frozenSeconds.toFixed(1)} s)`,
    `${(lost * 100).toFixed(1)} % lost`,
  ];
  return parts.join(", ");
}

/** A time in ms for people. */
export const seconds = (milliseconds) => `${(milliseconds / 1_000).toFixed(1)} s`;

/**
 * How long media stopped at a page after something was done to it, in ms, until it is steady again: the longest pause of
 * pictures or of sound. Counted from before `act`, which does it.
 */
export async function outage(pages, act, deadlineMs) {
  const watches = pages.map((page) => new Watch(page));
  await Promise.all(watches.map((watch) => watch.look()));
  const start = performance.now();
  const acting = act();
  for (;;) {
    await wait(LOOK_MS);
    await Promise.all(watches.map((watch) => watch.look()));
    const now = performance.now();
    const isOver = watches.every((watch) => watch.isSteady(now));
    if (isOver || now - start > deadlineMs) {
      await acting;
      return watches.map((watch) => Math.round(watch.longestMs(now)));
    }
  }
}

/** Notes when pictures and sound of a page went on. */
class Watch {
  #page;
  #start = performance.now();
  #kinds = ["frames", "energy"].map((name) => ({ name, value: undefined, at: 0, longest: 0, since: 0 }));

  constructor(page) {
    this.#page = page;
  }

  async look() {
    const sums = await figuresOf(this.#page).catch(() => undefined);
    const now = performance.now();
    for (const kind of sums ? this.#kinds : []) {
      if (kind.value === sums[kind.name]) continue;
      const pause = now - kind.at;
      if (kind.value !== undefined && pause > PAUSE_MS) kind.since = now;
      if (kind.value !== undefined) kind.longest = Math.max(kind.longest, pause);
      Object.assign(kind, { value: sums[kind.name], at: now });
    }
  }

  /** Whether all goes on, and did since the last long pause, of which there was time to be one. */
  isSteady(now) {
    const isWatchedLong = now - this.#start > PAUSE_MS + 2 * STEADY_MS;
    return isWatchedLong && this.#kinds.every(({ at, since }) => now - at < PAUSE_MS && now - since > STEADY_MS);
  }

  longestMs(now) {
    return Math.max(...this.#kinds.map(({ at, longest }) => Math.max(longest, now - at)));
  }
}

/** Runs in the page: sums over the arriving streams of its open connections, and the way the last one took. */
async function sums() {
  const found = { frames: 0, bytes: 0, samples: 0, concealed: 0, silent: 0, energy: 0 };
  Object.assign(found, { packets: 0, lost: 0, freezes: 0, frozenSeconds: 0, width: 0, way: "" });
  for (const connection of window.witnessed ?? []) {
    if (connection.connectionState === "closed") continue;
    const all = await connection.getStats();
    for (const one of all.values()) {
      if (one.type === "transport" && one.selectedCandidatePairId) {
        const pair = all.get(one.selectedCandidatePairId);
        const local = pair && all.get(pair.localCandidateId);
        if (local) found.way = [local.candidateType, local.relayProtocol ?? local.protocol].join("/");
      }
      if (one.type !== "inbound-rtp") continue;
      found.packets += one.packetsReceived ?? 0;
      found.lost += one.packetsLost ?? 0;
      if (one.kind === "audio") {
        found.samples += one.totalSamplesReceived ?? 0;
        found.concealed += one.concealedSamples ?? 0;
        found.silent += one.silentConcealedSamples ?? 0;
        found.energy += one.totalAudioEnergy ?? 0;
      } else {
        found.bytes += one.bytesReceived ?? 0;
        found.frames += one.framesDecoded ?? 0;
        found.freezes += one.freezeCount ?? 0;
        found.frozenSeconds += one.totalFreezesDuration ?? 0;
        if (one.frameWidth && one.framesPerSecond) found.width = Math.max(found.width, one.frameWidth);
      }
    }
  }
  return { ...found, at: performance.now() };
}
