/** What this side sends: microphone, camera, screen. It outlives connections: `attach` gives it to a new one. */

import { isRefusal } from "../devices/camera.js";
import type { Devices } from "../devices/manager.js";
import type { MicrophoneLease } from "../devices/microphone.js";
import { MediaWatch } from "../devices/watch.js";
import type { Emitter } from "../emitter.js";
import { failure } from "../errors.js";
import type { Diagnostics } from "../features/all.js";
import type { MediaLink } from "../media/link.js";
import type { WireSize } from "../signalling/messages.js";
import { LocalVideoStream } from "../streams/local-video.js";
import { Turns } from "../turns.js";
import type * as T from "../types.js";

/** What is sent, with sizes; null: no more. */
export interface Sources {
  camera?: WireSize | null;
  screen?: WireSize | null;
}

interface Owner {
  readonly devices: Devices;
  readonly diagnostics: Diagnostics<T.MediaDiagnosticType>;
  readonly events: Emitter<T.CallEvents>;
  /** Tells the server; what is not named stays as it was. */
  tellSources(sources: Sources): void;
}

const isScreen = ({ mediaStreamType }: T.LocalVideoStream): boolean => mediaStreamType === "ScreenSharing";

export class Sending {
  isMuted: boolean;
  isCameraOn = false;
  private streams: LocalVideoStream[];
  private link: MediaLink | undefined;
  private microphone: MicrophoneLease | undefined;
  private readonly watch: MediaWatch;
  private readonly turns = new Turns();
  private readonly microphoneTurns = new Turns();
  private cameraSize: WireSize | undefined;
  private screenSize: WireSize | undefined;
  /** What the last request said. */
  private told: Sources = {};
  private unfollow: () => void = () => {};
  private isHeld = false;
  private isOver = false;
  /** The browser asks which screen. */
  private isScreenStarting = false;

  constructor(
    private readonly owner: Owner,
    options: T.CallOptions | undefined,
  ) {
    this.isMuted = options?.audioOptions?.muted ?? false;
    // In the array from the first moment: the library looks at once, and disposes its own preview.
    this.streams = [...((options?.videoOptions?.localVideoStreams ?? []) as unknown as LocalVideoStream[])];
    for (const stream of this.streams) stream.hold();
    this.watch = new MediaWatch(owner.diagnostics, owner.devices);
  }

  get videoStreams(): LocalVideoStream[] {
    return [...this.streams];
  }
  get isScreenOn(): boolean {
    return this.streams.some(isScreen);
  }
  /** What a new leg on the server is told with its request. */
  sourcesToTell(): Sources {
    this.told = this.sources;
    return this.told;
  }

  /** Tells what was opened while the request was on its way. */
  tellNewSources(): void {
    const { camera, screen } = this.sources;
    const isNewCamera = camera?.width !== this.told.camera?.width || camera?.height !== this.told.camera?.height;
    const isNewScreen = screen?.width !== this.told.screen?.width || screen?.height !== this.told.screen?.height;
    const changed = { ...(isNewCamera ? { camera: camera ?? null } : {}), ...(isNewScreen ? { screen: screen ?? null } : {}) };
    if (isNewCamera || isNewScreen) this.owner.tellSources(changed);
  }

  private get sources(): Sources {
    return {
      ...(this.isCameraOn && this.cameraSize ? { camera: this.cameraSize } : {}),
      ...(this.screenSize ? { screen: this.screenSize } : {}),
    };
  }

  /** Opens what the call begins with. What cannot be opened is left out: the page shows the diagnostic. */
  async open(): Promise<void> {
    await Promise.all([this.openMicrophone().catch(() => undefined), this.openFirstCamera()]);
  }

  /** Sends everything over this connection from now on. */
  async attach(link: MediaLink): Promise<void> {
    this.link = link;
    if (this.microphone) await link.sendAudio(this.microphone.track);
    if (this.isHeld) return;
    const camera = this.cameraTrack();
    if (camera) this.cameraSize = await link.sendCamera(await camera);
    const screen = this.streams.find(isScreen);
    if (screen) this.screenSize = await link.sendScreen(await trackOf(screen));
  }

  // ---- microphone ----

