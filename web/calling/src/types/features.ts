/** Features of a call that carry something. */

import type { CommunicationIdentifier, CommunicationIdentifierKind } from "@azure/communication-common";
import type { ParticipantInfo } from "./call.js";
import type { Changes, CollectionUpdate, EventSource } from "./common.js";

export interface RecordingCallFeature extends EventSource<Changes<"isRecordingActiveChanged">> {
  readonly isRecordingActive: boolean;
}
export interface TranscriptionCallFeature extends EventSource<Changes<"isTranscriptionActiveChanged">> {
  readonly isTranscriptionActive: boolean;
}

export interface DominantSpeakersInfo {
  /** The most recent first. */
  speakersList: CommunicationIdentifierKind[];
  timestamp: Date;
}
export interface DominantSpeakersCallFeature extends EventSource<Changes<"dominantSpeakersChanged">> {
  readonly dominantSpeakers: DominantSpeakersInfo;
}
export interface OptimalVideoCountCallFeature extends EventSource<Changes<"optimalVideoCountChanged">> {
  readonly optimalVideoCount: number;
}

export interface RaisedHand {
  identifier: CommunicationIdentifierKind;
  order: number;
}
export interface RaisedHandChangedEvent {
  identifier: CommunicationIdentifierKind;
}
export interface RaiseHandCallFeature
  extends EventSource<{ raisedHandEvent: [RaisedHandChangedEvent]; loweredHandEvent: [RaisedHandChangedEvent] }> {
  raiseHand(): Promise<void>;
  lowerHand(): Promise<void>;
  getRaisedHands(): RaisedHand[];
}

export type Reaction = "like" | "heart" | "laugh" | "applause" | "surprised";
export interface ReactionMessage {
  reactionType: Reaction;
}
export interface ReactionCallFeature
  extends EventSource<{
    /** `identifier` is the raw id: the UI library takes it as a key. */
    reaction: [{ identifier: unknown; reactionMessage: ReactionMessage }];
  }> {
  sendReaction(message: ReactionMessage): Promise<void>;
}

export interface SpotlightedParticipant {
  identifier: CommunicationIdentifierKind;
  order?: number;
}
export interface SpotlightCallFeature
  extends EventSource<{ spotlightChanged: [CollectionUpdate<SpotlightedParticipant>] }> {
  readonly maxParticipantsToSpotlight: number;
  getSpotlightedParticipants(): SpotlightedParticipant[];
  /** Nobody named: oneself. */
  startSpotlight(participants?: CommunicationIdentifier[]): Promise<void>;
  stopSpotlight(participants?: CommunicationIdentifier[]): Promise<void>;
  stopAllSpotlight(): Promise<void>;
}

export type CapabilityResolutionReason =
  | "Capable"
  | "NotCapable"
  | "NotInitialized"
  | "FeatureNotSupported"
  | "CapabilityNotApplicableForTheCallType"
  | "MeetingRestricted"
  | "RoleRestricted"
  | "UserPolicyRestricted";
export interface CapabilityResolution {
  isPresent: boolean;
  reason: CapabilityResolutionReason;
}
export type ParticipantCapabilityName =
  | "turnVideoOn"
  | "unmuteMic"
  | "shareScreen"
  | "removeParticipant"
  | "hangUpForEveryOne"
  | "addTeamsUser"
  | "addCommunicationUser"
  | "addPhoneNumber"
  | "manageLobby"
  | "spotlightParticipant"
  | "removeParticipantsSpotlight"
  | "startLiveCaptions"
  | "stopLiveCaptions"
  | "raiseHand"
  | "muteOthers"
  | "useReactions"
  | "viewAttendeeNames"
  | "setCaptionLanguage"
  | "startTogetherMode"
  | "forbidOthersAudio"
  | "forbidOthersVideo";
export type ParticipantCapabilities = { [K in ParticipantCapabilityName]: CapabilityResolution };
export type CapabilitiesChangedReason =
  | "RoleChanged"
  | "UserPolicyChanged"
  | "MeetingDetailsChanged"
  | "MeetingOptionOrOrganizerPolicyChanged";
