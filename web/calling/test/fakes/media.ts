/** Tracks, streams and devices of a page that has none. */

let nextId = 1;

export class FakeTrack extends EventTarget {
  readonly id = `track-${nextId++}`;
  enabled = true;
  readyState: "live" | "ended" = "live";
  contentHint = "";

  constructor(
    readonly kind: "audio" | "video",
    private readonly settings: MediaTrackSettings = {},
  ) {
    super();
  }

  getSettings(): MediaTrackSettings {
    return this.settings;
  }

  clone(): FakeTrack {
    return new FakeTrack(this.kind, this.settings);
  }

  stop(): void {
    this.readyState = "ended";
  }

  /** The device goes: unplugged, or "Stop sharing" of the browser. */
  end(): void {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

export class FakeStream {
  readonly id = `stream-${nextId++}`;

  constructor(private readonly tracks: FakeTrack[] = []) {}

  getTracks(): FakeTrack[] {
    return [...this.tracks];
  }
  getAudioTracks(): FakeTrack[] {
    return this.tracks.filter(({ kind }) => kind === "audio");
  }
  getVideoTracks(): FakeTrack[] {
    return this.tracks.filter(({ kind }) => kind === "video");
  }
}

export interface FakeDevice {
  deviceId: string;
  label: string;
  kind: MediaDeviceKind;
}

const DEVICES: FakeDevice[] = [
  { deviceId: "cam1", label: "Camera 1", kind: "videoinput" },
  { deviceId: "default", label: "Default", kind: "audioinput" },
  { deviceId: "mic1", label: "Microphone 1", kind: "audioinput" },
  { deviceId: "default", label: "Default", kind: "audiooutput" },
];

export class FakeMediaDevices extends EventTarget {
  devices = [...DEVICES];
  /** What the user or the system says instead of giving a device. */
  refusal: { audio?: Error; video?: Error; screen?: Error } = {};
  /** What was opened, in order. */
  readonly opened: FakeTrack[] = [];
  camera = { width: 640, height: 360 };
  screen = { width: 1920, height: 1080 };

  async enumerateDevices(): Promise<FakeDevice[]> {
    return [...this.devices];
  }

  async getUserMedia({ audio, video }: MediaStreamConstraints): Promise<FakeStream> {
    if (audio && this.refusal.audio) throw this.refusal.audio;
    if (video && this.refusal.video) throw this.refusal.video;
    return this.open([...(audio ? [new FakeTrack("audio")] : []), ...(video ? [new FakeTrack("video", this.camera)] : [])]);
  }

  async getDisplayMedia(): Promise<FakeStream> {
    if (this.refusal.screen) throw this.refusal.screen;
    return this.open([new FakeTrack("video", this.screen)]);
  }

  private open(tracks: FakeTrack[]): FakeStream {
    this.opened.push(...tracks);
    return new FakeStream(tracks);
  }
}
