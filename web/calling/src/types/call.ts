/** A call and the people in it. */

import type {
  CommunicationIdentifier,
  CommunicationIdentifierKind,
  CommunicationUserIdentifier,
  MicrosoftTeamsAppIdentifier,
  MicrosoftTeamsUserIdentifier,
  PhoneNumberIdentifier,
  UnknownIdentifier,
} from "@azure/communication-common";
import type { CallEndReason, CallFeatureFactory, Changes, CollectionUpdate, EventSource } from "./common.js";
import type { LocalAudioStream, LocalVideoStream, RemoteVideoStream } from "./streams.js";

export type CallState =
  | "None"
  | "Connecting"
  | "Ringing"
  | "Connected"
  | "LocalHold"
  | "RemoteHold"
  | "InLobby"
  | "Disconnecting"
  | "Disconnected"
  | "EarlyMedia";
export type RemoteParticipantState =
  | "Idle"
  | "Connecting"
  | "Ringing"
  | "Connected"
  | "Hold"
  | "InLobby"
  | "EarlyMedia"
  | "Disconnected"
  | "Reconnecting";
export type CallDirection = "Incoming" | "Outgoing";
export type CallKind = "Call" | "TeamsCall";
export type ParticipantRole = "Attendee" | "Co-organizer" | "Consumer" | "Organizer" | "Presenter" | "Unknown";
export type DtmfTone =
  | `Num${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}`
  | "A"
  | "B"
  | "C"
  | "D"
  | "Flash"
  | "Pound"
  | "Star";

export interface CallerInfo {
  displayName?: string;
  identifier?: CommunicationIdentifierKind;
}
export interface ParticipantInfo {
  displayName?: string;
  identifier: CommunicationIdentifierKind;
}
/** One device of a participant. */
export interface EndpointDetails {
  participantId: string;
}

export type ParticipantEvents = Changes<
  "stateChanged" | "isMutedChanged" | "displayNameChanged" | "isSpeakingChanged" | "roleChanged"
> & { videoStreamsUpdated: [CollectionUpdate<RemoteVideoStream>] };

export interface RemoteParticipant extends EventSource<ParticipantEvents> {
  readonly identifier: CommunicationIdentifierKind;
  readonly displayName?: string;
  readonly state: RemoteParticipantState;
  readonly callEndReason?: CallEndReason;
  readonly videoStreams: ReadonlyArray<RemoteVideoStream>;
  readonly isMuted: boolean;
  readonly isSpeaking: boolean;
  readonly role: ParticipantRole;
  readonly endpointDetails: ReadonlyArray<EndpointDetails>;
  mute(): Promise<void>;
}

export interface CallInfo {
  groupId?: string;
  /** Set only where a chat belongs to the call. */
  threadId?: string;
  participantId: string;
  getConversationUrl?(): Promise<string>;
  getServerCallId?(): Promise<string>;
}
export interface TeamsCallInfo {
  threadId: string;
  participantId: string;
}

export interface HangUpOptions {
  forEveryone: boolean;
}
export interface AddPhoneNumberOptions {
  alternateCallerId?: PhoneNumberIdentifier;
}

export type CallEvents = Changes<
  | "stateChanged"
  | "idChanged"
  | "isMutedChanged"
  | "isScreenSharingOnChanged"
  | "isLocalVideoStartedChanged"
  | "roleChanged"
  | "mutedByOthers"
  | "totalParticipantCountChanged"
> & {
  remoteParticipantsUpdated: [CollectionUpdate<RemoteParticipant>];
  localVideoStreamsUpdated: [CollectionUpdate<LocalVideoStream>];
};

export interface CallCommon extends EventSource<CallEvents> {
  readonly id: string;
  readonly kind: CallKind;
  readonly callerInfo: CallerInfo;
  readonly state: CallState;
  readonly callEndReason?: CallEndReason;
  readonly direction: CallDirection;
  readonly isMuted: boolean;
  readonly isIncomingAudioMuted: boolean;
  readonly isScreenSharingOn: boolean;
  readonly isLocalVideoStarted: boolean;
  readonly localVideoStreams: ReadonlyArray<LocalVideoStream>;
  readonly localAudioStreams: ReadonlyArray<LocalAudioStream>;
  readonly remoteParticipants: ReadonlyArray<RemoteParticipant>;
  readonly totalParticipantCount: number;
  readonly role: ParticipantRole;
  feature<F>(token: CallFeatureFactory<F>): F;
  mute(): Promise<void>;
  unmute(): Promise<void>;
  muteIncomingAudio(): Promise<void>;
  unmuteIncomingAudio(): Promise<void>;
  muteAllRemoteParticipants(): Promise<void>;
  startVideo(stream: LocalVideoStream): Promise<void>;
  stopVideo(stream: LocalVideoStream): Promise<void>;
  startScreenSharing(stream?: LocalVideoStream): Promise<void>;
  stopScreenSharing(): Promise<void>;
  hold(): Promise<void>;
  resume(): Promise<void>;
  hangUp(options?: HangUpOptions): Promise<void>;
  sendDtmf(tone: DtmfTone): Promise<void>;
}

export interface Call extends CallCommon {
  readonly info: CallInfo;
  /** The participant at once, in state `Idle`. */
  addParticipant(
    identifier:
      | CommunicationUserIdentifier
      | MicrosoftTeamsUserIdentifier
      | MicrosoftTeamsAppIdentifier
      | UnknownIdentifier,
  ): RemoteParticipant;
  addParticipant(identifier: PhoneNumberIdentifier, options?: AddPhoneNumberOptions): RemoteParticipant;
  removeParticipant(identifier: CommunicationIdentifier): Promise<void>;
}

export interface TeamsCall extends CallCommon {
  readonly info: TeamsCallInfo;
  addParticipant(
    identifier: MicrosoftTeamsUserIdentifier | PhoneNumberIdentifier | UnknownIdentifier,
    options?: { threadId: string },
  ): RemoteParticipant;
  removeParticipant(
    identifier: MicrosoftTeamsUserIdentifier | PhoneNumberIdentifier | UnknownIdentifier | CommunicationIdentifier,
  ): Promise<void>;
}
