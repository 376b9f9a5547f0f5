/** Cameras, microphones, speakers. One manager per CallClient, and never one for two (rule 3). */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";
import { audioInfo, changes, type Device, deviceIdOf, listDevices, pick, videoInfo } from "./list.js";
import { Microphone } from "./microphone.js";
import { Permissions } from "./permissions.js";

export { deviceIdOf } from "./list.js";

type Events = {
  videoDevicesUpdated: [{ added: T.VideoDeviceInfo[]; removed: T.VideoDeviceInfo[] }];
  audioDevicesUpdated: [{ added: T.AudioDeviceInfo[]; removed: T.AudioDeviceInfo[] }];
  selectedMicrophoneChanged: [];
  selectedSpeakerChanged: [];
};

/** Browsers announce one plug-in with several events. */
const SETTLE_MS = 300;

export class Devices {
  /** The microphone in use, for the calls of this client. */
  readonly microphone: Microphone;
  private readonly emitter = new Emitter<Events>();
  private readonly permissions = new Permissions();
  private devices: readonly Device[] = [];
  private isListed = false;
  private hadSpeaker = false;
  /** What is in use: an id of the list, or undefined while there is none. */
  private microphoneId: string | undefined;
  private speakerId: string | undefined;
  private settling: ReturnType<typeof setTimeout> | undefined;
  private readonly speakerFollowers = new Set<() => void>();

  constructor() {
    this.microphone = new Microphone(() => this.microphoneId);
    navigator.mediaDevices?.addEventListener?.("devicechange", this.onDeviceChange);
  }

  get isSpeakerSelectionAvailable(): boolean {
    return typeof HTMLMediaElement !== "undefined" && "setSinkId" in HTMLMediaElement.prototype;
  }
  get selectedMicrophone(): T.AudioDeviceInfo | undefined {
    const device = this.find(this.microphoneId);
    return device && audioInfo(device);
  }
  get selectedSpeaker(): T.AudioDeviceInfo | undefined {
    const device = this.find(this.speakerId);
    return device && audioInfo(device);
  }

  getCameras = async (): Promise<T.VideoDeviceInfo[]> => (await this.listed("videoinput")).map(videoInfo);
  getMicrophones = async (): Promise<T.AudioDeviceInfo[]> => (await this.listed("audioinput")).map(audioInfo);
  getSpeakers = async (): Promise<T.AudioDeviceInfo[]> => (await this.listed("audiooutput")).map(audioInfo);

  /** Whether any device of a kind is there, by the last look. */
  has(kind: MediaDeviceKind): boolean {
    return this.devices.some((device) => device.kind === kind);
  }

  /** Whether the speakers are gone. Where the browser never names any, nothing is known. */
  get isWithoutSpeaker(): boolean {
    return this.hadSpeaker && !this.has("audiooutput");
  }

  selectMicrophone = async (device: T.AudioDeviceInfo): Promise<void> => {
    const chosen = this.find(device.id);
    if (!chosen || chosen.kind !== "audioinput" || chosen.id === this.microphoneId) return;
    this.microphoneId = chosen.id;
    await this.microphone.replace();
    this.emitter.emit("selectedMicrophoneChanged");
  };

  selectSpeaker = async (device: T.AudioDeviceInfo): Promise<void> => {
    const chosen = this.find(device.id);
    if (!chosen || chosen.kind !== "audiooutput" || chosen.id === this.speakerId) return;
    this.speakerId = chosen.id;
    for (const follow of this.speakerFollowers) follow();
    this.emitter.emit("selectedSpeakerChanged");
  };

  /** Asks the user for what is not granted yet; the lists have names afterwards. */
  askDevicePermission = async (constraints: T.PermissionConstraints): Promise<T.DeviceAccess> => {
    const access = await this.permissions.ask(constraints);
    await this.refresh();
    return access;
  };

  /** The browser's id of the speaker in use; empty for the system's own choice. */
  get sinkId(): string {
    const id = this.speakerId ? deviceIdOf(this.speakerId) : "";
    return id === "default" ? "" : id;
  }

  /** Calls `follow` when another speaker is to be used. The answer ends it. */
  followSpeaker(follow: () => void): () => void {
    this.speakerFollowers.add(follow);
    return () => void this.speakerFollowers.delete(follow);
  }

  dispose(): void {
    clearTimeout(this.settling);
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.onDeviceChange);
    this.microphone.dispose();
  }

  private readonly onDeviceChange = (): void => {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => void this.refresh(), SETTLE_MS);
  };

  private find(id: string | undefined): Device | undefined {
    return this.devices.find((device) => device.id === id);
  }

  private async listed(kind: MediaDeviceKind): Promise<Device[]> {
    await this.refresh();
    return this.devices.filter((device) => device.kind === kind);
  }

  private async refresh(): Promise<void> {
    const now = await listDevices();
    const before = this.devices;
    this.devices = now;
    this.hadSpeaker ||= this.has("audiooutput");
    const video = changes(before, now, ["videoinput"]);
    const audio = changes(before, now, ["audioinput", "audiooutput"]);
    const { isListed } = this;
    this.isListed = true;
    const [microphone, speaker] = [this.microphoneId, this.speakerId];
    const isDefaultAnother = isRenamed(before, now, microphone);
    this.microphoneId = pick(now, "audioinput", microphone)?.id;
    this.speakerId = pick(now, "audiooutput", speaker)?.id;
    // Whoever asks first has the whole list in hand: nothing has changed for anybody.
    if (isListed && video.added.length + video.removed.length > 0) {
      const { added, removed } = video;
      this.emitter.emit("videoDevicesUpdated", { added: added.map(videoInfo), removed: removed.map(videoInfo) });
    }
    if (isListed && audio.added.length + audio.removed.length > 0) {
      const { added, removed } = audio;
      this.emitter.emit("audioDevicesUpdated", { added: added.map(audioInfo), removed: removed.map(audioInfo) });
    }
    if (this.microphoneId !== microphone) {
      // The one in use was unplugged: calls go on with the default.
      await this.microphone.replace();
      this.emitter.emit("selectedMicrophoneChanged");
    } else if (isDefaultAnother) await this.microphone.replace();
    if (this.speakerId !== speaker) {
      for (const follow of this.speakerFollowers) follow();
      this.emitter.emit("selectedSpeakerChanged");
    }
  }

  on = this.emitter.on;
  off = this.emitter.off;
}

/** Whether a device has another name than before: behind the id of a default there is another device now. */
function isRenamed(before: readonly Device[], now: readonly Device[], id: string | undefined): boolean {
  const [old, current] = [before, now].map((devices) => devices.find((device) => device.id === id)?.name);
  return Boolean(old && current && old !== current);
}
