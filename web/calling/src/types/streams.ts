/** What is sent, what is seen, and how it is shown. */

import type {
  AudioStreamFeatureFactory,
  Changes,
  EventSource,
  StreamSize,
  VideoStreamFeatureFactory,
} from "./common.js";
import type { AudioDeviceInfo, VideoDeviceInfo } from "./devices.js";

export type MediaStreamType = "Video" | "ScreenSharing" | "RawMedia";
export type ScalingMode = "Stretch" | "Crop" | "Fit";

export interface LocalVideoStream {
  readonly source: VideoDeviceInfo;
  readonly mediaStreamType: MediaStreamType;
  switchSource(device: VideoDeviceInfo): Promise<void>;
  getMediaStream(): Promise<MediaStream>;
  setMediaStream(stream: MediaStream): Promise<void>;
  feature<F>(token: VideoStreamFeatureFactory<F>): F;
  dispose(): void;
}

export interface LocalAudioStream {
  readonly mediaStreamType: "Audio";
  readonly source?: AudioDeviceInfo;
  getMediaStream(): Promise<MediaStream>;
  feature<F>(token: AudioStreamFeatureFactory<F>): F;
}

export interface AudioOptions {
  muted?: boolean;
  localAudioStreams?: LocalAudioStream[];
}
export interface VideoOptions {
  localVideoStreams?: LocalVideoStream[];
}

export interface RemoteVideoStreamCommon
  extends EventSource<Changes<"isAvailableChanged" | "isReceivingChanged" | "sizeChanged">> {
  /** Unique in the call. */
  readonly id: number;
  readonly mediaStreamType: MediaStreamType;
  readonly isAvailable: boolean;
  readonly isReceiving: boolean;
  readonly size: StreamSize;
  getMediaStream(): Promise<MediaStream>;
}
export interface RemoteVideoStream extends RemoteVideoStreamCommon {
  readonly tsId?: number;
}
export interface TogetherModeVideoStream extends RemoteVideoStreamCommon {}

export interface CreateViewOptions {
  isMirrored?: boolean;
  scalingMode?: ScalingMode;
}
export interface VideoStreamRendererView {
  readonly scalingMode: ScalingMode;
  readonly isMirrored: boolean;
  readonly target: HTMLElement;
  updateScalingMode(mode: ScalingMode): Promise<void>;
  dispose(): void;
}
export interface VideoStreamRenderer {
  readonly size: StreamSize;
  /** Resolves when there is a picture. */
  createView(options?: CreateViewOptions): Promise<VideoStreamRendererView>;
  dispose(): void;
}

export type VideoEffectName = string;
export interface VideoEffectProcessor {
  readonly name: VideoEffectName;
}
export interface VideoEffectErrorPayload {
  code: number;
  message: string;
}
export interface VideoEffectsFeature
  extends EventSource<{
    effectsStarted: [VideoEffectName[]];
    effectsStopped: [VideoEffectName[]];
    effectsError: [VideoEffectErrorPayload];
  }> {
  readonly activeEffects: VideoEffectName[];
  isSupported(effect: VideoEffectProcessor): Promise<boolean>;
  startEffects(effect: VideoEffectProcessor): Promise<void>;
  stopEffects(): Promise<void>;
}
export interface BackgroundBlurConfig {}
export interface BackgroundReplacementConfig {
  backgroundImageUrl: string;
}
export interface BackgroundBlurEffect extends VideoEffectProcessor {}
export interface BackgroundReplacementEffect extends VideoEffectProcessor {}

export interface AudioEffect {
  readonly name: string;
}
export interface AudioEffectsStartConfig {
  noiseSuppression?: AudioEffect;
  autoGainControl?: unknown;
  echoCancellation?: unknown;
}
export interface AudioEffectsStopConfig {
  noiseSuppression?: boolean;
  autoGainControl?: boolean;
  echoCancellation?: boolean;
}
export interface AudioEffectsFeature {
  isSupported(effect: AudioEffect): Promise<boolean>;
  startEffects(config: AudioEffectsStartConfig): Promise<void>;
  stopEffects(config: AudioEffectsStopConfig): Promise<void>;
}
