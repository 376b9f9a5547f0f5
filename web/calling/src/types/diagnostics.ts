/** What a user should know about network and devices. */

import type { EventSource } from "./common.js";

/** Compared with `===` by the UI library. */
export enum DiagnosticQuality {
  Good = 1,
  Poor = 2,
  Bad = 3,
}
export type DiagnosticValueType = "DiagnosticQuality" | "DiagnosticFlag";
export interface LatestDiagnosticValue {
  value: DiagnosticQuality | boolean;
  valueType: DiagnosticValueType;
}

export type NetworkDiagnosticType =
  | "noNetwork"
  | "networkRelaysNotReachable"
  | "networkReconnect"
  | "networkReceiveQuality"
  | "networkSendQuality"
  | "serverConnection";
export type MediaDiagnosticType =
  | "speakingWhileMicrophoneIsMuted"
  | "noSpeakerDevicesEnumerated"
  | "noMicrophoneDevicesEnumerated"
  | "cameraFreeze"
  | "cameraStartFailed"
  | "cameraStartTimedOut"
  | "cameraPermissionDenied"
  | "cameraStoppedUnexpectedly"
  | "capturerStartFailed"
  | "capturerStoppedUnexpectedly"
  | "microphoneNotFunctioning"
  | "microphoneMuteUnexpectedly"
  | "microphonePermissionDenied"
  | "screenshareRecordingDisabled";
export type LatestNetworkDiagnostics = { [K in NetworkDiagnosticType]?: LatestDiagnosticValue };
export type LatestMediaDiagnostics = { [K in MediaDiagnosticType]?: LatestDiagnosticValue };

export interface DiagnosticChangedEventArgs {
  value: DiagnosticQuality | boolean;
  valueType: DiagnosticValueType;
}
export interface NetworkDiagnosticChangedEventArgs extends DiagnosticChangedEventArgs {
  diagnostic: NetworkDiagnosticType;
}
export interface MediaDiagnosticChangedEventArgs extends DiagnosticChangedEventArgs {
  diagnostic: MediaDiagnosticType;
}

interface Diagnostics<Latest, Change> extends EventSource<{ diagnosticChanged: [Change] }> {
  getLatest(): Latest;
}
export interface UserFacingDiagnosticsFeature {
  readonly network: Diagnostics<LatestNetworkDiagnostics, NetworkDiagnosticChangedEventArgs>;
  readonly media: Diagnostics<LatestMediaDiagnostics, MediaDiagnosticChangedEventArgs>;
}
