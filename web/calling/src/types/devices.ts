/** Cameras, microphones and speakers. */

import type { Changes, CollectionUpdate, EventSource } from "./common.js";

export type AudioDeviceType = "Microphone" | "Speaker" | "CompositeAudioDevice" | "Virtual";
export type VideoDeviceType = "Unknown" | "UsbCamera" | "CaptureAdapter" | "Virtual" | "ScreenSharing";

export interface VideoDeviceInfo {
  readonly id: string;
  /** Empty until the page may use cameras. */
  readonly name: string;
  readonly deviceType: VideoDeviceType;
}
export interface AudioDeviceInfo {
  readonly id: string;
  readonly name: string;
  readonly isSystemDefault: boolean;
  readonly deviceType: AudioDeviceType;
}

export interface PermissionConstraints {
  audio: boolean;
  video: boolean;
}
export interface DeviceAccess {
  audio: boolean;
  video: boolean;
}

type DeviceEvents = Changes<"selectedMicrophoneChanged" | "selectedSpeakerChanged"> & {
  videoDevicesUpdated: [CollectionUpdate<VideoDeviceInfo>];
  audioDevicesUpdated: [CollectionUpdate<AudioDeviceInfo>];
};

export interface DeviceManager extends EventSource<DeviceEvents> {
  readonly isSpeakerSelectionAvailable: boolean;
  readonly selectedMicrophone?: AudioDeviceInfo;
  readonly selectedSpeaker?: AudioDeviceInfo;
  getCameras(): Promise<VideoDeviceInfo[]>;
  getMicrophones(): Promise<AudioDeviceInfo[]>;
  getSpeakers(): Promise<AudioDeviceInfo[]>;
  selectMicrophone(device: AudioDeviceInfo): Promise<void>;
  selectSpeaker(device: AudioDeviceInfo): Promise<void>;
  /** Never rejects: what is refused is false. */
  askDevicePermission(constraints: PermissionConstraints): Promise<DeviceAccess>;
}
