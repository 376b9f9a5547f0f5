/** A call, from None to Disconnected. Lives as long as the page wants (rules 4, 7, 15). */

import type { CommunicationIdentifier } from "@azure/communication-common";
import type { CallAgent } from "../agent.js";
import { CONNECTION_LOST, NEGOTIATION_FAILED } from "../codes.js";
import { DataChannels } from "../data/feature.js";
import { Emitter } from "../emitter.js";
import { failure, reasonFor, reasonOf } from "../errors.js";
import {
  Capabilities,
  Diagnostics,
  DominantSpeakers,
  MediaAccessList,
  RaiseHand,
  Reactions,
  RealTimeText,
  Recording,
  Spotlight,
  Transcription,
} from "../features/all.js";
import { featureOf } from "../features/registry.js";
import { rawIdOf } from "../identifiers.js";
import { Wants } from "../media/wants.js";
import type { Frame, Joined, WireCall, WireParticipant, WireReason } from "../signalling/messages.js";
import { MediaStats } from "../stats/collector.js";
import { QualityWatch } from "../stats/quality.js";
import { Reporter } from "../stats/report.js";
import type { LocalVideoStream } from "../streams/local-video.js";
import type * as T from "../types.js";
import { DiagnosticQuality } from "../types/diagnostics.js";
import { Connection } from "./connection.js";
import { type Listener, read, senderOf } from "./inbox.js";
import { type Beginning, Info } from "./info.js";
import { Roster } from "./roster.js";
import { Sending } from "./sending.js";

/** Who hangs up does not wait longer for a server that does not answer. */
const HANG_UP_WAIT_MS = 2000;

export class Call implements T.Call {
  readonly kind = "Call";
  readonly id: string;
  readonly direction: T.CallDirection;
  readonly info: Info;
  state: T.CallState = "None";
  callEndReason: T.CallEndReason | undefined;
  isIncomingAudioMuted = false;
  role: T.ParticipantRole = "Unknown";
  totalParticipantCount = 0;

  readonly capabilities = new Capabilities();
  readonly network = new Diagnostics<T.NetworkDiagnosticType>();
  readonly media = new Diagnostics<T.MediaDiagnosticType>();
  readonly recording = new Recording();
  readonly transcription = new Transcription();
  readonly dominant = new DominantSpeakers();
  readonly hands = new RaiseHand((raised) => this.ask("call.hand", { raised }));
  readonly reactions = new Reactions((reaction) => this.ask("call.react", { reaction }));
  readonly text = new RealTimeText((text, final, seq) => this.ask("call.text", { text, final, seq }));
  readonly spotlight = new Spotlight(
    () => this.agent.rawId,
    ({ add, remove, clear }) =>
      this.ask("call.spotlight", { add: this.numbersOf(add), remove: this.numbersOf(remove), clear }),
  );
  readonly access = new MediaAccessList((change, rawIds) =>
    this.ask("call.access", { ...change, p: this.numbersOf(rawIds) }),
  );
  readonly data = new DataChannels({
    numbersOf: (rawIds) => this.roster.numbersOf(rawIds),
    rawIdOf: (p) => this.roster.rawIdOf(p),
    send: (part, isReliable) => this.connection.sendData(part, isReliable),
  });
  readonly stats = new MediaStats(() => this.statsReader());
  readonly roster: Roster;
  readonly sending: Sending;
  readonly connection: Connection;

  private readonly emitter = new Emitter<T.CallEvents>();
  private readonly features = new Map<unknown, unknown>();
  private readonly wants: Wants;
  private readonly reporter = new Reporter({
    read: () => this.connection.statistics(),
    say: (report) => this.say("media.report", { ...report }),
  });
  private readonly quality = new QualityWatch(this.network, this.statsReader(), (share) =>
    this.connection.redundancy.judge(share),
  );
  private p = 0;
  /** What the server was told last. */
  private toldMuted = false;
  private wasAsked = false;
  private isHeld = false;
  private isOver = false;

