/** Somebody else in the call: one user, however many devices. The library knows people by raw id. */

import { Emitter } from "../emitter.js";
import { failure, reasonOf } from "../errors.js";
import { identifierOf } from "../identifiers.js";
import type { WireParticipant } from "../signalling/messages.js";
import { RemoteVideoStream } from "../streams/remote-video.js";
import type * as T from "../types.js";

type Change = "stateChanged" | "isMutedChanged" | "displayNameChanged" | "isSpeakingChanged" | "roleChanged";

const STATES: Record<WireParticipant["state"], T.RemoteParticipantState> = {
  connecting: "Connecting",
  ringing: "Ringing",
  inLobby: "InLobby",
  connected: "Connected",
  hold: "Hold",
  reconnecting: "Reconnecting",
  disconnected: "Disconnected",
};

const SOURCES = [
  ["camera", "Video"],
  ["screen", "ScreenSharing"],
] as const;

interface Owner {
  nextStreamId(): number;
  wantChanged(): void;
  mute(p: number): Promise<unknown>;
}

export class RemoteParticipant implements T.RemoteParticipant {
  displayName: string | undefined;
  state: T.RemoteParticipantState = "Idle";
  callEndReason: T.CallEndReason | undefined;
  isMuted = true;
  isSpeaking = false;
  role: T.ParticipantRole = "Unknown";
  private readonly emitter = new Emitter<T.ParticipantEvents>();
  private streams: RemoteVideoStream[] = [];
  /** The devices of this user in the call, by number. */
  private readonly legs = new Map<number, WireParticipant>();

  constructor(
    readonly rawId: string,
    private readonly owner: Owner,
  ) {}

  get identifier(): T.RemoteParticipant["identifier"] {
    return identifierOf(this.rawId);
  }
  get endpointDetails(): ReadonlyArray<T.EndpointDetails> {
    return this.numbers.map((p) => ({ participantId: String(p) }));
  }
  get videoStreams(): ReadonlyArray<RemoteVideoStream> {
    return [...this.streams];
  }
  get numbers(): number[] {
    return [...this.legs.keys()];
  }

  mute = async (): Promise<void> => {
    if (this.legs.size === 0) throw failure(404, 0, "The participant is not in the call.");
    await Promise.all(this.numbers.map((p) => this.owner.mute(p)));
  };

  apply(wire: WireParticipant): void {
    this.legs.set(wire.p, wire);
    this.settle();
  }

  /** One of the devices has left; the last one leaves its state behind. */
  remove(p: number): void {
    const last = this.legs.get(p);
    this.legs.delete(p);
    if (this.legs.size > 0) return this.settle();
    if (last) this.settleStreams([]);
    this.change("isSpeaking", false, "isSpeakingChanged");
    this.change("state", "Disconnected", "stateChanged");
  }

  setSpeaking(isSpeaking: boolean): void {
    this.change("isSpeaking", isSpeaking, "isSpeakingChanged");
  }

  on: T.RemoteParticipant["on"] = this.emitter.on;
  off: T.RemoteParticipant["off"] = this.emitter.off;

  /** What all devices together are: connected when one is, muted when all are. */
  private settle(): void {
    const legs = [...this.legs.values()];
    const best = legs.find(({ state }) => state === "connected") ?? legs[legs.length - 1];
    if (!best) return;
    if (best.reason) this.callEndReason = reasonOf(best.reason);
    this.change("displayName", best.name || undefined, "displayNameChanged");
    this.change("role", (best.role as T.ParticipantRole | undefined) ?? "Unknown", "roleChanged");
    this.change("isMuted", legs.every(({ muted }) => muted), "isMutedChanged");
    this.change("state", STATES[best.state] ?? "Connecting", "stateChanged");
    this.settleStreams(legs);
  }

  private settleStreams(legs: readonly WireParticipant[]): void {
    const kept = new Set<RemoteVideoStream>();
    const added: RemoteVideoStream[] = [];
    for (const leg of legs) {
      if (leg.state === "disconnected") continue;
      for (const [source, type] of SOURCES) {
        const size = leg.sources?.[source];
        if (!size) continue;
        const [width, height] = [size.width ?? 0, size.height ?? 0];
        const known = this.streams.find((one) => one.p === leg.p && one.mediaStreamType === type);
        known?.setSize(width, height);
        if (known) kept.add(known);
        else added.push(this.stream(type, leg.p, { width, height }));
      }
    }
    const removed = this.streams.filter((one) => !kept.has(one));
    if (added.length + removed.length === 0) return;
    this.streams = [...this.streams.filter((one) => kept.has(one)), ...added];
    for (const one of removed) {
      one.setAvailable(false);
      one.setTrack(undefined);
    }
    this.emitter.emit("videoStreamsUpdated", { added, removed });
  }

  private stream(type: T.MediaStreamType, p: number, size: T.StreamSize): RemoteVideoStream {
    return new RemoteVideoStream(this.owner.nextStreamId(), type, p, size, () => this.owner.wantChanged());
  }

  private change<K extends "displayName" | "state" | "isMuted" | "isSpeaking" | "role">(
    key: K,
    value: this[K],
    event: Change,
  ): void {
    if (this[key] === value) return;
    this[key] = value;
    this.emitter.emit(event);
  }
}
