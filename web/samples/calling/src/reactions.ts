/** Pictures for reactions: the composites show the button only to applications that bring some. */

import type { ReactionResources } from "@azure/communication-react";
import applause from "./reactions/applause.svg";
import heart from "./reactions/heart.svg";
import laugh from "./reactions/laugh.svg";
import like from "./reactions/like.svg";
import surprised from "./reactions/surprised.svg";

/** The composites take strips of this many pictures, one below the other; here all of a strip are alike. */
const FRAMES = 51;

const strip = (url: string) => ({ url, frameCount: FRAMES });

export const reactionResources: ReactionResources = {
  likeReaction: strip(like),
  heartReaction: strip(heart),
  laughReaction: strip(laugh),
  applauseReaction: strip(applause),
  surprisedReaction: strip(surprised),
};
