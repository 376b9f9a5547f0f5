/** The public surface as types: the names and shapes that applications of ACS's calling SDK and its UI library use. */

import type { DebugInfoFeature } from "./types/agent.js";
import type {
  AudioStreamFeatureFactory,
  CallClientFeatureFactory,
  CallFeatureFactory,
  VideoStreamFeatureFactory,
} from "./types/common.js";
import type { DataChannelCallFeature } from "./types/data.js";
import type { UserFacingDiagnosticsFeature } from "./types/diagnostics.js";
import type * as Empty from "./types/empty-features.js";
import type * as Real from "./types/features.js";
import type { PreCallDiagnosticsFeature } from "./types/pre-call.js";
import type { MediaStatsCallFeature } from "./types/stats.js";
import type { AudioEffectsFeature, VideoEffectsFeature } from "./types/streams.js";

export type * from "./types/agent.js";
export type * from "./types/call.js";
export type * from "./types/common.js";
export type * from "./types/data.js";
export type * from "./types/devices.js";
export type * from "./types/diagnostics.js";
export type * from "./types/empty-features.js";
export type * from "./types/features.js";
export type * from "./types/pre-call.js";
export type * from "./types/stats.js";
export type * from "./types/streams.js";

/** The tokens of all features, compared by identity. */
export interface FeatureTokens {
  readonly AudioEffects: AudioStreamFeatureFactory<AudioEffectsFeature>;
  readonly BreakoutRooms: CallFeatureFactory<Empty.BreakoutRoomsCallFeature>;
  readonly CallSurvey: CallFeatureFactory<Real.CallSurveyFeature>;
  readonly Capabilities: CallFeatureFactory<Real.CapabilitiesFeature>;
  readonly Captions: CallFeatureFactory<Empty.CaptionsCallFeature>;
  readonly DataChannel: CallFeatureFactory<DataChannelCallFeature>;
  readonly DebugInfo: CallClientFeatureFactory<DebugInfoFeature>;
  readonly DominantSpeakers: CallFeatureFactory<Real.DominantSpeakersCallFeature>;
  readonly LocalRecording: CallFeatureFactory<Empty.LocalRecordingCallFeature>;
  readonly MediaAccess: CallFeatureFactory<Real.MediaAccessCallFeature>;
  readonly MediaStats: CallFeatureFactory<MediaStatsCallFeature>;
  readonly OptimalVideoCount: CallFeatureFactory<Real.OptimalVideoCountCallFeature>;
  readonly PPTLive: CallFeatureFactory<Empty.PPTLiveCallFeature>;
  readonly PreCallDiagnostics: CallClientFeatureFactory<PreCallDiagnosticsFeature>;
  readonly RaiseHand: CallFeatureFactory<Real.RaiseHandCallFeature>;
  readonly Reaction: CallFeatureFactory<Real.ReactionCallFeature>;
  readonly RealTimeText: CallFeatureFactory<Real.RealTimeTextFeature>;
  readonly Recording: CallFeatureFactory<Real.RecordingCallFeature>;
  readonly Spotlight: CallFeatureFactory<Real.SpotlightCallFeature>;
  readonly TeamsMeetingAudioConferencing: CallFeatureFactory<Empty.TeamsMeetingAudioConferencingCallFeature>;
  readonly TogetherMode: CallFeatureFactory<Empty.TogetherModeCallFeature>;
  readonly Transcription: CallFeatureFactory<Real.TranscriptionCallFeature>;
  readonly Transfer: CallFeatureFactory<Empty.TransferCallFeature>;
  readonly UserFacingDiagnostics: CallFeatureFactory<UserFacingDiagnosticsFeature>;
  readonly VideoEffects: VideoStreamFeatureFactory<VideoEffectsFeature>;
}
