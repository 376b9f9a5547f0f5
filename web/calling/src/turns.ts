/** Makes work that awaits go one after the other. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when everything before it is done, well or not. */
  take<R>(work: () => Promise<R>): Promise<R> {
    const mine = this.last.then(work);
    this.last = mine.catch(() => undefined);
    return mine;
  }
}
