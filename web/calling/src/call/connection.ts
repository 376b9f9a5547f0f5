/** The media connection of a call: made with the call, replaced when it cannot be saved. */

import type { CallAgent } from "../agent.js";
import { NEGOTIATION_FAILED } from "../codes.js";
import { failure } from "../errors.js";
import { MediaLink } from "../media/link.js";
import { Playback } from "../media/playback.js";
import { Recovery } from "../media/recover.js";
import type { Frame, Joined, SourceName, WireSlot } from "../signalling/messages.js";
import { type Lines, StatsReader } from "../stats/reader.js";
import type { MediaStatsReportSample } from "../types.js";
import type { Lines as LineCounts } from "./info.js";
import type { Sending } from "./sending.js";

type StatsOfNow = () => Promise<MediaStatsReportSample | undefined>;

interface Owner {
  readonly agent: CallAgent;
  readonly sending: Sending;
  /** A request about the leg. */
  ask(t: string, body: Record<string, unknown>): Promise<Frame>;
  /** Of the user of this page. */
  isHandRaised(): boolean;
  /** The leg stands on the server. */
  joined(joined: Joined): void;
  /** Other lines carry other sources. */
  slotsChanged(): void;
  showTrouble(isThere: boolean): void;
  /** A part of a message of an application came. */
  dataCame(part: Uint8Array): void;
  lost(): void;
}

export class Connection {
  readonly recovery: Recovery;
  link: MediaLink | undefined;
  private readonly playback: Playback;
  private legToken = "";
  private isOver = false;

  constructor(
    private readonly owner: Owner,
    private lines: LineCounts,
  ) {
    this.playback = new Playback(owner.agent.devices);
    this.recovery = new Recovery({
      restart: () => this.renew({ iceRestart: true }),
      rejoin: () => this.rejoin(),
      giveUp: () => owner.lost(),
      showTrouble: (isThere) => owner.showTrouble(isThere),
    });
  }

  get isJoined(): boolean {
    return this.legToken !== "";
  }

  /** Opens devices and connection, and places, joins or takes the call. */
  async open(request: string, body: () => Record<string, unknown>): Promise<void> {
    const { sending } = this.owner;
    await sending.open();
    if (this.isOver) return;
    const link = this.openLink();
    await sending.attach(link);
    await this.enter(link, request, body);
  }

  /** A new offer on the connection there is. */
  async renew(options?: RTCOfferOptions): Promise<void> {
    await this.link?.negotiate(async (sdp) => answerOf(await this.owner.ask("media.offer", { sdp })), options);
    this.playback.play(this.link?.audioTracks() ?? []);
  }

  /** The server has more to show than there are lines. */
  async addLines(lines: LineCounts): Promise<void> {
    this.lines = { audio: Math.max(lines.audio, this.lines.audio), video: Math.max(lines.video, this.lines.video) };
    this.link?.addLines(this.lines);
    await this.renew();
  }

  setSlots(slots: WireSlot[]): void {
    this.link?.slots.set(slots);
    this.owner.slotsChanged();
  }

  /** The statistics of now, with what this side sends on which line. */
  async statistics(): Promise<{ report: ReadonlyMap<string, unknown>; sourceOf: MediaLink["sourceOf"] } | undefined> {
    const { link } = this;
    const report = await link?.statistics();
    return link && report && { report, sourceOf: (mid) => link.sourceOf(mid) };
  }

  /** Reads one sample after the other, also across connections. */
  statsReader(streamIdOf: (p: number, source: SourceName) => number | undefined): StatsOfNow {
    let link: MediaLink | undefined;
    let reader: StatsReader | undefined;
    return async () => {
      const now = this.link;
      if (!now) return undefined;
      if (now !== link || !reader) reader = new StatsReader(linesOf((link = now), streamIdOf));
      const report = await now.statistics();
      return report && reader.read(report);
    };
  }

  async sendData(part: Uint8Array, isReliable: boolean): Promise<void> {
    if (!this.link) throw failure(410, 46002, "The call is not connected.");
    await this.link.sendData(part, isReliable);
  }

  setDeaf(isDeaf: boolean): void {
    this.playback.setMuted(isDeaf);
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.recovery.stop();
    this.link?.close();
    this.playback.dispose();
  }

  private async rejoin(): Promise<void> {
    if (this.isOver || !this.isJoined) return;
    const { sending } = this.owner;
    this.link?.close();
    const link = this.openLink();
    await sending.attach(link);
    const { legToken } = this;
    await this.enter(link, "call.rejoin", () => ({
      legToken,
      muted: sending.isMuted,
      hand: this.owner.isHandRaised(),
    }));
    this.playback.play(link.audioTracks());
  }

  private async enter(link: MediaLink, request: string, body: () => Record<string, unknown>): Promise<void> {
    await link.negotiate(async (sdp) => {
      if (this.isOver) throw failure(NEGOTIATION_FAILED.code, NEGOTIATION_FAILED.subCode, "The call is over.");
      const { sources } = this.owner.sending;
      const reply = await this.owner.ask(request, { ...body(), offer: { sdp }, sources });
      const joined = reply as unknown as Joined;
      this.legToken = joined.legToken;
      // Before anything else the server says: it speaks of numbers.
      this.owner.joined(joined);
      return answerOf(reply);
    });
  }

  private openLink(): MediaLink {
    const { agent } = this.owner;
    const link = new MediaLink({
      iceServers: agent.iceServers,
      isRelayOnly: agent.isRelayOnly,
      lines: this.lines,
      onData: (part) => this.owner.dataCame(part),
      onState: (state) => this.recovery.mediaChanged(state),
    });
    this.link = link;
    this.playback.play(link.audioTracks());
    return link;
  }
}

/** Whose lines they are. */
function linesOf(link: MediaLink, streamIdOf: (p: number, source: SourceName) => number | undefined): Lines {
  return {
    sourceOf: (mid) => link.sourceOf(mid),
    shownOn: (mid) => {
      const slot = link.slots.ownerOf(mid);
      if (!slot?.source || slot.p === null) return undefined;
      const streamId = streamIdOf(slot.p, slot.source);
      return { source: slot.source, ...(streamId === undefined ? {} : { streamId }) };
    },
  };
}

function answerOf(reply: Frame): string {
  const answer = reply["answer"] as { sdp?: string } | undefined;
  if (answer?.sdp) return answer.sdp;
  throw failure(NEGOTIATION_FAILED.code, NEGOTIATION_FAILED.subCode, "The service gave no answer to the media offer.");
}