export interface CapabilitiesChangeInfo {
  oldValue: Partial<ParticipantCapabilities>;
  newValue: Partial<ParticipantCapabilities>;
  reason: CapabilitiesChangedReason;
}
export interface CapabilitiesFeature extends EventSource<{ capabilitiesChanged: [CapabilitiesChangeInfo] }> {
  readonly capabilities: ParticipantCapabilities;
}

export type RealTimeTextResultType = "Partial" | "Final";
export interface RealTimeTextInfo {
  sequenceId: number;
  sender: ParticipantInfo;
  text: string;
  resultType: RealTimeTextResultType;
  receivedTimestamp?: Date;
  updatedTimestamp?: Date;
  isLocal?: boolean;
}
export type RealTimeTextReceivedEventHandler = (info: RealTimeTextInfo) => void;
export interface RealTimeTextFeature extends EventSource<{ realTimeTextReceived: [RealTimeTextInfo] }> {
  sendRealTimeText(text: string, finalized?: boolean): Promise<void>;
}

export interface MediaAccess {
  participant: CommunicationIdentifierKind;
  isAudioPermitted: boolean;
  isVideoPermitted: boolean;
}
export interface MeetingMediaAccess {
  isAudioPermitted: boolean;
  isVideoPermitted: boolean;
}
export interface MediaAccessChangedEvent {
  mediaAccesses: MediaAccess[];
}
export interface MeetingMediaAccessChangedEvent {
  meetingMediaAccess: MeetingMediaAccess;
}
export interface MediaAccessCallFeature
  extends EventSource<{
    mediaAccessChanged: [MediaAccessChangedEvent];
    meetingMediaAccessChanged: [MeetingMediaAccessChangedEvent];
  }> {
  getAllOthersMediaAccess(): MediaAccess[];
  getMeetingMediaAccess(): MeetingMediaAccess;
  permitAudio(participants: CommunicationIdentifier[]): Promise<void>;
  forbidAudio(participants: CommunicationIdentifier[]): Promise<void>;
  permitVideo(participants: CommunicationIdentifier[]): Promise<void>;
  forbidVideo(participants: CommunicationIdentifier[]): Promise<void>;
  permitOthersAudio(): Promise<void>;
  forbidOthersAudio(): Promise<void>;
  permitOthersVideo(): Promise<void>;
  forbidOthersVideo(): Promise<void>;
}

/** Scores are 1 to 5 unless a scale says otherwise. */
export interface CallRating<Issue extends string> {
  score: number;
  issues?: Issue[];
  scale?: { lowerBound: number; upperBound: number; lowScoreThreshold: number };
}
type OverallIssue = "CallCannotJoin" | "CallCannotInvite" | "HadToRejoin" | "CallEndedUnexpectedly" | "OtherIssues";
type AudioIssue =
  | "NoLocalAudio"
  | "NoRemoteAudio"
  | "Echo"
  | "AudioNoise"
  | "LowVolume"
  | "AudioStoppedUnexpectedly"
  | "DistortedSpeech"
  | "AudioInterruption"
  | "OtherIssues";
type VideoIssue =
  | "NoVideoReceived"
  | "NoVideoSent"
  | "LowQuality"
  | "Freezes"
  | "StoppedUnexpectedly"
  | "DarkVideoReceived"
  | "AudioVideoOutOfSync"
  | "OtherIssues";
type ScreenIssue =
  | "NoContentLocal"
  | "NoContentRemote"
  | "CannotPresent"
  | "LowQuality"
  | "Freezes"
  | "StoppedUnexpectedly"
  | "LargeDelay"
  | "OtherIssues";
export interface CallSurvey {
  overallRating?: CallRating<OverallIssue>;
  audioRating?: CallRating<AudioIssue>;
  videoRating?: CallRating<VideoIssue>;
  screenshareRating?: CallRating<ScreenIssue>;
}
export interface CallSurveyResponse extends CallSurvey {
  readonly id: string;
  readonly callId: string;
  readonly localParticipantId?: string;
}
export interface CallSurveyFeature {
  submitSurvey(survey: CallSurvey): Promise<CallSurveyResponse>;
}
