/**
 * Brings media back by itself.
 *
 * | what happens | what is done |
 * |---|---|
 * | disconnected for 2 s, or while nothing arrives; the network changed | an ICE restart, at most one in 3 s |
 * | nothing arrives any more | a look at the socket; an ICE restart if checks of the way get no answer |
 * | the same, and the socket was lost as well | an ICE restart when it is back, if still nothing arrives |
 * | failed; three restarts in 15 s were no help | a new connection with the leg token |
 * | the session is new: the server was away | the same |
 * | nothing helps for as long as the server keeps the leg | the call is over |
 *
 * A lost socket alone touches no media: the session resumes by itself.
 */

import { CommunicationServicesError } from "../errors.js";
import { Timers } from "../timers.js";

/** Shorter breaks heal by themselves. */
const PATIENCE_MS = 2000;
const RESTART_PAUSE_MS = 3000;
/** A server that stood still for a moment is back with its sockets: one look at what arrives, and some time for it. */
const LOOK_MS = 500;
/** A new connection is left alone for so long. */
const CONNECT_MS = 6000;
const RESTARTS_MAX = 3;
const RESTARTS_WITHIN_MS = 15_000;
const REJOIN_PAUSES_MS = [1000, 2000, 4000, 5000];

export interface Remedies {
  /** Finds out whether the socket still leads anywhere. */
  check(): void;
  /** An offer with new credentials on the same connection. */
  restart(): Promise<void>;
  /** A new connection for the same leg. */
  rejoin(): Promise<void>;
  giveUp(): void;
  /** As long as the server keeps the leg. */
  giveUpAfterMs(): number;
  /** Whether the page should say that the connection is being restored. */
  showTrouble(isThere: boolean): void;
}

export class Recovery {
  private readonly timers = new Timers<"patience" | "silence" | "restart" | "rejoin" | "giveUp">();
  private isMediaLost = false;
  /** Nothing arrives, which the browser has not noticed yet, or which is as it should be. */
  private isSilent = false;
  /** And the browser's own checks are not answered either. */
  private isWayLost = false;
  private isSessionLost = false;
  /** A rejoin is due or under way: restarts would be of the old connection. */
  private isRejoining = false;
  /** It is under way, and what it makes was lost again meanwhile: once more when it is done. */
  private isUnderWay = false;
  private isNeededAgain = false;
  private isStopped = false;
  private restarts: number[] = [];
  private rejoins = 0;

  constructor(private readonly remedies: Remedies) {}

  mediaChanged(state: RTCPeerConnectionState): void {
    if (this.isStopped) return;
    if (state === "connected") this.mediaBack();
    if (state === "disconnected") {
      // The offer of a restart would wait long on a socket that leads nowhere any more.
      if (!this.isSessionLost) this.remedies.check();
      this.mediaLost(this.isSilent ? 0 : PATIENCE_MS);
    }
    if (state === "failed") {
      this.mediaLost(0);
      this.rejoin();
    }
  }

  /** Another network may be better, also where the old one still seems to work. */
  networkChanged(): void {
    if (!this.isStopped && !this.isSessionLost) this.restartSoon();
  }

  /** Nothing arrives where something did a moment ago; or something does again. */
  silenceChanged(isSilent: boolean): void {
    this.isSilent = isSilent;
    if (!isSilent) {
      this.isWayLost = false;
      this.timers.cancel("silence");
    }
    if (isSilent && !this.isStopped && !this.isSessionLost && !this.isRejoining) this.remedies.check();
  }

  /** Nothing arrives, and the browser's own checks are not answered either. Told once in a silence. */
  wayLost(): void {
    if (this.isStopped) return;
    this.isWayLost = true;
    // Not known yet is what becomes of the last restart.
    this.restartIfSilent(0);
  }

  sessionLost(): void {
    if (this.isStopped || this.isSessionLost) return;
    this.isSessionLost = true;
    this.countDown();
  }

  sessionBack(): void {
    if (this.isStopped) return;
    this.isSessionLost = false;
    if (!this.isMediaLost) this.timers.cancel("giveUp");
    if (this.isMediaLost || this.isWayLost) this.restartSoon();
    else if (this.isSilent) this.restartIfSilent(LOOK_MS);
  }

