/** A camera, a screen or an application's own stream. Cheap to make: a camera is opened when somebody looks. */

import { openCamera } from "../devices/camera.js";
import { featureOf } from "../features/registry.js";
import type * as T from "../types.js";
import { isMediaStream } from "./local-audio.js";

/**
 * Where pictures come from when no device of the list gives them.
 *
 * The library compares `source.id` without asking whether it is there (rule 6), and keeps the object: an instance, which
 * it does not freeze (rule 5).
 */
class StreamSource implements T.VideoDeviceInfo {
  constructor(
    readonly id: string,
    readonly name: string,
    readonly deviceType: T.VideoDeviceType,
  ) {}
}

export class LocalVideoStream implements T.LocalVideoStream {
  source: T.VideoDeviceInfo;
  readonly mediaStreamType: T.MediaStreamType;
  private opened: Promise<MediaStream> | undefined;
  /** Views and calls that use it. */
  private users = 0;
  private readonly followers = new Set<(stream: MediaStream) => void>();
  private readonly features = new Map<unknown, unknown>();

  constructor(source: T.VideoDeviceInfo | MediaStream, type?: "ScreenSharing") {
    if (isMediaStream(source)) {
      this.mediaStreamType = type ?? "RawMedia";
      this.source = type
        ? new StreamSource(`screen:${source.id}`, "Screen", "ScreenSharing")
        : new StreamSource(`raw:${source.id}`, "Stream", "Virtual");
      this.opened = Promise.resolve(source);
    } else {
      this.mediaStreamType = "Video";
      this.source = source;
    }
  }

  /**
   * The picture; the first one who asks opens the camera.
   *
   * **Errors**: a camera that is refused, gone, or used elsewhere, with the texts the library knows.
   */
  getMediaStream = (): Promise<MediaStream> => {
    if (this.opened) return this.opened;
    const opening = openCamera(this.source);
    this.opened = opening;
    opening.catch(() => {
      if (this.opened === opening) this.opened = undefined;
    });
    return opening;
  };

  /** Goes over to another camera; whoever shows or sends it follows. The old one runs until the new one does. */
  switchSource = async (device: T.VideoDeviceInfo): Promise<void> => {
    if (device.id === this.source.id) return;
    const old = this.opened;
    const before = this.source;
    this.source = device;
    if (!old) return;
    this.opened = undefined;
    try {
      await this.tell();
    } catch (cause) {
      [this.source, this.opened] = [before, old];
      throw cause;
    }
    stop(await old.catch(() => undefined));
  };

  /** Shows an application's own pictures from now on. */
  setMediaStream = async (stream: MediaStream): Promise<void> => {
    this.opened = Promise.resolve(stream);
    await this.tell();
  };

  feature = <F>(token: T.VideoStreamFeatureFactory<F>): F => featureOf(token, this.features, this) as F;

  dispose = (): void => this.close();

  /** A view or a call uses it. */
  hold(): void {
    this.users += 1;
  }

  /** A view or a call is done with it. A camera goes off with the last one, a preview's too. */
  release(): void {
    this.users = Math.max(0, this.users - 1);
    if (this.users === 0 && this.mediaStreamType === "Video") this.close();
  }

  /** Calls `follow` with the new pictures when they come from elsewhere. The answer ends it. */
  follow(follow: (stream: MediaStream) => void): () => void {
    this.followers.add(follow);
    return () => void this.followers.delete(follow);
  }

  private async tell(): Promise<void> {
    const stream = await this.getMediaStream();
    for (const follow of [...this.followers]) follow(stream);
  }

  private close(): void {
    const { opened } = this;
    this.opened = undefined;
    opened?.then(stop, () => undefined);
  }
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
