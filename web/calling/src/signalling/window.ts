/**
 * What a session said and heard, by number (protocol §1.1).
 *
 *   put ─► waiting ─ take ─► sent ─ acknowledged ─► forgotten
 *
 * A message gets its number when it is first sent, so that one that waits for a socket can still be replaced by a newer
 * one of its kind.
 */

/** The server keeps as many of its own; a client that has so much unanswered waits. */
const SENT_MAX = 256;
/** Said while no socket is there; what people do by hand in two minutes is far less. */
const WAITING_MAX = 512;

interface Saying {
  body: Record<string, unknown>;
  /** A message of the same key that still waits is replaced: only the newest wish counts. */
  key: string | undefined;
}

export class Window {
  private waiting: Saying[] = [];
  private sent: { n: number; text: string }[] = [];
  private nextOut = 1;
  private heard = 0;

  /** The highest number heard without a gap. */
  get received(): number {
    return this.heard;
  }

  get isFull(): boolean {
    return this.waiting.length >= WAITING_MAX;
  }

  /** The message that `take` would give, if the window has room. */
  get next(): Record<string, unknown> | undefined {
    return this.sent.length < SENT_MAX ? this.waiting[0]?.body : undefined;
  }

  put(body: Record<string, unknown>, key?: string): void {
    const at = key === undefined ? -1 : this.waiting.findIndex((one) => one.key === key);
    if (at >= 0) this.waiting.splice(at, 1);
    this.waiting.push({ body, key });
  }

  take(): string {
    const { body } = this.waiting.shift() as Saying;
    const n = this.nextOut++;
    const text = JSON.stringify({ n, a: this.heard, ...body });
    this.sent.push({ n, text });
    return text;
  }

  acknowledge(a: number): void {
    this.sent = this.sent.filter(({ n }) => n > a);
  }

  /** What a new socket says again. */
  repeat(): string[] {
    return this.sent.map(({ text }) => text);
  }

  hear(n: number): "new" | "seen" | "gap" {
    if (n <= this.heard) return "seen";
    if (n > this.heard + 1) return "gap";
    this.heard = n;
    return "new";
  }

  reset(): void {
    [this.waiting, this.sent, this.nextOut, this.heard] = [[], [], 1, 0];
  }
}
