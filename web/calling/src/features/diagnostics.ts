/** What goes wrong with network, devices and pictures, as the page shows it to the user. */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";
import { DiagnosticQuality } from "../types/diagnostics.js";

type Value = T.DiagnosticQuality | boolean;
type Change<Name> = { diagnostic: Name; value: Value; valueType: T.DiagnosticValueType };
type Latest<Name extends string> = { [Each in Name]?: T.LatestDiagnosticValue };

/** The values of one group; `Name` is the union of their names. */
export class Diagnostics<Name extends string> {
  private readonly emitter = new Emitter<{ diagnosticChanged: [Change<Name>] }>();
  private readonly latest = new Map<Name, Value>();

  getLatest = (): Latest<Name> => {
    const entries = [...this.latest].map(([name, value]) => [name, { value, valueType: typeOf(value) }]);
    return Object.fromEntries(entries) as Latest<Name>;
  };

  /** Tells a value that differs from the last one. That all is well is no news when nothing was ever wrong. */
  set(diagnostic: Name, value: Value): void {
    const isFine = value === false || value === DiagnosticQuality.Good;
    if (this.latest.get(diagnostic) === value || (isFine && !this.latest.has(diagnostic))) return;
    this.latest.set(diagnostic, value);
    this.emitter.emit("diagnosticChanged", { diagnostic, value, valueType: typeOf(value) });
  }

  on = this.emitter.on;
  off = this.emitter.off;
}

const typeOf = (value: Value): T.DiagnosticValueType =>
  typeof value === "boolean" ? "DiagnosticFlag" : "DiagnosticQuality";
