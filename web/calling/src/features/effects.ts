/** Effects on one's own picture and sound: none. The objects are there because the library asks each stream. */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";
import { refuse, unsupported } from "./silent.js";

type Events = {
  effectsStarted: [T.VideoEffectName[]];
  effectsStopped: [T.VideoEffectName[]];
  effectsError: [T.VideoEffectErrorPayload];
};

export class NoVideoEffects implements T.VideoEffectsFeature {
  private readonly emitter = new Emitter<Events>();

  /** A new list for each reader: the library freezes what it is given (rule 5). */
  get activeEffects(): T.VideoEffectName[] {
    return [];
  }

  isSupported = async (): Promise<boolean> => false;
  stopEffects = async (): Promise<void> => undefined;

  /** The picture goes on as it is. The event is what makes the library tell the user. */
  startEffects = async (effect: T.VideoEffectProcessor): Promise<never> => {
    const error = unsupported(`The video effect ${effect.name}`);
    this.emitter.emit("effectsError", { code: error.code, message: error.message });
    throw error;
  };

  on = this.emitter.on;
  off = this.emitter.off;
}

export const noAudioEffects = () => ({
  isSupported: async (): Promise<boolean> => false,
  startEffects: refuse("An audio effect"),
  stopEffects: async (): Promise<void> => undefined,
});
