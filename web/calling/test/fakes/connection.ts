/** A peer connection that connects to nobody: it remembers what it was told. */

import { FakeTrack } from "./media.js";

export class FakeSender {
  track: FakeTrack | null = null;
  parameters: { encodings: RTCRtpEncodingParameters[] };
  private isRead = false;

  constructor(encodings: RTCRtpEncodingParameters[]) {
    this.parameters = { encodings: encodings.length > 0 ? encodings.map((one) => ({ active: true, ...one })) : [{ active: true }] };
  }

  async replaceTrack(track: FakeTrack | null): Promise<void> {
    this.track = track;
  }
  getParameters(): { encodings: RTCRtpEncodingParameters[] } {
    this.isRead = true;
    return structuredClone(this.parameters);
  }
  /** As in browsers: only what was read since the last time it was written. */
  async setParameters(parameters: { encodings: RTCRtpEncodingParameters[] }): Promise<void> {
    if (!this.isRead) throw new DOMException("The parameters were not read.", "InvalidStateError");
    await Promise.resolve();
    this.isRead = false;
    this.parameters = parameters;
  }
}

export class FakeTransceiver {
  mid: string | null = null;
  readonly receiver: { track: FakeTrack };
  readonly sender: FakeSender;

  constructor(
    kind: "audio" | "video",
    readonly direction: RTCRtpTransceiverDirection,
    encodings: RTCRtpEncodingParameters[],
  ) {
    this.receiver = { track: new FakeTrack(kind) };
    this.sender = new FakeSender(encodings);
  }

  setCodecPreferences(): void {}
}

export class FakeChannel extends EventTarget {
  binaryType = "blob";
  bufferedAmountLowThreshold = 0;
  bufferedAmount = 0;
  readyState = "open";
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  readonly sent: Uint8Array[] = [];

  constructor(
    readonly label: string,
    readonly options: RTCDataChannelInit,
  ) {
    super();
  }

  send(part: Uint8Array): void {
    this.sent.push(part.slice());
  }
  /** The other side says something. */
  come(part: Uint8Array): void {
    this.onmessage?.({ data: part.slice().buffer });
  }
}

export class FakeConnection {
  /** All that were made since `install`, the newest last. */
  static all: FakeConnection[] = [];

  connectionState: RTCPeerConnectionState = "new";
  signalingState: RTCSignalingState = "stable";
  onconnectionstatechange: (() => void) | null = null;
  readonly channels: FakeChannel[] = [];
  readonly answers: string[] = [];
  readonly offers: RTCOfferOptions[] = [];
  /** What its statistics say. */
  statistics = new Map<string, object>();
  private readonly lines: FakeTransceiver[] = [];

  constructor(readonly configuration: RTCConfiguration) {
    FakeConnection.all.push(this);
  }

  addTransceiver(kind: "audio" | "video", init: RTCRtpTransceiverInit): FakeTransceiver {
    const line = new FakeTransceiver(kind, init.direction ?? "sendrecv", init.sendEncodings ?? []);
    this.lines.push(line);
    return line;
  }
  getTransceivers(): FakeTransceiver[] {
    return [...this.lines];
  }
  createDataChannel(label: string, options: RTCDataChannelInit): FakeChannel {
    const channel = new FakeChannel(label, options);
    this.channels.push(channel);
    return channel;
  }

  async createOffer(options: RTCOfferOptions = {}): Promise<{ type: "offer"; sdp: string }> {
    this.offers.push(options);
    const lines = this.lines.map(({ direction, receiver }) => `m=${receiver.track.kind} ${direction}`);
    return { type: "offer", sdp: `offer ${FakeConnection.all.indexOf(this) + 1}.${this.offers.length}\n${lines.join("\n")}` };
  }
  async setLocalDescription({ type }: { type: string }): Promise<void> {
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
    for (const [at, line] of this.lines.entries()) line.mid ??= String(at);
  }
  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    this.answers.push(sdp);
    // As Chromium does with the layers that an answer takes.
    for (const { sender } of this.lines) for (const encoding of sender.parameters.encodings) encoding.active = true;
    this.signalingState = "stable";
  }
  async getStats(): Promise<Map<string, object>> {
    return this.statistics;
  }

  /** The network does something. */
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.connectionState = "closed";
    this.signalingState = "closed";
  }
}
