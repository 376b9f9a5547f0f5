/**
 * Notices that nothing arrives any more where something did until a moment ago: the way may be gone. Browsers tell of
 * that after five to eight seconds, and a socket whose address is gone never does.
 */

import { Timers } from "../timers.js";

const LOOK_MS = 500;
/** So many looks in a row must have found something new; where nobody sends, silence is no sign of anything. */
const BUSY_LOOKS = 4;
const SILENT_LOOKS = 3;

export class SilenceWatch {
  private readonly timers = new Timers<"look">();
  private bytes: number | undefined;
  private busyLooks = 0;
  private silentLooks = 0;

  /** `read`: what has arrived so far; undefined where there is no connection now. */
  constructor(
    private readonly read: () => Promise<number | undefined>,
    private readonly changed: (isSilent: boolean) => void,
  ) {}

  start(): void {
    this.timers.set("look", LOOK_MS, () => {
      // Set before the answer comes: a watch that was stopped meanwhile stays so.
      this.start();
      void this.read().then((bytes) => bytes !== undefined && this.judge(bytes));
    });
  }

  stop(): void {
    this.timers.cancelAll();
  }

  private judge(bytes: number): void {
    const isNew = bytes !== this.bytes;
    this.bytes = bytes;
    if (!isNew) {
      this.silentLooks += 1;
      if (this.silentLooks === SILENT_LOOKS && this.busyLooks >= BUSY_LOOKS) this.changed(true);
      return;
    }
    if (this.silentLooks >= SILENT_LOOKS) this.changed(false);
    this.busyLooks = this.silentLooks > 0 ? 1 : this.busyLooks + 1;
    this.silentLooks = 0;
  }
}
