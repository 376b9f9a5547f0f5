/** Features that are there by name: their answers say that nothing is going on. */

import type { CommunicationIdentifier, CommunicationIdentifierKind } from "@azure/communication-common";
import type { Call, CallerInfo, TeamsCall } from "./call.js";
import type { Changes, CollectionUpdate, EventSource, StreamSize } from "./common.js";
import type { TogetherModeVideoStream } from "./streams.js";

export type CaptionsKind = "Captions" | "TeamsCaptions";
export type CaptionsResultType = "Partial" | "Final";
export interface StartCaptionsOptions {
  spokenLanguage: string;
}
export interface CaptionsInfo {
  resultType: CaptionsResultType;
  speaker: CallerInfo;
  spokenLanguage: string;
  spokenText: string;
  timestamp: Date;
}
export interface TeamsCaptionsInfo {
  resultType: CaptionsResultType;
  speaker: CallerInfo;
  spokenLanguage: string;
  spokenText?: string;
  captionText: string;
  captionLanguage: string;
  timestamp: Date;
}
export type CaptionsHandler = (info: CaptionsInfo) => void;
export type TeamsCaptionsHandler = (info: TeamsCaptionsInfo) => void;
export interface CaptionsCommon {
  readonly kind: CaptionsKind;
  readonly isCaptionsFeatureActive: boolean;
  readonly supportedSpokenLanguages: string[];
  readonly activeSpokenLanguage: string;
  startCaptions(options?: StartCaptionsOptions): Promise<void>;
  stopCaptions(): Promise<void>;
  setSpokenLanguage(language: string): Promise<void>;
}
export interface Captions
  extends CaptionsCommon,
    EventSource<Changes<"CaptionsActiveChanged" | "SpokenLanguageChanged"> & { CaptionsReceived: [CaptionsInfo] }> {}
export interface TeamsCaptions
  extends CaptionsCommon,
    EventSource<
      Changes<"CaptionsActiveChanged" | "SpokenLanguageChanged" | "CaptionLanguageChanged"> & {
        CaptionsReceived: [TeamsCaptionsInfo];
      }
    > {
  readonly supportedCaptionLanguages: string[];
  readonly activeCaptionLanguage: string;
  setCaptionLanguage(language: string): Promise<void>;
}
export interface CaptionsCallFeature extends EventSource<Changes<"CaptionsKindChanged">> {
  readonly captions: Captions | TeamsCaptions;
}

export interface TransferEventArgs {
  targetCall: Call | TeamsCall;
}
export type TransferAcceptedEvent = (args: TransferEventArgs) => void;
export type TransferState = "None" | "Transferring" | "Transferred" | "Failed";
export interface Transfer extends EventSource<Changes<"stateChanged">> {
  readonly state: TransferState;
  readonly error?: { code: number; subCode?: number };
}
export interface TransferCallFeature extends EventSource<{ transferAccepted: [TransferEventArgs] }> {
  transfer(
    target: { targetParticipant: CommunicationIdentifier } | { targetCallId: string },
    options?: object,
  ): Transfer;
}

export interface BreakoutRoom {
  readonly displayName: string;
  readonly threadId: string;
  readonly state: "open" | "closed";
  readonly autoMoveParticipantToBreakoutRoom: boolean;
  readonly call?: Call | TeamsCall;
  join(): Promise<Call | TeamsCall>;
  returnToMainMeeting(): Promise<Call | TeamsCall>;
}
export interface BreakoutRoomsSettings {
  readonly disableReturnToMainMeeting?: boolean;
  readonly roomEndTime?: string | object;
}
export type BreakoutRoomsEventData =
  | { type: "assignedBreakoutRooms"; data: BreakoutRoom | undefined }
  | { type: "breakoutRooms"; data: BreakoutRoom[] | undefined }
  | { type: "breakoutRoomsSettings"; data: BreakoutRoomsSettings | undefined }
  | { type: "join"; data: Call | TeamsCall };
export type BreakoutRoomsUpdatedListener = (event: BreakoutRoomsEventData) => void;
export interface BreakoutRoomsCallFeature extends EventSource<{ breakoutRoomsUpdated: [BreakoutRoomsEventData] }> {
  readonly assignedBreakoutRooms?: BreakoutRoom;
  readonly breakoutRooms?: BreakoutRoom[];
}

export interface TogetherModeSeatingPosition {
  top: number;
  left: number;
  width: number;
  height: number;
}
/** By raw id. */
export type TogetherModeSeatingMap = Map<string, TogetherModeSeatingPosition>;
export interface TogetherModeCallFeature
  extends EventSource<{
    togetherModeStreamsUpdated: [CollectionUpdate<TogetherModeVideoStream>];
    togetherModeSceneUpdated: [TogetherModeSeatingMap];
    togetherModeSeatingUpdated: [TogetherModeSeatingMap];
  }> {
  readonly togetherModeStream: TogetherModeVideoStream[];
  readonly togetherModeSeatingMap?: TogetherModeSeatingMap;
  sceneSize?: StreamSize;
  start(): Promise<void>;
}

export interface PPTLiveCallFeature extends EventSource<Changes<"isActiveChanged">> {
  readonly isActive: boolean;
  readonly activePresenterId?: CommunicationIdentifierKind;
  readonly target?: HTMLElement;
}

interface ConferencePhoneNumber {
  countryName?: string;
  cityName?: string;
  tollPhoneNumber?: { phoneNumber: string };
  tollFreePhoneNumber?: { phoneNumber: string };
}
export interface TeamsMeetingAudioConferencingDetails {
  phoneConferenceId: string;
  phoneNumbers: ConferencePhoneNumber[];
}
export interface TeamsMeetingAudioConferencingCallFeature {
  getTeamsMeetingAudioConferencingDetails(): Promise<TeamsMeetingAudioConferencingDetails>;
}

/** Who records on a device of their own. */
export interface LocalRecordingInfo {
  displayName?: string;
}
export interface LocalRecordingCallFeature
  extends EventSource<
    Changes<"isLocalRecordingActiveChanged"> & { localRecordingsUpdated: [CollectionUpdate<LocalRecordingInfo>] }
  > {
  readonly isLocalRecordingActive: boolean;
  readonly recordings: LocalRecordingInfo[];
}