  /** Silences the microphone, or lets it be heard; it is opened when it is not. */
  async setMuted(isMuted: boolean): Promise<void> {
    if (!isMuted) await this.openMicrophone();
    this.microphone?.setMuted(isMuted || this.isHeld);
    this.watch.setMuted(isMuted);
    if (this.isMuted === isMuted) return;
    this.isMuted = isMuted;
    this.owner.events.emit("isMutedChanged");
  }

  /** One after the other: who unmutes while it is being opened waits for the same one. */
  private openMicrophone(): Promise<void> {
    return this.microphoneTurns.take(() => this.openMicrophoneNow());
  }

  private async openMicrophoneNow(): Promise<void> {
    if (this.microphone) return this.microphone.revive();
    if (this.isOver) return;
    try {
      const lease = await this.owner.devices.microphone.lease({ onTrack: (track) => this.microphoneChanged(track) });
      if (this.isOver) return lease.release();
      this.microphone = lease;
    } catch (cause) {
      this.watch.failed("microphone", cause);
      throw failure(isRefusal(cause) ? 403 : 400, 0, `The microphone cannot be opened: ${(cause as Error).message}`);
    }
    this.microphone.setMuted(this.isMuted || this.isHeld);
    this.microphoneChanged(this.microphone.track);
    this.watch.setMuted(this.isMuted);
  }

  private microphoneChanged(track: MediaStreamTrack | undefined): void {
    if (this.microphone) this.watch.microphone(this.microphone);
    void this.link?.sendAudio(track).catch(() => undefined);
  }

  // ---- camera ----

  startVideo(stream: LocalVideoStream): Promise<void> {
    return this.turns.take(async () => {
      if (this.isOver || this.streams.some((one) => !isScreen(one))) return;
      stream.hold();
      try {
        this.cameraSize = await this.sendCamera(stream);
      } catch (cause) {
        stream.release();
        this.watch.failed("camera", cause);
        throw cause;
      }
      if (this.isOver) return stream.release();
      this.streams = [...this.streams, stream];
      this.owner.events.emit("localVideoStreamsUpdated", { added: [stream], removed: [] });
      this.setCameraOn(true);
      this.owner.tellSources({ camera: this.cameraSize ?? null });
    });
  }

  stopVideo(like?: T.LocalVideoStream): Promise<void> {
    return this.turns.take(async () => {
      const stream = this.streams.find((one) => !isScreen(one) && isLike(one, like));
      if (!stream) return;
      this.unfollow();
      this.watch.camera(undefined);
      await this.link?.sendCamera(undefined);
      this.cameraSize = undefined;
      this.drop(stream);
      stream.release();
      this.setCameraOn(false);
      this.owner.tellSources({ camera: null });
    });
  }

  private openFirstCamera(): Promise<void> {
    return this.turns.take(async () => {
      const stream = this.streams.find((one) => !isScreen(one));
      if (!stream || this.isOver) return;
      try {
        this.cameraSize = await this.sendCamera(stream);
      } catch (cause) {
        if (this.isOver) return;
        this.watch.failed("camera", cause);
        this.drop(stream);
        stream.release();
        return;
      }
      if (this.isOver) return;
      this.setCameraOn(true);
      this.owner.tellSources({ camera: this.cameraSize ?? null });
    });
  }

  private async sendCamera(stream: LocalVideoStream): Promise<WireSize | undefined> {
    const track = await trackOf(stream);
    if (this.isOver) return undefined;
    this.watch.camera(track);
    this.unfollow();
    this.unfollow = stream.follow((media) => void this.cameraChanged(media.getVideoTracks()[0]));
    return this.isHeld ? undefined : this.link?.sendCamera(track);
  }

  /** Another camera, or an application's other pictures: perhaps of another size. */
  private async cameraChanged(track: MediaStreamTrack | undefined): Promise<void> {
    this.watch.camera(track);
    if (this.isHeld || this.isOver) return;
    const size = await this.link?.sendCamera(track).catch(() => undefined);
    if (!size || (size.width === this.cameraSize?.width && size.height === this.cameraSize.height)) return;
    this.cameraSize = size;
    this.owner.tellSources({ camera: size });
  }

