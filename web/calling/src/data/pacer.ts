/** How fast parts may leave: the server drops what is over a sender's budget (protocol §4.3). */

/** 500 kbit/s, and a second of it at once. */
const BYTES_PER_SECOND = 62_500;
/** Parts to everybody in a second, and as many at once. */
const BROADCASTS_PER_SECOND = 80;

/** An allowance that fills up with time, to a second's worth. */
class Allowance {
  private left: number;
  private at = Date.now();

  constructor(private readonly perSecond: number) {
    this.left = perSecond;
  }

  /** Takes `amount`, and says in how many milliseconds that is covered. */
  take(amount: number): number {
    const now = Date.now();
    this.left = Math.min(this.perSecond, this.left + ((now - this.at) / 1000) * this.perSecond) - amount;
    this.at = now;
    return Math.max(0, (-this.left / this.perSecond) * 1000);
  }
}

export class Pacer {
  private readonly bytes: Allowance;
  private readonly broadcasts = new Allowance(BROADCASTS_PER_SECOND);

  constructor(bytesPerSecond = BYTES_PER_SECOND) {
    this.bytes = new Allowance(Math.min(bytesPerSecond, BYTES_PER_SECOND));
  }

  /** Counts a part, and says how long it has to wait, in milliseconds. */
  take(bytes: number, isBroadcast: boolean): number {
    return Math.max(this.bytes.take(bytes), isBroadcast ? this.broadcasts.take(1) : 0);
  }
}
