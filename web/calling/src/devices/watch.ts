/** Notices what goes wrong with microphone, camera and screen of a call, and says so in its media diagnostics. */

import type { Diagnostics } from "../features/diagnostics.js";
import type * as T from "../types.js";
import { DiagnosticQuality } from "../types/diagnostics.js";
import { isRefusal } from "./camera.js";
import { LoudnessMeter } from "./loudness.js";
import type { Devices } from "./manager.js";
import type { MicrophoneLease } from "./microphone.js";

type What = "microphone" | "camera" | "screen";

const { Good, Bad } = DiagnosticQuality;

/** Without a picture for this time a camera counts as frozen: what a busy machine may leave out. */
const FREEZE_MS = 3000;

/** Listeners that can be taken off together. */
type Undo = () => void;

export class MediaWatch {
  private readonly undo: Record<What, Undo> = { microphone: () => {}, camera: () => {}, screen: () => {} };
  private readonly meter: LoudnessMeter;
  private isMuted = false;

  constructor(
    private readonly diagnostics: Diagnostics<T.MediaDiagnosticType>,
    private readonly devices: Pick<Devices, "has" | "isWithoutSpeaker" | "microphone" | "on" | "off">,
  ) {
    devices.on("audioDevicesUpdated", this.lookForSpeakers);
    this.meter = new LoudnessMeter((isLoud) => diagnostics.set("speakingWhileMicrophoneIsMuted", isLoud));
  }

  /** Something could not be opened. */
  failed(what: What, cause: unknown): void {
    const isRefused = isRefusal(cause) || (cause as { subCode?: number }).subCode === 43004;
    switch (what) {
      case "microphone":
        if (isRefused) this.diagnostics.set("microphonePermissionDenied", true);
        else if (!this.devices.has("audioinput")) this.diagnostics.set("noMicrophoneDevicesEnumerated", true);
        else this.diagnostics.set("microphoneNotFunctioning", true);
        return;
      case "camera":
        this.diagnostics.set(isRefused ? "cameraPermissionDenied" : "cameraStartFailed", true);
        return;
      case "screen":
        // The system itself forbids it, as macOS does; a user who closes the chooser is no failure.
        if (/by system/i.test(String((cause as Error).message))) this.diagnostics.set("screenshareRecordingDisabled", true);
        else if (!isRefused) this.diagnostics.set("capturerStartFailed", true);
    }
  }

  /** The call has this microphone now. */
  microphone(lease: MicrophoneLease | undefined): void {
    const track = lease?.track;
    if (track) {
      this.diagnostics.set("microphonePermissionDenied", false);
      this.diagnostics.set("noMicrophoneDevicesEnumerated", false);
      this.diagnostics.set("microphoneNotFunctioning", false);
    }
    // The library compares these two with Bad and Good and takes no notice of true.
    this.follow("microphone", track, {
      mute: () => this.diagnostics.set("microphoneMuteUnexpectedly", Bad),
      unmute: () => this.diagnostics.set("microphoneMuteUnexpectedly", Good),
      ended: () => this.diagnostics.set("microphoneNotFunctioning", true),
    });
    this.lookForSpeakers();
    this.listen();
  }

  /** The call sends this camera now. */
  camera(track: MediaStreamTrack | undefined): void {
    if (track) {
      this.diagnostics.set("cameraPermissionDenied", false);
      this.diagnostics.set("cameraStartFailed", false);
      this.diagnostics.set("cameraStoppedUnexpectedly", Good);
    }
    let freezing: ReturnType<typeof setTimeout> | undefined;
    this.follow("camera", track, {
      mute: () => (freezing = setTimeout(() => this.diagnostics.set("cameraFreeze", true), FREEZE_MS)),
      unmute: () => {
        clearTimeout(freezing);
        this.diagnostics.set("cameraFreeze", false);
      },
      ended: () => this.diagnostics.set("cameraStoppedUnexpectedly", Bad),
    });
    const stop = this.undo.camera;
    this.undo.camera = () => {
      clearTimeout(freezing);
      this.diagnostics.set("cameraFreeze", false);
      stop();
    };
  }

  /** Whether the user has muted the microphone: then it is listened to. */
  setMuted(isMuted: boolean): void {
    this.isMuted = isMuted;
    this.listen();
  }

  dispose(): void {
    this.devices.off("audioDevicesUpdated", this.lookForSpeakers);
    for (const undo of Object.values(this.undo)) undo();
    this.meter.stop();
  }

  private readonly lookForSpeakers = (): void =>
    this.diagnostics.set("noSpeakerDevicesEnumerated", this.devices.isWithoutSpeaker);

  private listen(): void {
    if (!this.isMuted) return this.meter.stop();
    const track = this.devices.microphone.listen();
    if (track) this.meter.start(track);
  }

  private follow(what: What, track: MediaStreamTrack | undefined, events: Record<string, () => void>): void {
    this.undo[what]();
    for (const [event, act] of Object.entries(events)) track?.addEventListener(event, act);
    this.undo[what] = () => {
      for (const [event, act] of Object.entries(events)) track?.removeEventListener(event, act);
    };
  }
}
