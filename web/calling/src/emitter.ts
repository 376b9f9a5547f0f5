/** Listeners by event. Never fails because of a listener, and never warns about their number (rules 9 and 10). */

import type { EventSource } from "./types.js";

type Listener = (...values: never[]) => void;

export class Emitter<Events extends { [event: string]: unknown[] }> implements EventSource<Events> {
  private readonly listeners = new Map<string, Listener[]>();

  on = <E extends keyof Events & string>(event: E, listener: (...values: Events[E]) => void): void => {
    // A new array each time: who is emitting goes on over the old one.
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener as unknown as Listener]);
  };

  /** An unknown listener is no mistake: adapters pass a fresh `.bind(this)`. */
  off = <E extends keyof Events & string>(event: E, listener: (...values: Events[E]) => void): void => {
    const list = this.listeners.get(event) ?? [];
    const at = list.indexOf(listener as unknown as Listener);
    if (at >= 0) this.listeners.set(event, [...list.slice(0, at), ...list.slice(at + 1)]);
  };

  emit<E extends keyof Events & string>(event: E, ...values: Events[E]): void {
    for (const listener of this.listeners.get(event) ?? []) {
      try {
        (listener as unknown as (...given: Events[E]) => void)(...values);
      } catch (cause) {
        // The application's error must not stop us in the middle of a change; the page still sees it.
        queueMicrotask(() => {
          throw cause;
        });
      }
    }
  }
}
