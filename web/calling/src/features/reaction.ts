/** Small signs of approval that fly over the picture. */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";

type Shown = { identifier: unknown; reactionMessage: T.ReactionMessage };

export class Reactions implements T.ReactionCallFeature {
  private readonly emitter = new Emitter<{ reaction: [Shown] }>();

  constructor(private readonly act: (reaction: T.Reaction) => Promise<unknown>) {}

  sendReaction = async ({ reactionType }: T.ReactionMessage): Promise<void> => void (await this.act(reactionType));

  /** Somebody reacted, perhaps the user. */
  show(rawId: string, reactionType: T.Reaction): void {
    // The raw id itself and no object around it, which the typings allow: the library uses it as a key.
    this.emitter.emit("reaction", { identifier: rawId, reactionMessage: { reactionType } });
  }

  on = this.emitter.on;
  off = this.emitter.off;
}
