/**
 * Notices that nothing arrives any more where something did until a moment ago: the way may be gone. Browsers tell of
 * that after five to eight seconds, and a socket whose address is gone never does.
 */

import { Timers } from "../timers.js";

const LOOK_MS = 400;
/** A look that found nothing is repeated sooner. */
const SECOND_LOOK_MS = 200;
/** So many looks in a row must have found something new; where nobody sends, silence is no sign of anything. */
const BUSY_LOOKS = 4;
/** Silence of 0.6 to 1 s: somebody who pauses sends sound each 0.4 s, and a false alarm costs a ping. */
const SILENT_LOOKS = 2;
/**
 * So many checks without an answer, while all is silent, say that the way is gone. Browsers send them 0.9 s apart when
 * one was not answered, and otherwise each 2.5 s.
 */
const UNANSWERED_CHECKS = 2;

/** What has come on the ways of a connection so far. */
export interface Arrived {
  bytes: number;
  /** Checks sent on the way in use, and their answers; none where the browser does not count them. */
  checks: number;
  answers: number;
}

export interface SilenceListener {
  changed(isSilent: boolean): void;
  /** It is not only that nobody sends. Once in a silence. */
  wayLost(): void;
}

export class SilenceWatch {
  private readonly timers = new Timers<"look">();
  private before: Arrived = { bytes: 0, checks: 0, answers: 0 };
  /** Checks sent until the newest answer. */
  private answered = 0;
  private busyLooks = 0;
  private silentLooks = 0;
  private isSilent = false;
  private isLost = false;
  private isLooking = false;

  /** `read`: what has arrived so far; undefined where there is no connection now. */
  constructor(
    private readonly read: () => Promise<Arrived | undefined>,
    private readonly listener: SilenceListener,
  ) {}

  start(): void {
    this.lookIn(LOOK_MS);
  }

  stop(): void {
    this.timers.cancelAll();
  }

  private lookIn(milliseconds: number): void {
    this.timers.set("look", milliseconds, () => {
      // Set before the answer comes: a watch that was stopped meanwhile stays so.
      this.lookIn(LOOK_MS);
      void this.look();
    });
  }

  /** One at a time: a browser that is slow to answer is not asked more, and answers do not overtake each other. */
  private async look(): Promise<void> {
    if (this.isLooking) return;
    this.isLooking = true;
    const arrived = await this.read();
    this.isLooking = false;
    if (arrived && this.timers.isSet("look")) this.judge(arrived);
  }

  private judge(arrived: Arrived): void {
    const { before } = this;
    this.before = arrived;
    if (arrived.answers !== before.answers) this.answered = arrived.checks;
    // Less than before: a way was given up, with what came on it.
    if (arrived.bytes > before.bytes) this.hear();
    else this.hearNothing(arrived.checks - this.answered);
  }

  private hear(): void {
    if (this.isSilent) this.listener.changed(false);
    this.isSilent = false;
    this.isLost = false;
    this.busyLooks = this.silentLooks > 0 ? 1 : this.busyLooks + 1;
    this.silentLooks = 0;
  }

  private hearNothing(unanswered: number): void {
    this.silentLooks += 1;
    if (this.silentLooks < SILENT_LOOKS) return this.lookIn(SECOND_LOOK_MS);
    if (this.busyLooks < BUSY_LOOKS) return;
    if (!this.isSilent) this.listener.changed(true);
    this.isSilent = true;
    if (this.isLost || unanswered < UNANSWERED_CHECKS) return;
    this.isLost = true;
    this.listener.wayLost();
  }
}