  /** The server knows the leg only by its token. */
  sessionRenewed(): void {
    if (this.isStopped) return;
    this.isSessionLost = false;
    this.mediaLost(PATIENCE_MS);
    this.rejoin();
  }

  stop(): void {
    this.isStopped = true;
    this.timers.cancelAll();
  }

  private mediaLost(patienceMs: number): void {
    this.isMediaLost = true;
    this.countDown();
    if (this.timers.isSet("patience") && patienceMs > 0) return;
    this.timers.set("patience", patienceMs, () => {
      this.remedies.showTrouble(true);
      this.restartSoon();
    });
  }

  private mediaBack(): void {
    this.isMediaLost = false;
    this.isWayLost = false;
    this.restarts = [];
    this.rejoins = 0;
    this.timers.cancel("patience");
    this.timers.cancel("silence");
    this.timers.cancel("restart");
    if (!this.isSessionLost) this.timers.cancel("giveUp");
    this.remedies.showTrouble(false);
  }

  private countDown(): void {
    if (this.timers.isSet("giveUp")) return;
    this.timers.set("giveUp", this.remedies.giveUpAfterMs(), () => this.giveUp());
  }

  private giveUp(): void {
    this.stop();
    this.remedies.giveUp();
  }

  private restartSoon(): void {
    if (this.isRejoining || this.isSessionLost || this.timers.isSet("restart")) return;
    const now = performance.now();
    this.restarts = this.restarts.filter((at) => now - at < RESTARTS_WITHIN_MS);
    if (this.restarts.length >= RESTARTS_MAX) return this.rejoin();
    this.timers.set("restart", this.pauseMs(), () => this.restart());
  }

  /** Not before `leastMs`; silence that ends meanwhile calls it off. */
  private restartIfSilent(leastMs: number): void {
    const afterMs = Math.max(leastMs, this.pauseMs());
    if (afterMs === 0) return this.restartSoon();
    this.timers.set("silence", afterMs, () => this.restartSoon());
  }

  /** Until the next restart may be. */
  private pauseMs(): number {
    const last = this.restarts[this.restarts.length - 1];
    return last === undefined ? 0 : Math.max(0, last + RESTART_PAUSE_MS - performance.now());
  }

  private restart(): void {
    this.timers.cancel("silence");
    this.restarts.push(performance.now());
    this.remedies
      .restart()
      .catch(() => undefined)
      .then(() => {
        if (this.isMediaLost && !this.isStopped) this.restartSoon();
      });
  }

  private rejoin(): void {
    if (this.isUnderWay) this.isNeededAgain = true;
    if (this.isUnderWay || this.timers.isSet("rejoin")) return;
    this.isRejoining = true;
    this.timers.cancel("silence");
    this.timers.cancel("restart");
    // Not at once for every failure: the first is free, the next ones wait.
    const pauseMs = this.rejoins === 0 ? 0 : REJOIN_PAUSES_MS[Math.min(this.rejoins, REJOIN_PAUSES_MS.length) - 1];
    this.rejoins += 1;
    this.timers.set("rejoin", pauseMs as number, () => this.rejoinNow());
  }

  private rejoinNow(): void {
    this.isUnderWay = true;
    this.isNeededAgain = false;
    this.remedies.rejoin().then(
      () => this.rejoined(),
      (cause: unknown) => this.notRejoined(cause),
    );
  }

  private rejoined(): void {
    this.isUnderWay = false;
    if (this.isStopped) return;
    if (this.isNeededAgain) return this.rejoin();
    this.isRejoining = false;
    this.restarts = [];
    if (this.isMediaLost) this.timers.set("restart", CONNECT_MS, () => this.restart());
  }

  private notRejoined(cause: unknown): void {
    this.isUnderWay = false;
    if (this.isStopped) return;
    // The call is over, or the leg was given up: there is nothing to come back to.
    const isFinal = cause instanceof CommunicationServicesError && [403, 404].includes(cause.code);
    if (isFinal) return this.giveUp();
    this.rejoin();
  }
}
