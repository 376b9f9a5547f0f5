/** How many remote pictures at once are good for this device. */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";

/** A gallery of three by three. */
const DESKTOP = 9;

/** What a phone decodes and can show. */
const MOBILE = 4;

export class OptimalVideoCount implements T.OptimalVideoCountCallFeature {
  private readonly emitter = new Emitter<{ optimalVideoCountChanged: [] }>();
  readonly optimalVideoCount = /Mobi/.test(navigator.userAgent) ? MOBILE : DESKTOP;

  on = this.emitter.on;
  off = this.emitter.off;
}
