/** One peer connection: lines, offers, slots, tracks. Only this side offers. */

import type { Lines } from "../call/info.js";
import type { SourceName, WireSize } from "../signalling/messages.js";
import { failure } from "../errors.js";
import { Turns } from "../turns.js";
import { applyLayers, type Layer, layersFor } from "./encodings.js";
import { addReceivers, addSenders, receivers, type Senders } from "./lines.js";
import { orderAudio } from "./redundancy.js";
import type { Arrived } from "./silence.js";
import { Slots } from "./slots.js";

/** Sends an offer and brings the answer: `call.start`, `call.join`, `call.accept`, `call.rejoin` or `media.offer`. */
export type Exchange = (sdp: string) => Promise<string>;

export interface LinkOptions {
  iceServers: RTCIceServer[];
  /** Nothing but relays: the application gave its own. */
  isRelayOnly: boolean;
  lines: Lines;
}

/** Who uses the connection. */
export interface LinkListener {
  stateChanged(state: RTCPeerConnectionState): void;
  /** A part of a message came. */
  dataCame(part: Uint8Array): void;
}

/** What waits in the browser of a channel before the next part does. */
const BUFFERED_BYTES_MAX = 256 * 1024;

/** Of the statistics: a transport, or a pair of candidates. Not every browser has all of it. */
interface WayStats {
  id: string;
  type: string;
  selectedCandidatePairId?: string;
  bytesReceived?: number;
  requestsSent?: number;
  responsesReceived?: number;
}

/** What a browser's camera track says when it does not know. */
const USUAL_CAPTURE = { width: 640, height: 360 };

export class MediaLink {
  readonly connection: RTCPeerConnection;
  readonly slots = new Slots();
  /** Channels of the protocol: everything in order, or at once and perhaps not at all (§4.3). */
  private readonly reliable: RTCDataChannel;
  private readonly lossy: RTCDataChannel;
  private readonly senders: Senders;
  private readonly turns = new Turns();
  /** A sender's parameters are read and written by one at a time: browsers refuse the second to write. */
  private readonly parameterTurns = new Turns();
  private layers: Layer[] = layersFor(USUAL_CAPTURE.width, USUAL_CAPTURE.height);
  private wanted: ReadonlySet<string> | undefined;
  /** The server's last answer, as it came. */
  private answer = "";
  private isRedundant = false;

  constructor(options: LinkOptions) {
    const connection = new RTCPeerConnection({
      iceServers: options.iceServers,
      bundlePolicy: "max-bundle",
      rtcpMuxPolicy: "require",
      iceTransportPolicy: options.isRelayOnly ? "relay" : "all",
    });
    this.connection = connection;
    this.senders = addSenders(connection);
    addReceivers(connection, options.lines);
    // Agreed on beforehand, so that both sides have them without a word.
    this.reliable = connection.createDataChannel("reliable", { negotiated: true, id: 0 });
    const lossy = { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 };
    this.lossy = connection.createDataChannel("lossy", lossy);
    for (const channel of [this.reliable, this.lossy]) {
      channel.binaryType = "arraybuffer";
      channel.bufferedAmountLowThreshold = BUFFERED_BYTES_MAX / 2;
    }
  }

  /** From now on `listener` is told. */
  listen(listener: LinkListener): void {
    const { connection } = this;
    connection.onconnectionstatechange = () => listener.stateChanged(connection.connectionState);
    for (const channel of [this.reliable, this.lossy]) {
      channel.onmessage = ({ data }) => listener.dataCame(new Uint8Array(data as ArrayBuffer));
    }
  }

  /** Makes an offer and takes the answer; one at a time. A refused offer leaves the connection as it was. */
  negotiate(exchange: Exchange, options?: RTCOfferOptions): Promise<void> {
    return this.turns.take(async () => {
      const offer = await this.connection.createOffer(options);
      await this.connection.setLocalDescription(offer);
      try {
        this.answer = await exchange(offer.sdp ?? "");
      } catch (cause) {
        await this.connection.setLocalDescription({ type: "rollback" }).catch(() => undefined);
        throw cause;
      }
      await this.take(orderAudio(this.answer, this.isRedundant));
    });
  }

  /**
   * Sends the microphone's sound twice (RED), or once. The server takes both at any time, so this is settled here: the
   * last answer again, with the wanted codec first. (Chromium goes by that order alone; a codec in the parameters of
   * the sender changes nothing, measured.)
   */
  setRedundant(isRedundant: boolean): Promise<void> {
    return this.turns.take(async () => {
      if (isRedundant === this.isRedundant || this.answer === "") return;
      const sdp = orderAudio(this.answer, isRedundant);
      await this.connection.setLocalDescription(await this.connection.createOffer());
      try {
        await this.take(sdp);
      } catch (cause) {
        await this.connection.setLocalDescription({ type: "rollback" }).catch(() => undefined);
        throw cause;
      }
      this.isRedundant = isRedundant;
    });
  }

