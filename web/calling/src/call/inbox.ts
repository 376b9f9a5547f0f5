/** What the server says about a leg, read into words of ours (protocol §3). */

import { identifierOf } from "../identifiers.js";
import type { Frame, WireCall, WireParticipant, WireReason, WireSlot } from "../signalling/messages.js";
import type * as T from "../types.js";

/** One method per message. */
export interface Listener {
  leg(change: { state?: T.CallState; role?: T.ParticipantRole; capabilities?: string[] }): void;
  participants(set: WireParticipant[], gone: number[]): void;
  whole(call: WireCall): void;
  muted(): void;
  reaction(p: number, reaction: T.Reaction): void;
  text(p: number, text: Omit<T.RealTimeTextInfo, "sender" | "isLocal">): void;
  slots(slots: WireSlot[]): void;
  need(audio: number, video: number): void;
  layers(camera: string[], isScreenWanted: boolean): void;
  speaking(speaking: number[], dominant: number[]): void;
  over(reason: WireReason): void;
}

const LEG_STATES: Record<string, T.CallState> = {
  connecting: "Connecting",
  ringing: "Ringing",
  earlyMedia: "EarlyMedia",
  inLobby: "InLobby",
  connected: "Connected",
  hold: "LocalHold",
  remoteHold: "RemoteHold",
};

const READERS: Record<string, (frame: Frame, listener: Listener) => void> = {
  leg: ({ state, role, capabilities }, listener) => {
    const known = LEG_STATES[String(state)];
    listener.leg({
      ...(known ? { state: known } : {}),
      ...(role ? { role: role as T.ParticipantRole } : {}),
      ...(capabilities ? { capabilities: capabilities as string[] } : {}),
    });
  },
  participants: ({ set, gone }, listener) =>
    listener.participants((set as WireParticipant[] | undefined) ?? [], (gone as number[] | undefined) ?? []),
  call: (frame, listener) => listener.whole(frame as unknown as WireCall),
  muted: (_, listener) => listener.muted(),
  reaction: ({ p, reaction }, listener) => listener.reaction(Number(p), reaction as T.Reaction),
  text: ({ p, seq, text, final, at }, listener) => {
    const time = new Date(Number(at ?? Date.now()));
    listener.text(Number(p), {
      sequenceId: Number(seq),
      text: String(text),
      resultType: final ? "Final" : "Partial",
      receivedTimestamp: time,
      updatedTimestamp: time,
    });
  },
  "media.slots": ({ slots }, listener) => listener.slots((slots as WireSlot[] | undefined) ?? []),
  "media.need": ({ audio, video }, listener) => listener.need(Number(audio), Number(video)),
  "media.layers": ({ camera, screen }, listener) =>
    listener.layers((camera as string[] | undefined) ?? [], screen === true),
  "media.speaking": ({ speaking, dominant }, listener) =>
    listener.speaking((speaking as number[] | undefined) ?? [], (dominant as number[] | undefined) ?? []),
  "leg.over": ({ reason }, listener) => listener.over((reason as WireReason | undefined) ?? { code: 0, subCode: 0 }),
};

/** Hands a message to the method that is meant; an unknown one is of a newer server. */
export function read(frame: Frame, listener: Listener): void {
  READERS[String(frame.t)]?.(frame, listener);
}

/** Who wrote a text. */
export function senderOf(rawId: string, displayName: string | undefined): T.ParticipantInfo {
  return { identifier: identifierOf(rawId), ...(displayName ? { displayName } : {}) };
}
