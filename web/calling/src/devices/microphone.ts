/**
 * The microphone: opened once for a client, however many calls use it. Each call has a clone of its own, so that muting
 * one call leaves the others alone.
 *
 * ```text
 * open ── clone ── call 1
 *      └─ clone ── call 2      the last one that goes closes it
 * ```
 */

import { deviceIdOf } from "./list.js";

/** A call's part in the microphone. */
export interface MicrophoneLease {
  /** The sound; undefined while there is none. */
  readonly track: MediaStreamTrack | undefined;
  /** Silences this call alone. */
  setMuted(isMuted: boolean): void;
  /** Opens it again when it has ended, for example because it was unplugged. */
  revive(): Promise<void>;
  release(): void;
}

/** What a call does when it gets another track, undefined when the microphone is gone. */
export interface MicrophoneUser {
  onTrack(track: MediaStreamTrack | undefined): void;
}

class Lease implements MicrophoneLease {
  track: MediaStreamTrack | undefined;
  private isMuted = false;

  constructor(
    private readonly user: MicrophoneUser,
    private readonly microphone: Microphone,
  ) {}

  /** Takes a clone of `source`; the old one ends. */
  take(source: MediaStreamTrack | undefined): void {
    const old = this.track;
    this.track = source?.clone();
    if (this.track) this.track.enabled = !this.isMuted;
    this.user.onTrack(this.track);
    old?.stop();
  }

  setMuted(isMuted: boolean): void {
    this.isMuted = isMuted;
    if (this.track) this.track.enabled = !isMuted;
  }

  async revive(): Promise<void> {
    if (this.track?.readyState !== "live") await this.microphone.replace();
  }

  release(): void {
    this.track?.stop();
    this.track = undefined;
    this.microphone.forget(this);
  }
}

export class Microphone {
  private readonly leases = new Set<Lease>();
  private source: MediaStreamTrack | undefined;
  /** Openings go one after the other: the browser asks the user once. */
  private opening: Promise<void> = Promise.resolve();

  /** `chosen`: the id in the device list of the microphone to open. */
  constructor(private readonly chosen: () => string | undefined) {}

  /**
   * Opens it for a call.
   *
   * **Errors**: those of `getUserMedia`: refused, none there, in use elsewhere.
   */
  async lease(user: MicrophoneUser): Promise<MicrophoneLease> {
    const lease = new Lease(user, this);
    this.leases.add(lease);
    try {
      await this.open(false);
    } catch (cause) {
      this.leases.delete(lease);
      throw cause;
    }
    if (!lease.track) lease.take(this.source);
    return lease;
  }

  /** Opens the chosen one anew when calls use it, and gives it to them. What cannot be opened leaves them silent. */
  async replace(): Promise<void> {
    if (this.leases.size > 0) await this.open(true).catch(() => undefined);
  }

  /** The sound before any call's mute, to notice that somebody speaks. Stop it when done. */
  listen(): MediaStreamTrack | undefined {
    return this.source?.readyState === "live" ? this.source.clone() : undefined;
  }

  /** @internal A lease ended. */
  forget(lease: Lease): void {
    this.leases.delete(lease);
    if (this.leases.size === 0) this.close();
  }

  dispose(): void {
    for (const lease of [...this.leases]) lease.release();
    this.close();
  }

  private open(isAnew: boolean): Promise<void> {
    const next = this.opening.then(async () => {
      if (!isAnew && this.source?.readyState === "live") return;
      const old = this.source;
      this.source = undefined;
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: this.constraints() });
        this.source = stream.getAudioTracks()[0];
        // Unplugged: calls go on with what there is. Stopping it ourselves is no such event.
        this.source?.addEventListener("ended", this.onEnded);
      } finally {
        old?.stop();
        // A call that is still there, or came while the user was asked, gets its clone.
        for (const lease of this.leases) lease.take(this.source);
        if (this.leases.size === 0) this.close();
      }
    });
    this.opening = next.catch(() => undefined);
    return next;
  }

  private readonly onEnded = (event: Event): void => {
    if (event.target === this.source) void this.replace();
  };

  private close(): void {
    this.source?.stop();
    this.source = undefined;
  }

  private constraints(): MediaTrackConstraints {
    const id = this.chosen();
    const deviceId = id ? deviceIdOf(id) : "";
    return {
      ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    };
  }
}
