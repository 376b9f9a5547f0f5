/** Timers by name: setting one again replaces it. */

export class Timers<Name extends string> {
  private readonly running = new Map<Name, ReturnType<typeof setTimeout>>();

  set(name: Name, afterMs: number, then: () => void): void {
    this.cancel(name);
    const timer = setTimeout(() => {
      this.running.delete(name);
      then();
    }, afterMs);
    this.running.set(name, timer);
  }

  isSet(name: Name): boolean {
    return this.running.has(name);
  }

  cancel(name: Name): void {
    clearTimeout(this.running.get(name));
    this.running.delete(name);
  }

  cancelAll(): void {
    for (const timer of this.running.values()) clearTimeout(timer);
    this.running.clear();
  }
}
