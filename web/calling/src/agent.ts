/** A user at this page: places, takes and holds calls over one session. */

import type { CommunicationIdentifier } from "@azure/communication-common";
import { Call } from "./call/call.js";
import { type Beginning, GROUP_LINES, type Lines, PAIR_LINES } from "./call/info.js";
import { CONNECTION_LOST } from "./codes.js";
import type { Devices } from "./devices/manager.js";
import { Emitter } from "./emitter.js";
import { type CommunicationServicesError, failure } from "./errors.js";
import { rawIdOf } from "./identifiers.js";
import { IncomingCall } from "./incoming.js";
import type { LinkOptions } from "./media/link.js";
import type { Frame, Ring, WireReason } from "./signalling/messages.js";
import type { Session } from "./signalling/session.js";
import type { LocalVideoStream } from "./streams/local-video.js";
import type * as T from "./types.js";

type Locator = T.GroupCallLocator | T.RoomCallLocator | T.TeamsMeetingLinkLocator | T.TeamsMeetingIdLocator;

/** It answers everybody. */
const ECHO_TEST = "8:echo123";

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface AgentParts {
  session: Session;
  devices: Devices;
  /** The raw id of the user. */
  rawId: string;
  displayName: string | undefined;
  /** Relays of the application; with them nothing else is used. */
  relays: RTCIceServer[] | undefined;
  onDispose: () => void;
}

export class CallAgent implements T.CallAgent {
  readonly kind = "CallAgent";
  connectionState: T.ConnectionState = "Connected";
  private readonly emitter = new Emitter<T.AgentEvents<T.Call, T.IncomingCall>>();
  private list: Call[] = [];
  private readonly ringing = new Map<string, IncomingCall>();
  private isDisposed = false;
  private networkType = networkInformation()?.type;

  constructor(private readonly parts: AgentParts) {
    const { events } = parts.session;
    events.on("message", (frame) => this.handle(frame));
    events.on("state", (state) => this.sessionChanged(state));
    events.on("renewed", () => {
      for (const call of this.list) call.connection.recovery.sessionRenewed();
    });
    events.on("refused", (cause) => this.refused(cause));
    addEventListener("pagehide", this.onPageHide);
    addEventListener("pageshow", this.onWake);
    addEventListener("online", this.onNetwork);
    networkInformation()?.addEventListener("change", this.onConnectionChange);
    document.addEventListener("visibilitychange", this.onWake);
  }

  get session(): Session {
    return this.parts.session;
  }
  get devices(): Devices {
    return this.parts.devices;
  }
  get rawId(): string {
    return this.parts.rawId;
  }
  get displayName(): string | undefined {
    return this.parts.displayName;
  }
  get calls(): ReadonlyArray<T.Call> {
    return [...this.list];
  }

  /** @internal For a media connection with these lines. */
  linkOptions(lines: Lines): LinkOptions {
    const { relays } = this.parts;
    const iceServers = relays ?? this.session.welcome?.iceServers ?? [];
    return { iceServers, isRelayOnly: relays !== undefined, lines };
  }

  on: T.CallAgent["on"] = this.emitter.on;
  off: T.CallAgent["off"] = this.emitter.off;

  /** Synchronous: the call is there, in state None, and in `calls` (rule 4). */
  startCall = (to: CommunicationIdentifier[], options?: T.StartCallOptions): T.Call => {
    if (to.length === 0) throw failure(400, 41000, "startCall needs somebody to call.");
    const { alternateCallerId, customContext } = options ?? {};
    const body = {
      to: to.map(rawIdOf),
      ...(customContext ? { customContext } : {}),
      ...(alternateCallerId ? { alternateCallerId: alternateCallerId.phoneNumber } : {}),
    };
    return this.make({ request: "call.start", body, options, lines: to.length === 1 ? PAIR_LINES : GROUP_LINES });
  };

  join = (locator: Locator, options?: T.JoinCallOptions): T.Call => {
    checkLocator(locator);
    const group = "groupId" in locator ? { groupId: locator.groupId } : {};
    return this.make({ request: "call.join", body: { locator: { ...locator } }, options, lines: GROUP_LINES, ...group });
  };

  /** @internal A call to the echo test. */
  startTest(camera: LocalVideoStream | undefined): Call {
    const options = camera ? { videoOptions: { localVideoStreams: [camera] } } : undefined;
    return this.make({ request: "call.start", body: { to: [ECHO_TEST] }, options, lines: PAIR_LINES, isTest: true });
  }