  constructor(
    private readonly agent: CallAgent,
    private readonly beginning: Beginning,
  ) {
    this.id = beginning.id;
    this.direction = beginning.direction;
    this.info = new Info(beginning.groupId);
    const call = this;
    this.roster = new Roster({
      rawId: agent.rawId,
      get p() {
        return call.p;
      },
      events: this.emitter,
      wantChanged: () => this.wants.changed(),
      mute: (p) => this.ask("call.muteOthers", { p }),
      left: (p) => this.data.forget(p),
      noted: (rawId, wire) => this.noted(rawId, wire),
    });
    this.wants = new Wants(
      () => this.roster.streams,
      (wish) => this.say("media.want", wish),
    );
    this.sending = new Sending(
      {
        devices: agent.devices,
        diagnostics: this.media,
        events: this.emitter,
        tellSources: (sources) => this.connection.isJoined && this.say("media.sources", { ...sources }),
      },
      beginning.options,
    );
    this.connection = new Connection(
      {
        agent,
        sending: this.sending,
        ask: this.ask,
        isHandRaised: () => this.hands.getRaisedHands().some((hand) => rawIdOf(hand.identifier) === agent.rawId),
        joined: (joined) => this.joined(joined),
        slotsChanged: () => this.showSlots(),
        showTrouble: (isThere) => this.showTrouble(isThere),
        dataCame: (part) => this.data.receive(part),
        lost: () => this.finish(reasonOf(CONNECTION_LOST)),
      },
      beginning.lines,
      beginning.link,
    );
  }

  get callerInfo(): T.CallerInfo {
    return { ...this.beginning.callerInfo };
  }
  get isMuted(): boolean {
    return this.sending.isMuted;
  }
  get isScreenSharingOn(): boolean {
    return this.sending.isScreenOn;
  }
  get isLocalVideoStarted(): boolean {
    return this.sending.isCameraOn;
  }
  get localVideoStreams(): ReadonlyArray<T.LocalVideoStream> {
    return this.sending.videoStreams;
  }
  get localAudioStreams(): ReadonlyArray<T.LocalAudioStream> {
    return [];
  }
  get remoteParticipants(): ReadonlyArray<T.RemoteParticipant> {
    return this.roster.all;
  }

  on: T.Call["on"] = this.emitter.on;
  off: T.Call["off"] = this.emitter.off;

  feature = <F>(token: T.CallFeatureFactory<F>): F => featureOf(token, this.features, this) as F;

  /** A request about this call. */
  ask = (t: string, body: Record<string, unknown>): Promise<Frame> =>
    this.agent.session.request(t, { leg: this.id, ...body });

  /** Asynchronous on purpose: `startCall` and `join` have returned by now, in state None. */
  begin(): void {
    queueMicrotask(() => {
      if (this.isOver) return;
      this.setState("Connecting");
      const { request, body } = this.beginning;
      const first = () => {
        this.wasAsked = true;
        this.toldMuted = this.isMuted;
        return { ...body, muted: this.isMuted, displayName: this.agent.displayName };
      };
      this.connection.open(request, first).catch((cause: unknown) => this.failed(cause));
    });
  }

  // ---- what the application does ----

  mute = async (): Promise<void> => {
    await this.sending.setMuted(true);
    await this.tellMuted(true);
  };

  unmute = async (): Promise<void> => {
    // The server first: it may not be allowed.
    await this.tellMuted(false);
    await this.sending.setMuted(false);
  };

  muteAllRemoteParticipants = async (): Promise<void> => void (await this.ask("call.muteOthers", {}));
  muteIncomingAudio = async (): Promise<void> => this.setDeaf(true);
  unmuteIncomingAudio = async (): Promise<void> => this.setDeaf(false);

  startVideo = (stream: T.LocalVideoStream): Promise<void> =>
    this.sending.startVideo(stream as unknown as LocalVideoStream);
  stopVideo = (stream: T.LocalVideoStream): Promise<void> => this.sending.stopVideo(stream);
  startScreenSharing = (stream?: T.LocalVideoStream): Promise<void> => this.sending.startScreen(stream);
  stopScreenSharing = (): Promise<void> => this.sending.stopScreen();

  hold = async (): Promise<void> => {
    await this.ask("call.hold", {});
    this.isHeld = true;
    await this.sending.setHeld(true);
    this.connection.setDeaf(true);
    this.setState("LocalHold");
  };
  resume = async (): Promise<void> => {
    await this.ask("call.resume", {});
    this.isHeld = false;
    this.connection.setDeaf(this.isIncomingAudioMuted);
    if (this.state === "LocalHold") this.setState("Connected");
    await this.sending.setHeld(false);
  };

