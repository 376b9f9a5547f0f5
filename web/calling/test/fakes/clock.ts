/** Virtual time. */

import { mock } from "node:test";

/** Timers, the clock of the wall, and the one that nobody sets stand until a test lets them go on with `tick`. */
export function holdTime(): void {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  mock.method(performance, "now", () => new Date().getTime());
}

/** Somebody sets the clock of the wall; no time passes. */
export function setWall(aheadMs: number): void {
  mock.method(Date, "now", () => new Date().getTime() + aheadMs);
}
