/** Who speaks most: the order of the tiles. */

import { Emitter } from "../emitter.js";
import { identifierOf } from "../identifiers.js";
import type * as T from "../types.js";

export class DominantSpeakers implements T.DominantSpeakersCallFeature {
  private readonly emitter = new Emitter<{ dominantSpeakersChanged: [] }>();
  private rawIds: readonly string[] = [];
  private changedAt = new Date();

  get dominantSpeakers(): T.DominantSpeakersInfo {
    return { speakersList: this.rawIds.map(identifierOf), timestamp: new Date(this.changedAt) };
  }

  /** Takes the raw ids, most recent speaker first. */
  set(rawIds: readonly string[]): void {
    if (rawIds.length === this.rawIds.length && rawIds.every((one, at) => one === this.rawIds[at])) return;
    this.rawIds = [...rawIds];
    this.changedAt = new Date();
    this.emitter.emit("dominantSpeakersChanged");
  }

  on = this.emitter.on;
  off = this.emitter.off;
}