  sendDtmf = async (tone: T.DtmfTone): Promise<void> => void (await this.ask("call.dtmf", { tone }));

  addParticipant = (identifier: CommunicationIdentifier, options?: T.AddPhoneNumberOptions): T.RemoteParticipant => {
    const rawId = rawIdOf(identifier);
    const person = this.roster.invite(rawId);
    const caller = options?.alternateCallerId;
    const added = this.ask("call.add", { to: [rawId], ...(caller ? { alternateCallerId: caller.phoneNumber } : {}) });
    added.catch(() => this.roster.uninvite(rawId));
    return person;
  };

  removeParticipant = async (identifier: CommunicationIdentifier): Promise<void> => {
    const numbers = this.roster.find(rawIdOf(identifier))?.numbers ?? [];
    if (numbers.length === 0) throw failure(404, 0, "The participant is not in the call.");
    await Promise.all(numbers.map((p) => this.ask("call.remove", { p })));
  };

  hangUp = async (options?: T.HangUpOptions): Promise<void> => {
    if (this.isOver) return;
    this.setState("Disconnecting");
    // Also for a request that has no answer yet: requests are done in order.
    if (this.wasAsked) {
      const forEveryone = options?.forEveryone ?? false;
      const said = this.reporter.report().then(() => this.ask("call.hangUp", { forEveryone }));
      await Promise.race([said.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, HANG_UP_WAIT_MS))]);
    }
    this.finish(reasonOf({ code: 0, subCode: 0 }));
  };

  /** The page goes: nothing that waits. */
  leaveAtOnce(): void {
    if (!this.isOver && this.wasAsked) this.ask("call.hangUp", {}).catch(() => undefined);
  }

  /** The way to the server is gone for good. */
  end(reason: WireReason): void {
    this.finish(reasonOf(reason));
  }

  // ---- what the server says ----

  handle(frame: Frame): void {
    if (!this.isOver) read(frame, this.listener);
  }

  private readonly listener: Listener = {
    leg: ({ state, role, capabilities }) => {
      // Role and capabilities first: the page looks at them when the state changes.
      if (role) this.setRole(role);
      if (capabilities) this.setCapabilities(capabilities);
      if (state) this.setState(state);
    },
    participants: (set, gone) => {
      this.roster.apply(set, gone);
      this.showSlots();
    },
    whole: (call) => this.setWhole(call),
    muted: () => {
      void this.mute().catch(() => undefined);
      this.emitter.emit("mutedByOthers");
    },
    reaction: (p, reaction) => this.reactions.show(this.roster.rawIdOf(p), reaction),
    text: (p, text) => {
      const rawId = this.roster.rawIdOf(p);
      const isLocal = p === this.p;
      const name = isLocal ? this.agent.displayName : this.roster.find(rawId)?.displayName;
      this.text.receive({ ...text, sender: senderOf(rawId, name), isLocal });
    },
    slots: (slots) => this.connection.setSlots(slots),
    need: (audio, video) => void this.connection.addLines({ audio, video }).catch(() => undefined),
    layers: (camera, isScreenWanted) => {
      if (this.beginning.isTest) return;
      void this.connection.link?.setWantedLayers(camera, isScreenWanted).catch(() => undefined);
    },
    speaking: (speaking, dominant) => {
      this.roster.setSpeaking(speaking);
      this.dominant.set(dominant.map((p) => this.roster.rawIdOf(p)).filter((rawId) => rawId !== ""));
    },
    over: (reason) => this.finish(reasonOf(reason)),
  };

  private joined({ p, serverCallId }: Joined): void {
    this.p = p;
    this.info.participantId = String(p);
    this.info.serverCallId = serverCallId ?? this.info.serverCallId;
    // Pressed while the request was on its way.
    if (this.isMuted !== this.toldMuted) void this.tellMuted(this.isMuted).catch(() => undefined);
    this.roster.expectWhole();
    this.wants.repeat();
    if (this.isHeld) void this.ask("call.hold", {}).catch(() => undefined);
  }

  private setRole(role: T.ParticipantRole): void {
    if (role === this.role) return;
    this.role = role;
    this.emitter.emit("roleChanged");
  }

  private setCapabilities(names: string[]): void {
    this.capabilities.set(names, "RoleChanged");
    // Whoever loses the right is not asked: the camera goes off, the screen is not shared any more.
    if (!this.capabilities.has("turnVideoOn")) void this.sending.stopVideo().catch(() => undefined);
    if (!this.capabilities.has("shareScreen")) void this.sending.stopScreen().catch(() => undefined);
  }

  private setWhole(call: WireCall): void {
    this.info.threadId = call.threadId ?? undefined;
    this.recording.set(call.recording);
    this.transcription.set(call.transcription);
    this.spotlight.set(call.spotlight.map((p) => this.roster.rawIdOf(p)));
    if (call.count === this.totalParticipantCount) return;
    this.totalParticipantCount = call.count;
    this.emitter.emit("totalParticipantCountChanged");
  }

  private noted(rawId: string, wire: WireParticipant | undefined): void {
    this.hands.set(rawId, wire?.hand);
    if (rawId !== this.agent.rawId) this.access.set(rawId, wire && (wire.forbidden ?? []));
  }

  /** Gives each stream the track of the line that shows it. */
  private showSlots(): void {
    const { link } = this.connection;
    for (const stream of this.roster.streams) {
      stream.setTrack(link?.trackOf(stream.p, stream.mediaStreamType === "ScreenSharing" ? "screen" : "camera"));
    }
  }

  private showTrouble(isThere: boolean): void {
    this.network.set("noNetwork", isThere && !navigator.onLine);
    this.network.set("networkReconnect", isThere ? DiagnosticQuality.Bad : DiagnosticQuality.Good);
  }

  // ---- inside ----

  private numbersOf(rawIds: readonly string[] | undefined): number[] | undefined {
    return rawIds && this.roster.numbersOf(rawIds);
  }

  private statsReader() {
    const kindOf = (source: string) => (source === "screen" ? "ScreenSharing" : "Video");
    const read = () =>
      this.connection.statsReader(
        (p, source) => this.roster.streams.find((one) => one.p === p && one.mediaStreamType === kindOf(source))?.id,
      );
    // Asked for while the call is being made: there is no connection to read yet.
    let reader: ReturnType<typeof read> | undefined;
    return async () => (reader ??= read())();
  }

  private say(t: string, body: Record<string, unknown>): void {
    // Of wishes and reports only the newest counts.
    const key = t === "media.sources" ? undefined : `${t} ${this.id}`;
    this.agent.session.say(t, { leg: this.id, ...body }, key);
  }

  private async tellMuted(muted: boolean): Promise<void> {
    // Before the call stands, its request or `joined` tells.
    if (!this.connection.isJoined) return;
    this.toldMuted = muted;
    await this.ask("call.mute", { muted });
  }

  private setDeaf(isDeaf: boolean): void {
    this.isIncomingAudioMuted = isDeaf;
    if (!this.isHeld) this.connection.setDeaf(isDeaf);
  }

  private failed(cause: unknown): void {
    if (!this.isOver && this.connection.isJoined) this.ask("call.hangUp", {}).catch(() => undefined);
    this.finish(reasonFor(cause, NEGOTIATION_FAILED));
  }

  /** The reason first, then the state, then the removal (rule 7). */
  private finish(reason: T.CallEndReason): void {
    if (this.isOver) return;
    this.isOver = true;
    this.callEndReason = reason;
    this.wants.stop();
    this.quality.stop();
    this.reporter.stop();
    this.stats.dispose();
    this.data.close();
    this.sending.close();
    this.connection.close();
    this.setState("Disconnected");
    this.agent.remove(this);
  }

  private setState(state: T.CallState): void {
    if (state === this.state || this.state === "Disconnected") return;
    // A word of the server that was on its way does not bring a call back.
    if (this.state === "Disconnecting" && state !== "Disconnected") return;
    this.state = state;
    if (state === "Connected") {
      this.quality.start();
      this.reporter.start();
    }
    this.emitter.emit("stateChanged");
  }
}
