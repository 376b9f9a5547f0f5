/** Calling in the browser: what applications import. Objects are given out as interfaces: they are wrapped. */

import { CallClient as Client } from "./client.js";
import { VideoStreamRenderer as Renderer } from "./renderer.js";
import { LocalAudioStream as Audio } from "./streams/local-audio.js";
import { LocalVideoStream as Video } from "./streams/local-video.js";
import type * as T from "./types.js";

export { configure } from "./client.js";
export { CommunicationServicesError } from "./errors.js";
export { Features } from "./features/registry.js";
export type * from "./types.js";
export { DiagnosticQuality } from "./types/diagnostics.js";

export const CallClient: new (options?: T.CallClientOptions) => T.CallClient = Client;
export type CallClient = T.CallClient;

export const LocalVideoStream: new (source: T.VideoDeviceInfo | MediaStream) => T.LocalVideoStream = Video;
export type LocalVideoStream = T.LocalVideoStream;

export const LocalAudioStream: new (source: T.AudioDeviceInfo | MediaStream) => T.LocalAudioStream = Audio;
export type LocalAudioStream = T.LocalAudioStream;

export const VideoStreamRenderer: new (
  stream: T.LocalVideoStream | T.RemoteVideoStreamCommon,
) => T.VideoStreamRenderer = Renderer;
export type VideoStreamRenderer = T.VideoStreamRenderer;