  private async cameraTrack(): Promise<MediaStreamTrack | undefined> {
    const stream = this.streams.find((one) => !isScreen(one));
    return stream && this.isCameraOn ? trackOf(stream) : undefined;
  }

  private setCameraOn(isOn: boolean): void {
    if (this.isCameraOn === isOn) return;
    this.isCameraOn = isOn;
    this.owner.events.emit("isLocalVideoStartedChanged");
  }

  // ---- screen ----

  async startScreen(given: T.LocalVideoStream | undefined): Promise<void> {
    if (this.isScreenOn || this.isScreenStarting || this.isOver) return;
    this.isScreenStarting = true;
    try {
      await this.shareScreen(given);
    } finally {
      this.isScreenStarting = false;
    }
  }

  private async shareScreen(given: T.LocalVideoStream | undefined): Promise<void> {
    // First of all: the browser asks only in answer to a gesture.
    const media = await this.openScreen(given);
    const track = media.getVideoTracks()[0];
    try {
      if (!track) throw failure(400, 43100, "There is no picture to share.");
      const size = this.isOver ? undefined : await this.link?.sendScreen(track);
      // The call may have ended while the browser asked which screen.
      if (this.isOver) throw failure(400, 43101, "The screen is not shared: the call is over.");
      this.screenSize = size ?? undefined;
    } catch (cause) {
      if (!given) for (const one of media.getTracks()) one.stop();
      throw cause;
    }
    const stream = new LocalVideoStream(media, "ScreenSharing");
    track.addEventListener("ended", () => void this.stopScreen().catch(() => undefined));
    this.streams = [...this.streams, stream];
    this.owner.events.emit("localVideoStreamsUpdated", { added: [stream], removed: [] });
    this.owner.events.emit("isScreenSharingOnChanged");
    this.owner.tellSources({ screen: this.screenSize ?? null });
  }

  async stopScreen(): Promise<void> {
    const stream = this.streams.find(isScreen);
    if (!stream) return;
    this.streams = this.streams.filter((one) => one !== stream);
    this.screenSize = undefined;
    stream.dispose();
    this.owner.events.emit("localVideoStreamsUpdated", { added: [], removed: [stream] });
    this.owner.events.emit("isScreenSharingOnChanged");
    this.owner.tellSources({ screen: null });
    await this.link?.sendScreen(undefined);
  }

  private async openScreen(given: T.LocalVideoStream | undefined): Promise<MediaStream> {
    try {
      if (given) return await given.getMediaStream();
      return await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
    } catch (cause) {
      this.watch.failed("screen", cause);
      throw failure(400, 43101, `The screen is not shared: ${(cause as Error).message}`);
    }
  }

  // ---- all of it ----

  /**
   * On hold no pictures are sent, and silence: a microphone's clock stands still while nothing is sent, and sound would
   * come back out of step with the pictures. The camera stays open.
   */
  async setHeld(isHeld: boolean): Promise<void> {
    this.isHeld = isHeld;
    this.microphone?.setMuted(isHeld || this.isMuted);
    const { link } = this;
    if (!link) return;
    try {
      if (!isHeld) return await this.attach(link);
      await Promise.all([link.sendCamera(undefined), link.sendScreen(undefined)]);
    } catch (cause) {
      // A call that ends meanwhile has closed the connection.
      if (!this.isOver) throw cause;
    }
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.unfollow();
    this.watch.dispose();
    this.microphone?.release();
    for (const stream of this.streams) {
      if (isScreen(stream)) stream.dispose();
      else stream.release();
    }
  }

  private drop(stream: LocalVideoStream): void {
    this.streams = this.streams.filter((one) => one !== stream);
    this.owner.events.emit("localVideoStreamsUpdated", { added: [], removed: [stream] });
  }
}

async function trackOf(stream: LocalVideoStream): Promise<MediaStreamTrack | undefined> {
  return (await stream.getMediaStream()).getVideoTracks()[0];
}

/** The library may name a stream by another object of the same camera. */
function isLike(stream: LocalVideoStream, other: T.LocalVideoStream | undefined): boolean {
  if (other === undefined || stream === (other as unknown)) return true;
  return stream.mediaStreamType === other.mediaStreamType && stream.source.id === other.source.id;
}
