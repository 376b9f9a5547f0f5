/** The others in a call, as the server tells of them (protocol §3.4). */

import type { Emitter } from "../emitter.js";
import type { WireParticipant } from "../signalling/messages.js";
import type { RemoteVideoStream } from "../streams/remote-video.js";
import type * as T from "../types.js";
import { RemoteParticipant } from "./participant.js";

/** What the roster needs of its call. */
export interface RosterOwner {
  /** The raw id of the user of this page. */
  readonly rawId: string;
  /** The own number in the call; 0 before there is one. */
  readonly p: number;
  readonly events: Emitter<T.CallEvents>;
  /** A view came, went or changed its size. */
  wantChanged(): void;
  mute(p: number): Promise<unknown>;
  /** Somebody's device is gone. */
  left(p: number): void;
  /** What else a participant says about somebody, the user included. */
  noted(rawId: string, wire: WireParticipant | undefined): void;
}

export class Roster {
  private readonly people = new Map<string, RemoteParticipant>();
  private readonly rawIds = new Map<number, string>();
  private nextStreamId = 1;
  private isWholeNext = false;

  constructor(private readonly owner: RosterOwner) {}

  get all(): RemoteParticipant[] {
    return [...this.people.values()];
  }

  get streams(): RemoteVideoStream[] {
    return this.all.flatMap(({ videoStreams }) => [...videoStreams]);
  }

  find(rawId: string): RemoteParticipant | undefined {
    return this.people.get(rawId);
  }

  /** Empty for a number that never was in the call. */
  rawIdOf(p: number): string {
    return p === this.owner.p ? this.owner.rawId : (this.rawIds.get(p) ?? "");
  }

  /** The numbers of everybody with these raw ids. */
  numbersOf(rawIds: readonly string[]): number[] {
    return rawIds.flatMap((rawId) => {
      const own = rawId === this.owner.rawId ? [this.owner.p] : [];
      return [...own, ...(this.people.get(rawId)?.numbers ?? [])];
    });
  }

  /** The next `participants` names everybody: who is not in it left while nobody could tell us. */
  expectWhole(): void {
    this.isWholeNext = true;
  }

  apply(set: readonly WireParticipant[], gone: readonly number[]): void {
    const left = this.isWholeNext ? this.others(set) : gone;
    this.isWholeNext = false;
    const added: RemoteParticipant[] = [];
    for (const wire of set) {
      this.rawIds.set(wire.p, wire.user);
      // Another device of the user is no other person: the library knows people by raw id.
      const isSelf = wire.p === this.owner.p || wire.user === this.owner.rawId;
      if (!isSelf) {
        const known = this.people.get(wire.user);
        const person = known ?? this.make(wire.user);
        person.apply(wire);
        if (!known) added.push(person);
      }
      this.owner.noted(wire.user, wire);
    }
    const removed = left.flatMap((p) => this.remove(p) ?? []);
    for (const p of left) this.owner.left(p);
    if (added.length + removed.length > 0) this.tell(added, removed);
  }

  /** Somebody who is being invited; the server gives them a number later. */
  invite(rawId: string): RemoteParticipant {
    const known = this.people.get(rawId);
    if (known) return known;
    const person = this.make(rawId);
    this.tell([person], []);
    return person;
  }

  /** The server did not invite them. */
  uninvite(rawId: string): void {
    const person = this.people.get(rawId);
    if (!person || person.numbers.length > 0) return;
    this.people.delete(rawId);
    this.tell([], [person]);
  }

  setSpeaking(numbers: readonly number[]): void {
    const speaking = new Set(numbers.map((p) => this.rawIdOf(p)));
    for (const person of this.people.values()) person.setSpeaking(speaking.has(person.rawId));
  }

  /** The numbers of everybody who is not named. */
  private others(named: readonly WireParticipant[]): number[] {
    const kept = new Set(named.map(({ p }) => p));
    return this.all.flatMap(({ numbers }) => numbers).filter((p) => !kept.has(p));
  }

  private remove(p: number): RemoteParticipant | undefined {
    const rawId = this.rawIdOf(p);
    const person = this.people.get(rawId);
    if (!person) return undefined;
    person.remove(p);
    if (person.numbers.length > 0) return undefined;
    this.people.delete(rawId);
    this.owner.noted(rawId, undefined);
    return person;
  }

  private make(rawId: string): RemoteParticipant {
    const person = new RemoteParticipant(rawId, {
      nextStreamId: () => this.nextStreamId++,
      wantChanged: () => this.owner.wantChanged(),
      mute: (p) => this.owner.mute(p),
    });
    this.people.set(rawId, person);
    return person;
  }

  private tell(added: RemoteParticipant[], removed: RemoteParticipant[]): void {
    this.owner.events.emit("remoteParticipantsUpdated", { added, removed });
  }
}
