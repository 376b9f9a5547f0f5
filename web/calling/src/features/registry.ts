/** The tokens of the features, and the one object behind each per call, client or stream (rule 4: memoised). */

import type { Call } from "../call/call.js";
import { PreCallDiagnostics, type Tester } from "../precall/pre-call.js";
import type * as T from "../types.js";
import { noAudioEffects, NoVideoEffects } from "./effects.js";
import { debugInfo } from "./environment.js";
import { OptimalVideoCount } from "./optimal-video-count.js";
import { survey } from "./survey.js";
import {
  breakoutRooms,
  captions,
  conferencing,
  localRecording,
  NoTogetherMode,
  presentation,
  transfer,
} from "./unsupported.js";

type Tokens = T.FeatureTokens;
type FeatureOf<Token> = Token extends T.FeatureToken<infer Feature, string> ? Feature : never;

/** How the object of a feature is made for its owner: a call, a client or a stream. */
const MAKERS: { readonly [Name in keyof Tokens]: (owner: Call) => FeatureOf<Tokens[Name]> } = {
  AudioEffects: noAudioEffects,
  BreakoutRooms: breakoutRooms,
  CallSurvey: survey,
  Capabilities: (call) => call.capabilities,
  Captions: captions,
  DataChannel: (call) => call.data,
  DebugInfo: debugInfo,
  DominantSpeakers: (call) => call.dominant,
  LocalRecording: localRecording,
  MediaAccess: (call) => call.access,
  MediaStats: (call) => call.stats,
  OptimalVideoCount: () => new OptimalVideoCount(),
  PPTLive: presentation,
  // The one that asks its owner, a client.
  PreCallDiagnostics: (owner) => new PreCallDiagnostics(owner as unknown as Tester),
  RaiseHand: (call) => call.hands,
  Reaction: (call) => call.reactions,
  RealTimeText: (call) => call.text,
  Recording: (call) => call.recording,
  Spotlight: (call) => call.spotlight,
  TeamsMeetingAudioConferencing: conferencing,
  TogetherMode: () => new NoTogetherMode(),
  Transcription: (call) => call.transcription,
  Transfer: transfer,
  UserFacingDiagnostics: (call) => ({ network: call.network, media: call.media }),
  VideoEffects: () => new NoVideoEffects(),
};

class Token {
  constructor(readonly name: keyof Tokens) {}
}

const names = Object.keys(MAKERS) as (keyof Tokens)[];

/** What `feature()` takes. The library compares tokens with `===`, so there is one of each in a page. */
export const Features = Object.fromEntries(names.map((name) => [name, new Token(name)])) as unknown as Tokens;

/**
 * The feature of `owner`, made once and kept in `made`.
 *
 * **Errors**: a token that is none.
 */
export function featureOf<F>(token: T.FeatureToken<F, string>, made: Map<unknown, unknown>, owner: unknown): F {
  if (!(token instanceof Token)) throw new TypeError("This is no feature of this package.");
  // The token's scope says whose it is, so the owner is of the right kind.
  if (!made.has(token)) made.set(token, MAKERS[token.name](owner as Call));
  return made.get(token) as F;
}
