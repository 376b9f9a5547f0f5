/** Timers by name: setting one again replaces it. A clock of the system that is set anew changes nothing for them. */

export class Timers<Name extends string> {
  private readonly running = new Map<Name, { timer: ReturnType<typeof setTimeout>; due: number }>();

  set(name: Name, afterMs: number, then: () => void): void {
    this.cancel(name);
    const timer = setTimeout(() => {
      this.running.delete(name);
      then();
    }, afterMs);
    this.running.set(name, { timer, due: performance.now() + afterMs });
  }

  /** As `set`, but one that is due sooner stays as it is. */
  hasten(name: Name, afterMs: number, then: () => void): void {
    const { due = Infinity } = this.running.get(name) ?? {};
    if (performance.now() + afterMs < due) this.set(name, afterMs, then);
  }

  isSet(name: Name): boolean {
    return this.running.has(name);
  }

  cancel(name: Name): void {
    clearTimeout(this.running.get(name)?.timer);
    this.running.delete(name);
  }

  cancelAll(): void {
    for (const { timer } of this.running.values()) clearTimeout(timer);
    this.running.clear();
  }
}
