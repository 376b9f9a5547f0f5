/** The parts of a call that features are made of. */

export { Capabilities } from "./capabilities.js";
export { Diagnostics } from "./diagnostics.js";
export { DominantSpeakers } from "./dominant-speakers.js";
export { Recording, Transcription } from "./flags.js";
export { MediaAccessList } from "./media-access.js";
export { RaiseHand } from "./raise-hand.js";
export { Reactions } from "./reaction.js";
export { RealTimeText } from "./real-time-text.js";
export { Spotlight } from "./spotlight.js";
