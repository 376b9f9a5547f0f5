/** The globals of a page, for code that runs in Node. */

import { FakeConnection } from "./connection.js";
import { FakeMediaDevices, FakeStream, FakeTrack } from "./media.js";

export class FakeElement extends EventTarget {
  readonly children: FakeElement[] = [];
  readonly dataset: Record<string, string> = {};
  readonly style: Record<string, string> = {};
  parent: FakeElement | undefined;
  hidden = false;
  muted = false;
  autoplay = false;
  paused = true;
  readyState = 4;
  videoWidth = 0;
  videoHeight = 0;
  srcObject: FakeStream | null = null;
  sink = "";
  plays = 0;
  private drawn: (() => void)[] = [];
  /** What `play` says in this page instead of playing. */
  static refusal: Error | undefined;
  static readonly HAVE_CURRENT_DATA = 2;

  constructor(readonly tagName: string) {
    super();
  }

  append(child: FakeElement): void {
    child.parent = this;
    this.children.push(child);
  }
  remove(): void {
    const at = this.parent?.children.indexOf(this) ?? -1;
    if (at >= 0) this.parent?.children.splice(at, 1);
    this.parent = undefined;
  }
  async play(): Promise<void> {
    this.plays += 1;
    if (FakeElement.refusal) throw FakeElement.refusal;
    this.paused = false;
  }
  requestVideoFrameCallback(drawn: () => void): void {
    this.drawn.push(drawn);
  }
  /** A picture of the video is drawn. */
  draw(): void {
    for (const drawn of this.drawn.splice(0)) drawn();
  }
  /** All below it with this name, and itself. */
  find(tagName: string): FakeElement[] {
    return [...(this.tagName === tagName ? [this] : []), ...this.children.flatMap((child) => child.find(tagName))];
  }
  async setSinkId(id: string): Promise<void> {
    this.sink = id;
  }
}

export class FakeDocument extends EventTarget {
  hidden = false;
  readonly body = new FakeElement("body");

  createElement(tagName: string): FakeElement {
    return new FakeElement(tagName);
  }
}

/** Tells sizes when the test says so. */
export class FakeResizeObserver {
  static all: FakeResizeObserver[] = [];
  target: FakeElement | undefined;

  constructor(private readonly told: (entries: { contentRect: { width: number; height: number } }[]) => void) {
    FakeResizeObserver.all.push(this);
  }
  observe(target: FakeElement): void {
    this.target = target;
  }
  disconnect(): void {
    this.target = undefined;
  }
  /** The element of this observer has a size now. */
  resize(width: number, height: number): void {
    if (this.target) this.told([{ contentRect: { width, height } }]);
  }
}

/** Silence: its samples stay at zero. */
class FakeAudioContext {
  createAnalyser(): object {
    return { fftSize: 2048, getFloatTimeDomainData: () => {} };
  }
  createMediaStreamSource(): object {
    return { connect: () => {} };
  }
  async close(): Promise<void> {}
}

/** What a test gets its hands on. */
export interface Page {
  devices: FakeMediaDevices;
  document: FakeDocument;
  /** Where `addEventListener` without an object goes. */
  window: EventTarget;
  navigator: { onLine: boolean; connection: EventTarget & { type?: string } };
}

/** A new page in place of the last one. */
export function openPage(): Page {
  const devices = new FakeMediaDevices();
  const document = new FakeDocument();
  const window = new EventTarget();
  const navigator = {
    onLine: true,
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
    hardwareConcurrency: 4,
    mediaDevices: devices,
    connection: new EventTarget() as EventTarget & { type?: string },
  };
  FakeConnection.all = [];
  FakeResizeObserver.all = [];
  FakeElement.refusal = undefined;
  const globals: Record<string, unknown> = {
    navigator,
    document,
    location: { origin: "https://page.example" },
    devicePixelRatio: 1,
    MediaStream: FakeStream,
    MediaStreamTrack: FakeTrack,
    RTCPeerConnection: FakeConnection,
    RTCRtpReceiver: { getCapabilities: () => ({ codecs: [] }) },
    HTMLMediaElement: FakeElement,
    ResizeObserver: FakeResizeObserver,
    AudioContext: FakeAudioContext,
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return { devices, document, window, navigator };
}
