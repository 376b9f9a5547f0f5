/** Whose picture and sound is on which receiving line; only the server says so (protocol §4.2). */

import type { SourceName, WireSlot } from "../signalling/messages.js";

export class Slots {
  private list: readonly WireSlot[] = [];

  set(slots: readonly WireSlot[]): void {
    this.list = slots;
  }

  find(p: number, source: SourceName): WireSlot | undefined {
    return this.list.find((slot) => slot.p === p && slot.source === source);
  }

  /** Whose it is; undefined for a line that is free. */
  ownerOf(mid: string): WireSlot | undefined {
    return this.list.find((slot) => slot.mid === mid && slot.p !== null);
  }
}