  dispose = async (): Promise<void> => {
    if (this.isDisposed) return;
    this.isDisposed = true;
    await Promise.all(this.list.map((call) => call.hangUp()));
    this.leavePage();
    this.session.dispose();
    this.parts.onDispose();
  };

  /** @internal A call came to be. */
  add(call: Call): void {
    this.list = [...this.list, call];
    this.emitter.emit("callsUpdated", { added: [call], removed: [] });
  }

  /** @internal A call is over. */
  remove(call: Call): void {
    if (!this.list.includes(call)) return;
    this.list = this.list.filter((one) => one !== call);
    this.emitter.emit("callsUpdated", { added: [], removed: [call] });
  }

  /** @internal It rings no more. */
  forget(incoming: IncomingCall): void {
    this.ringing.delete(incoming.id);
  }

  private make(given: Omit<Beginning, "id" | "direction" | "callerInfo">): Call {
    if (this.isDisposed) throw failure(400, 40400, "The call agent is disposed.");
    const call = new Call(this, { ...given, id: crypto.randomUUID(), direction: "Outgoing", callerInfo: {} });
    this.add(call);
    call.begin();
    return call;
  }

  private handle(frame: Frame): void {
    const leg = String(frame["leg"] ?? "");
    if (frame.t === "ring") this.ring(frame as unknown as Ring);
    else if (frame.t === "ring.over") this.ringing.get(leg)?.ended(frame["reason"] as WireReason);
    else this.list.find(({ id }) => id === leg)?.handle(frame);
  }

  private ring(ring: Ring): void {
    // It rings again when the server was away.
    if (!this.ringing.has(ring.leg)) {
      const incomingCall = new IncomingCall(this, ring);
      this.ringing.set(ring.leg, incomingCall);
      this.emitter.emit("incomingCall", { incomingCall });
    }
    this.session.say("ring.seen", { leg: ring.leg });
  }

  private sessionChanged(newState: T.ConnectionState): void {
    const oldState = this.connectionState;
    if (oldState === newState) return;
    this.connectionState = newState;
    for (const { connection } of this.list) {
      if (newState === "Connected") connection.recovery.sessionBack();
      else connection.recovery.sessionLost();
    }
    this.emitter.emit("connectionStateChanged", { oldState, newState });
    if (newState === "Disconnected") this.endAll(CONNECTION_LOST);
  }

  private refused({ code, subCode, message }: CommunicationServicesError): void {
    this.endAll({ code, subCode, message });
  }

  private endAll(reason: WireReason): void {
    for (const call of this.list) call.end(reason);
    for (const incoming of [...this.ringing.values()]) incoming.ended(reason);
  }

  // ---- the page ----

  private leavePage(): void {
    removeEventListener("pagehide", this.onPageHide);
    removeEventListener("pageshow", this.onWake);
    removeEventListener("online", this.onNetwork);
    networkInformation()?.removeEventListener("change", this.onConnectionChange);
    document.removeEventListener("visibilitychange", this.onWake);
  }

  private readonly onPageHide = (event: PageTransitionEvent): void => {
    // A page in the back-forward cache may come back.
    if (!event.persisted) for (const call of this.list) call.leaveAtOnce();
  };

  /** Timers of a hidden page stand still for minutes: the connection may be gone without a word. */
  private readonly onWake = (): void => {
    if (!document.hidden) this.session.check();
  };

  private readonly onConnectionChange = (): void => {
    // It also tells of every estimate of the speed.
    const { type } = networkInformation() ?? {};
    if (type === this.networkType) return;
    this.networkType = type;
    this.onNetwork();
  };

  private readonly onNetwork = (): void => {
    this.session.check();
    for (const { connection } of this.list) connection.recovery.networkChanged();
  };
}

function checkLocator(locator: Locator): void {
  if ("groupId" in locator && !GUID.test(locator.groupId)) {
    throw failure(400, 41001, "The group id must be a GUID.");
  }
  // The library looks for this very text.
  if ("meetingLink" in locator && !URL.canParse(locator.meetingLink)) {
    throw failure(400, 41002, "Invalid meeting link");
  }
}

/** Chromium says when a phone goes from Wi-Fi to mobile data. */
function networkInformation(): (EventTarget & { type?: string }) | undefined {
  return (navigator as Navigator & { connection?: EventTarget & { type?: string } }).connection;
}
