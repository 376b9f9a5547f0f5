/** The client, its agent, and calls before they are calls. */

import type {
  CommunicationIdentifier,
  CommunicationTokenCredential,
  MicrosoftTeamsUserIdentifier,
  PhoneNumberIdentifier,
  UnknownIdentifier,
} from "@azure/communication-common";
import type { AzureLogger } from "@azure/logger";
import type { Call, CallerInfo, CallInfo, TeamsCall, TeamsCallInfo } from "./call.js";
import type { CallClientFeatureFactory, CallEndReason, CollectionUpdate, EventSource } from "./common.js";
import type { DeviceManager } from "./devices.js";
import type { AudioOptions, VideoOptions } from "./streams.js";

export interface GroupCallLocator {
  groupId: string;
}
export interface RoomCallLocator {
  roomId: string;
}
export interface TeamsMeetingLinkLocator {
  meetingLink: string;
}
export interface TeamsMeetingIdLocator {
  meetingId: string;
  passcode?: string;
}

export interface CallOptions {
  audioOptions?: AudioOptions;
  videoOptions?: VideoOptions;
}
export interface JoinCallOptions extends CallOptions {}
export interface AcceptCallOptions extends CallOptions {}
/** What the caller's application tells the callee's. */
export interface CustomCallContext {
  userToUser?: string;
  xHeaders?: { key: string; value: string }[];
}
export interface StartCallOptions extends CallOptions {
  alternateCallerId?: PhoneNumberIdentifier;
  threadId?: string;
  customContext?: CustomCallContext;
}
export interface CallAgentOptions {
  displayName?: string;
}
export interface TeamsCallAgentOptions extends StartCallOptions {
  undefined?: undefined;
}
export interface DiagnosticOptions {
  appName?: string;
  appVersion?: string;
  tags?: string[];
}
export interface CallClientOptions {
  diagnostics?: DiagnosticOptions;
  logger?: AzureLogger;
  networkConfiguration?: {
    /** The server, where the access token names none or another. */
    proxy?: { url: string };
    /** Relays to be used, and nothing but relays. */
    turn?: { iceServers: RTCIceServer[] };
  };
}

export type CallAgentKind = "CallAgent" | "TeamsCallAgent";
export type IncomingCallKind = "IncomingCall" | "TeamsIncomingCall";
export type ConnectionState = "Connected" | "Disconnected" | "Reconnecting";

export interface IncomingCallCommon extends EventSource<{ callEnded: [{ callEndReason: CallEndReason }] }> {
  /** That of the call it becomes. */
  readonly id: string;
  readonly kind: IncomingCallKind;
  readonly callerInfo: CallerInfo;
  readonly callEndReason?: CallEndReason;
  reject(): Promise<void>;
}
export interface IncomingCall extends IncomingCallCommon {
  readonly info: CallInfo;
  readonly customContext?: CustomCallContext;
  accept(options?: AcceptCallOptions): Promise<Call>;
}
export interface TeamsIncomingCall extends IncomingCallCommon {
  readonly info: TeamsCallInfo;
  accept(options?: AcceptCallOptions): Promise<TeamsCall>;
}

export type AgentEvents<C, I> = {
  incomingCall: [{ incomingCall: I }];
  callsUpdated: [CollectionUpdate<C>];
  connectionStateChanged: [{ oldState: ConnectionState; newState: ConnectionState; reason?: string }];
};

export interface CallAgentCommon {
  readonly kind: CallAgentKind;
  readonly connectionState: ConnectionState;
  dispose(): Promise<void>;
}
export interface CallAgent extends CallAgentCommon, EventSource<AgentEvents<Call, IncomingCall>> {
  readonly calls: ReadonlyArray<Call>;
  readonly displayName?: string;
  startCall(participants: CommunicationIdentifier[], options?: StartCallOptions): Call;
  join(
    locator: GroupCallLocator | RoomCallLocator | TeamsMeetingLinkLocator | TeamsMeetingIdLocator,
    options?: JoinCallOptions,
  ): Call;
}
export interface TeamsCallAgent extends CallAgentCommon, EventSource<AgentEvents<TeamsCall, TeamsIncomingCall>> {
  readonly calls: ReadonlyArray<TeamsCall>;
  startCall(
    participant:
      | MicrosoftTeamsUserIdentifier
      | PhoneNumberIdentifier
      | UnknownIdentifier
      | (MicrosoftTeamsUserIdentifier | PhoneNumberIdentifier)[],
    options?: StartCallOptions,
  ): TeamsCall;
  join(locator: TeamsMeetingLinkLocator | TeamsMeetingIdLocator, options?: JoinCallOptions): TeamsCall;
}

export interface EnvironmentInfo {
  environment: { platform: string; browser: string; browserVersion: string };
  isSupportedPlatform: boolean;
  isSupportedBrowser: boolean;
  isSupportedBrowserVersion: boolean;
  isSupportedEnvironment: boolean;
}
export interface DebugInfoFeature {
  getEnvironmentInfo(): Promise<EnvironmentInfo>;
}

export interface CallClient {
  createCallAgent(credential: CommunicationTokenCredential, options?: CallAgentOptions): Promise<CallAgent>;
  createTeamsCallAgent(
    credential: CommunicationTokenCredential,
    options?: TeamsCallAgentOptions,
  ): Promise<TeamsCallAgent>;
  getDeviceManager(): Promise<DeviceManager>;
  feature<F>(token: CallClientFeatureFactory<F>): F;
  dispose(): Promise<void>;
}
