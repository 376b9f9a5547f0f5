/** Raised hands, in the order in which they went up; the user's own among them. */

import { Emitter } from "../emitter.js";
import { identifierOf } from "../identifiers.js";
import type * as T from "../types.js";

type Event = "raisedHandEvent" | "loweredHandEvent";

export class RaiseHand implements T.RaiseHandCallFeature {
  private readonly emitter = new Emitter<Record<Event, [T.RaisedHandChangedEvent]>>();
  private readonly orders = new Map<string, number>();

  constructor(private readonly act: (isRaised: boolean) => Promise<unknown>) {}

  raiseHand = async (): Promise<void> => void (await this.act(true));
  lowerHand = async (): Promise<void> => void (await this.act(false));

  getRaisedHands = (): T.RaisedHand[] =>
    [...this.orders]
      .sort(([, before], [, after]) => before - after)
      .map(([rawId, order]) => ({ identifier: identifierOf(rawId), order }));

  /** Whether somebody's hand is up: its place in the order, or undefined. */
  set(rawId: string, order: number | undefined): void {
    const wasRaised = this.orders.has(rawId);
    if (order === undefined) this.orders.delete(rawId);
    else this.orders.set(rawId, order);
    if (wasRaised === (order !== undefined)) return;
    this.emitter.emit(wasRaised ? "loweredHandEvent" : "raisedHandEvent", { identifier: identifierOf(rawId) });
  }

  on = this.emitter.on;
  off = this.emitter.off;
}