  /** Takes an answer, which switches all layers of the camera on again. They are no reason to fail. */
  private async take(sdp: string): Promise<void> {
    await this.connection.setRemoteDescription({ type: "answer", sdp });
    if (this.senders.camera.track) await this.applyLayers().catch(() => undefined);
  }

  private applyLayers(): Promise<void> {
    return this.parameterTurns.take(() => applyLayers(this.senders.camera, this.layers, this.wanted));
  }

  /** Sends a part of a message, when the channel takes it. */
  async sendData(part: Uint8Array, isReliable: boolean): Promise<void> {
    const channel = isReliable ? this.reliable : this.lossy;
    if (channel.readyState === "connecting") await once(channel, "open");
    if (channel.bufferedAmount > BUFFERED_BYTES_MAX) {
      // What may be lost is not worth waiting for.
      if (!isReliable) return;
      await once(channel, "bufferedamountlow");
    }
    channel.send(part as Uint8Array<ArrayBuffer>);
  }

  addLines(lines: Lines): void {
    addReceivers(this.connection, lines);
  }

  async sendAudio(track: MediaStreamTrack | undefined): Promise<void> {
    await this.senders.microphone.replaceTrack(track ?? null);
  }

  /** Sends a camera in the layers that suit its size, which it answers. */
  async sendCamera(track: MediaStreamTrack | undefined): Promise<WireSize | undefined> {
    await this.senders.camera.replaceTrack(track ?? null);
    if (!track) return undefined;
    const size = sizeOf(track);
    this.layers = layersFor(size.width, size.height);
    await this.applyLayers();
    return size;
  }

  async sendScreen(track: MediaStreamTrack | undefined): Promise<WireSize | undefined> {
    // Sharp rather than smooth.
    if (track) track.contentHint = "detail";
    await this.senders.screen.replaceTrack(track ?? null);
    return track && sizeOf(track);
  }

  /** Switches off what nobody wants to see. */
  async setWantedLayers(rids: readonly string[], isScreenWanted: boolean): Promise<void> {
    this.wanted = new Set(rids);
    await this.applyLayers();
    await this.parameterTurns.take(async () => {
      const parameters = this.senders.screen.getParameters();
      for (const encoding of parameters.encodings) encoding.active = isScreenWanted;
      await this.senders.screen.setParameters(parameters);
    });
  }

  /** The track that shows a source, if a slot does. */
  trackOf(p: number, source: SourceName): MediaStreamTrack | undefined {
    const slot = this.slots.find(p, source);
    return slot && this.connection.getTransceivers().find(({ mid }) => mid === slot.mid)?.receiver.track;
  }

  audioTracks(): MediaStreamTrack[] {
    return receivers(this.connection, "audio").map(({ receiver }) => receiver.track);
  }

  /** Which source a sending line carries, by its mid. */
  sourceOf(mid: string): SourceName | undefined {
    const line = this.connection.getTransceivers().find((one) => one.mid === mid);
    if (line?.sender === this.senders.microphone) return "audio";
    if (line?.sender === this.senders.camera) return "camera";
    return line?.sender === this.senders.screen ? "screen" : undefined;
  }

  /** What has come so far on the ways that there are; undefined when the connection has just been closed. */
  async arrived(): Promise<Arrived | undefined> {
    const report = await this.statistics();
    if (!report) return undefined;
    const all = [...report.values()] as WayStats[];
    const used = all.find(({ type }) => type === "transport")?.selectedCandidatePairId;
    const sums: Arrived = { bytes: 0, checks: 0, answers: 0 };
    for (const one of all) {
      if (one.type === "candidate-pair") sums.bytes += one.bytesReceived ?? 0;
      if (one.id === used) [sums.checks, sums.answers] = [one.requestsSent ?? 0, one.responsesReceived ?? 0];
    }
    return sums;
  }

  /** Undefined when the connection has just been closed. */
  async statistics(): Promise<ReadonlyMap<string, unknown> | undefined> {
    return (await this.connection.getStats().catch(() => undefined)) as ReadonlyMap<string, unknown> | undefined;
  }

  close(): void {
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }
}

/** Rejects when the channel closes before. */
function once(channel: RTCDataChannel, event: "open" | "bufferedamountlow"): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.addEventListener(event, () => resolve(), { once: true });
    channel.addEventListener("close", () => reject(failure(410, 46002, "The data channel is closed.")), { once: true });
  });
}

function sizeOf(track: MediaStreamTrack): WireSize {
  const { width = USUAL_CAPTURE.width, height = USUAL_CAPTURE.height } = track.getSettings();
  return { width, height };
}
