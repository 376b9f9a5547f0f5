/** Effects on one's own picture and sound: none. The objects are there because the library asks each stream. */

import type * as T from "../types.js";
import { refuse } from "./silent.js";

export class NoVideoEffects implements T.VideoEffectsFeature {
  /** A new list for each reader: the library freezes what it is given (rule 5). */
  get activeEffects(): T.VideoEffectName[] {
    return [];
  }

  isSupported = async (): Promise<boolean> => false;
  startEffects = refuse("A video effect");
  stopEffects = async (): Promise<void> => undefined;
  on = (): void => undefined;
  off = (): void => undefined;
}

export const noAudioEffects = () => ({
  isSupported: async (): Promise<boolean> => false,
  startEffects: refuse("An audio effect"),
  stopEffects: async (): Promise<void> => undefined,
});
