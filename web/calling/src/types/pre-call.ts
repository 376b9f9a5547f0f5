/** A test before the call: devices, browser, and a short call to nobody. */

import type { CommunicationTokenCredential } from "@azure/communication-common";
import type { DeviceAccess } from "./devices.js";
import type { MediaStatsCallFeature } from "./stats.js";

export type QualityGrade = "Good" | "Average" | "Bad" | "Unknown";

type Availability = "Available" | "NotAvailable" | "Unknown";
export interface DeviceEnumeration {
  microphone: Availability;
  camera: Availability;
  speaker: Availability;
}

type Support = "Supported" | "NotSupported" | "Unknown";
export interface DeviceCompatibility {
  browser: Support;
  os: Support;
}

export interface MediaGrades {
  jitter: QualityGrade;
  packetLoss: QualityGrade;
  rtt: QualityGrade;
}
export interface InCallDiagnostics {
  connected: boolean;
  bandWidth: QualityGrade;
  diagnostics: { audio: MediaGrades; video: MediaGrades };
}

/** Each part is there as soon as it is known; none rejects. */
export interface PreCallDiagnosticsResult {
  id: string;
  deviceAccess: Promise<DeviceAccess>;
  deviceEnumeration: Promise<DeviceEnumeration>;
  inCallDiagnostics: Promise<InCallDiagnostics>;
  browserSupport?: Promise<DeviceCompatibility>;
  callMediaStatistics?: Promise<MediaStatsCallFeature>;
}
export interface PreCallDiagnosticsFeature {
  /** Asks for devices where the user has not granted them yet. */
  startTest(credential: CommunicationTokenCredential): Promise<PreCallDiagnosticsResult>;
}
