/** The media connection of a call: made with the call, replaced when it cannot be saved. */

import type { CallAgent } from "../agent.js";
import { NEGOTIATION_FAILED } from "../codes.js";
import { failure } from "../errors.js";
import { MediaLink } from "../media/link.js";
import { Playback } from "../media/playback.js";
import { Recovery } from "../media/recover.js";
import { Redundancy } from "../media/redundancy.js";
import { SilenceWatch } from "../media/silence.js";
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
  readonly redundancy = new Redundancy(async (isOn) => this.link?.setRedundant(isOn));
  link: MediaLink | undefined;
  private readonly playback: Playback;
  private readonly silence: SilenceWatch;
  private legToken = "";
  private isOver = false;

  /** `prepared`: a connection with these lines that nobody uses yet. */
  constructor(
    private readonly owner: Owner,
    private lines: LineCounts,
    private prepared: MediaLink | undefined,
  ) {
    this.playback = new Playback(owner.agent.devices);
    this.recovery = new Recovery({
      check: () => owner.agent.session.check(),
      restart: () => this.renew({ iceRestart: true }),
      rejoin: () => this.rejoin(),
      giveUp: () => owner.lost(),
      giveUpAfterMs: () => owner.agent.session.rejoinForMs,
      showTrouble: (isThere) => owner.showTrouble(isThere),
    });
    this.silence = new SilenceWatch(async () => this.link?.arrived(), {
      changed: (isSilent) => this.recovery.silenceChanged(isSilent),
      wayLost: () => this.recovery.wayLost(),
    });
  }

  get isJoined(): boolean {
    return this.legToken !== "";
  }

  /**
   * Opens the connection, and places, joins or takes the call. Devices are opened meanwhile: sound and pictures of the
   * others do not wait for a camera that is slow, or for a user who is asked for permission.
   */
  async open(request: string, body: () => Record<string, unknown>): Promise<void> {
    const { sending } = this.owner;
    const link = this.openLink();
    await sending.attach(link);
    // In this order: asking for devices takes the page some milliseconds.
    const entering = this.enter(link, request, body);
    await Promise.all([entering, sending.open()]);
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
    this.silence.stop();
    this.prepared?.close();
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
    this.redundancy.repeat();
  }

  private async enter(link: MediaLink, request: string, body: () => Record<string, unknown>): Promise<void> {
    await link.negotiate(async (sdp) => {
      if (this.isOver) throw failure(NEGOTIATION_FAILED.code, NEGOTIATION_FAILED.subCode, "The call is over.");
      const { sending } = this.owner;
      const reply = await this.owner.ask(request, { ...body(), offer: { sdp }, sources: sending.sourcesToTell() });
      const joined = reply as unknown as Joined;
      this.legToken = joined.legToken;
      sending.tellNewSources();
      // Before anything else the server says: it speaks of numbers.
      this.owner.joined(joined);
      return answerOf(reply);
    });
  }

  private openLink(): MediaLink {
    const link = this.prepared ?? new MediaLink(this.owner.agent.linkOptions(this.lines));
    this.prepared = undefined;
    link.listen({
      dataCame: (part) => this.owner.dataCame(part),
      stateChanged: (state) => this.recovery.mediaChanged(state),
    });
    this.link = link;
    this.silence.start();
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
