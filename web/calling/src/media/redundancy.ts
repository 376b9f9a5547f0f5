/** Redundant sound (RED, RFC 2198): each packet carries the one before as well, which repairs most single losses. */

/** Shares of the microphone's packets that the server misses. FEC of Opus alone is enough below the first. */
const ON = 0.03;
const OFF = 0.01;
/** Reports of so little loss in a row end it; a report comes every few seconds. */
const CALM_REPORTS = 6;

/** Decides from the server's reports whether sound is sent twice. */
export class Redundancy {
  private isOn = false;
  private calm = 0;

  /** `set` fails when it could not be done: then the next report decides again. */
  constructor(private readonly set: (isOn: boolean) => Promise<void>) {}

  /** Takes the share that was lost since the report before. */
  judge(share: number): void {
    this.calm = share < OFF ? this.calm + 1 : 0;
    if (!this.isOn && share > ON) this.turn(true);
    else if (this.isOn && this.calm >= CALM_REPORTS) this.turn(false);
  }

  /** A new connection begins without. */
  repeat(): void {
    if (this.isOn) this.ask(true);
  }

  private turn(isOn: boolean): void {
    this.calm = 0;
    this.ask(isOn);
  }

  private ask(isOn: boolean): void {
    this.isOn = isOn;
    this.set(isOn).catch(() => (this.isOn = !isOn));
  }
}

/**
 * An answer whose first audio line, the microphone's, prefers RED or Opus. One that has no RED stays as it is.
 */
export function orderAudio(sdp: string, isRedFirst: boolean): string {
  const start = sdp.indexOf("m=audio ");
  if (start < 0) return sdp;
  const next = sdp.indexOf("\nm=", start);
  const section = sdp.slice(start, next < 0 ? sdp.length : next);
  const red = /^a=rtpmap:(\d+) red\/48000/im.exec(section)?.[1];
  if (red === undefined) return sdp;
  const ordered = section.replace(/^(m=audio \S+ \S+)((?: \d+)+)/, (_, begin: string, list: string) => {
    const others = list.trim().split(" ").filter((type) => type !== red);
    return [begin, ...(isRedFirst ? [red, ...others] : [...others, red])].join(" ");
  });
  return sdp.slice(0, start) + ordered + sdp.slice(start + section.length);
}
