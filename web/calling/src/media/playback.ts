/** Plays what comes: the UI library plays nothing (rule 14). One element per audio line, in a hidden part of the page. */

import type { Devices } from "../devices/manager.js";

/** What a page may want from the user before it lets sound out. */
const GESTURES = ["pointerdown", "keydown", "touchend"] as const;

/** Before the page's own listeners, which may keep a gesture to themselves. */
const FIRST = { capture: true };

export class Playback {
  private readonly elements = new Map<MediaStreamTrack, HTMLAudioElement>();
  private readonly place = document.createElement("div");
  private readonly stopFollowing: () => void;
  private isMuted = false;
  private isWaitingForGesture = false;

  constructor(private readonly devices: Pick<Devices, "sinkId" | "followSpeaker">) {
    this.place.hidden = true;
    document.body.append(this.place);
    this.stopFollowing = devices.followSpeaker(() => {
      for (const element of this.elements.values()) void this.route(element);
    });
  }

  /** Plays these tracks and no others; those that play already go on without a gap. */
  play(tracks: readonly MediaStreamTrack[]): void {
    for (const [track, element] of this.elements) {
      if (tracks.includes(track)) continue;
      element.srcObject = null;
      element.remove();
      this.elements.delete(track);
    }
    for (const track of tracks) if (!this.elements.has(track)) this.add(track);
  }

  /** Whether the user hears nothing of this call. */
  setMuted(isMuted: boolean): void {
    this.isMuted = isMuted;
    for (const element of this.elements.values()) element.muted = isMuted;
  }

  dispose(): void {
    this.stopFollowing();
    this.stopWaiting();
    this.play([]);
    this.place.remove();
  }

  private add(track: MediaStreamTrack): void {
    const element = document.createElement("audio");
    element.autoplay = true;
    element.muted = this.isMuted;
    element.dataset["trunklineAudio"] = track.id;
    element.srcObject = new MediaStream([track]);
    this.place.append(element);
    this.elements.set(track, element);
    void this.route(element);
    element.play().catch((cause: unknown) => {
      // Anything else is an interruption: the element starts by itself.
      if ((cause as DOMException | undefined)?.name === "NotAllowedError") this.waitForGesture();
    });
  }

  private async route(element: HTMLAudioElement): Promise<void> {
    if (!("setSinkId" in element)) return;
    // A speaker that has just been unplugged: the system's own goes on.
    await element.setSinkId(this.devices.sinkId).catch(() => undefined);
  }

  private waitForGesture(): void {
    if (this.isWaitingForGesture) return;
    this.isWaitingForGesture = true;
    for (const gesture of GESTURES) document.addEventListener(gesture, this.onGesture, FIRST);
  }

  private stopWaiting(): void {
    this.isWaitingForGesture = false;
    for (const gesture of GESTURES) document.removeEventListener(gesture, this.onGesture, FIRST);
  }

  private readonly onGesture = (): void => {
    this.stopWaiting();
    for (const element of this.elements.values()) element.play().catch(() => this.waitForGesture());
  };
}
