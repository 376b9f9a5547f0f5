/** A microphone or an application's own sound, as the library hands it to effects. */

import { deviceIdOf } from "../devices/list.js";
import { featureOf } from "../features/registry.js";
import type * as T from "../types.js";

export class LocalAudioStream implements T.LocalAudioStream {
  readonly mediaStreamType = "Audio";
  readonly source: T.AudioDeviceInfo | undefined;
  private readonly given: MediaStream | undefined;
  private readonly features = new Map<unknown, unknown>();

  constructor(source: T.AudioDeviceInfo | MediaStream) {
    if (isMediaStream(source)) this.given = source;
    else this.source = source;
  }

  getMediaStream = async (): Promise<MediaStream> => {
    if (this.given) return this.given;
    const audio = this.source ? { deviceId: { ideal: deviceIdOf(this.source.id) } } : true;
    return navigator.mediaDevices.getUserMedia({ audio });
  };

  feature = <F>(token: T.AudioStreamFeatureFactory<F>): F => featureOf(token, this.features, this) as F;
}

/** Whether a source is an application's own stream and not the name of a device. */
export const isMediaStream = (source: object): source is MediaStream =>
  typeof MediaStream !== "undefined" && source instanceof MediaStream;
