/**
 * A numbered conversation with the server that outlives its sockets.
 *
 *   connecting ─ welcome ─► open ─ socket lost ─► waiting ─ resumed ─► open
 *                                                   └─ session unknown ─► hello again, `renewed`: calls rejoin
 *
 * A socket whose way is gone says nothing. So when a ping is not answered soon, a second socket is opened beside it: the
 * session goes on over the new one if that is open before the answer comes, and nothing has happened if not.
 */

import { Emitter } from "../emitter.js";
import { CommunicationServicesError, failure } from "../errors.js";
import { Timers } from "../timers.js";
import type { Frame, Welcome } from "./messages.js";
import { Requests } from "./requests.js";
import { type OpenTransport, Socket } from "./socket.js";
import { Window } from "./window.js";

export interface SessionOptions {
  url: string;
  open: OpenTransport;
  /** The access token of now; the application renews it behind this. */
  token: () => Promise<string>;
  hello: Record<string, unknown>;
}

type Events = {
  /** A message that is no reply. */
  message: [Frame];
  state: ["Connected" | "Reconnecting" | "Disconnected"];
  /** The server did not know the session any more; this is a new one. */
  renewed: [];
  /** The server does not want this client. */
  refused: [CommunicationServicesError];
};

/** From one attempt at a new socket to the next, at least; the last one repeats. */
const PAUSES_MS = [0, 250, 500, 1000, 2000, 4000, 5000];
/** Everybody of a server that restarts comes back within this time. */
const RESTART_SPREAD_MS = 2000;
/** How long after a ping a second socket is opened, and how long after it the first one is given up. */
const ROUTINE = { spareAfterMs: 1000, waitMs: 5000 };
/** Where something speaks for a lost way: longer than an answer takes on a good network. */
const SUSPICION = { spareAfterMs: 500, waitMs: 1500 };
/** A server that stood still for a moment does not get a second socket of everybody at once. */
const SPARE_SPREAD_MS = 300;
/** A page that was busy hears an answer that has come meanwhile after its timers. */
const HEAR_MS = 50;
/** The first connection, with all its attempts. */
const WELCOME_WAIT_MS = 10_000;
/** One socket: from opening it to `welcome` or `resumed`. */
const GREETING_WAIT_MS = 5000;
/** An attempt this old when the network changes probably belongs to the one before. */
const OLD_ATTEMPT_MS = 1000;
/** What the application may take to bring a token. */
const TOKEN_WAIT_MS = 10_000;
const ACK_AFTER_MS = 1000;
/** Bare acknowledgement at once: the server stops at 512. */
const ACK_AFTER_MESSAGES = 32;
const REDIRECTS_MAX = 3;
/** So often in a row a node is tried again that kept the session and cannot be reached: it, or only the way to it. */
const NODE_TRIES = 5;
/** How long a call may be away, where the server does not say. */
const REJOIN_SECONDS = 120;

/** The socket ended without a word. */
const LOST = 1006;
const UNKNOWN_SESSION = 4410;
const TAKEN_OVER = 4409;
const RESTARTS = 1012;
/** Refusals that a new socket would meet again. */
const FINAL = new Map([
  [4401, { code: 401, subCode: 10009, message: "The access token is not valid." }],
  [4403, { code: 403, subCode: 0, message: "The access token or the page's origin is not allowed to call." }],
]);

export class Session {
  readonly events = new Emitter<Events>();
  welcome: Welcome | undefined;
  private socket: Socket | undefined;
  /** Opened while the first one is in doubt; it has said nothing yet. */
  private spare: Socket | undefined;
  private readonly window = new Window();
  private readonly requests = new Requests();
  private readonly timers = new Timers<
    "token" | "welcome" | "connect" | "greeting" | "ping" | "spare" | "pong" | "ack"
  >();
  /** Empty until the application has brought the first one. */
  private token = "";
  private attempts = 0;
  private redirects = 0;
  /** Where the session is: at the address of the service, or at the node to which that redirected. */
  private url: string;
  private failures = 0;
  private unacknowledged = 0;
  private clockAhead = 0;
  /** What the newest ping said, which its answer repeats. */
  private pingedAt = 0;
  private pauseMs: number | undefined;
  /** Whether the present socket has said `welcome` or `resumed`: before that, what is said waits. */
  private isOpen = false;
  private isOver = false;
  private isRenewing = false;
  private starting: { resolve: (welcome: Welcome) => void; reject: (cause: Error) => void } | undefined;

  constructor(private readonly options: SessionOptions) {
    this.url = options.url;
  }

  /** How long somebody who lost the connection may come back into a call. */
  get rejoinForMs(): number {
    return (this.welcome?.rejoinFor_s ?? REJOIN_SECONDS) * 1000;
  }

  start(): Promise<Welcome> {
    return new Promise((resolve, reject) => {
      this.starting = { resolve, reject };
      this.timers.set("welcome", WELCOME_WAIT_MS, () =>
        this.refuse(failure(408, 4506, "The calling service does not answer.")),
      );
      void this.connect();
    });
  }

  /** Sends a request; resolves with its reply. Sent again after a lost socket, done once. */
  request(t: string, body: Record<string, unknown>): Promise<Frame> {
    if (this.isOver) return Promise.reject(failure(410, 301005, "The connection to the calling service is closed."));
    if (this.window.isFull) return Promise.reject(failure(429, 0, "Too much waits for the calling service."));
    const { id, reply } = this.requests.add();
    this.put({ t, id, ...body });
    return reply;
  }

  /** `key`: of what is said under one key, only the newest is sent when the socket is back. */
  say(t: string, body: Record<string, unknown>, key?: string): void {
    if (!this.isOver && !this.window.isFull) this.put({ t, ...body }, key);
  }

  /** The server's clock, in milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.clockAhead;
  }

  /** Looks at once whether the connection is still there: the network changed, or the page woke up. */
  check(): void {
    if (this.isOpen) {
      if (this.spare && !this.spare.isOpen && isOld(this.spare)) this.openSpare();
      return this.ping(SUSPICION);
    }
    if (this.socket && isOld(this.socket)) this.socket.drop(LOST);
    // No reason to sit a pause out.
    if (this.timers.isSet("connect")) this.timers.set("connect", 0, () => void this.connect());
  }

  dispose(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.isOpen = false;
    this.timers.cancelAll();
    this.socket?.leave();
    this.spare?.leave();
    this.requests.failAll(failure(410, 301005, "The connection to the calling service is closed."));
    this.events.emit("state", "Disconnected");
  }

  // ---- sockets ----

  private async connect(): Promise<void> {
    let token: string;
    try {
      token = await this.tokenInTime();
    } catch (cause) {
      if (this.isOver) return;
      if (this.token === "") {
        return this.refuse(failure(401, 10009, `No access token: ${(cause as Error).message}`));
      }
      // Whoever issues tokens is out of reach, as the server was: the server says whether the old one still counts.
      token = this.token;
    }
    if (this.isOver) return;
    this.awaitGreeting();
    this.socket = new Socket(this.url, this.options.open, {
      opened: () => this.greet(token),
      heard: (frame) => this.hear(frame),
      lost: (code) => this.lost(code),
    });
  }

  /** The application's token; fails when it takes too long, so that a connection is tried all the same. */
  private tokenInTime(): Promise<string> {
    return new Promise((settle, fail) => {
      this.timers.set("token", TOKEN_WAIT_MS, () => fail(new Error("it took too long")));
      const cancel = () => this.timers.cancel("token");
      this.options.token().then(settle, fail).then(cancel);
    });
  }

  private awaitGreeting(): void {
    this.timers.set("greeting", GREETING_WAIT_MS, () => this.socket?.drop(LOST));
  }

  /** Nobody is asked for a token: the session has one, and the server says when that ends. */
  private openSpare(): void {
    this.leaveSpare();
    const spare: Socket = new Socket(this.url, this.options.open, {
      opened: () => (spare === this.spare ? this.socket?.drop(LOST) : this.greet(this.token)),
      heard: (frame) => spare === this.socket && this.hear(frame),
      lost: (code) => {
        if (spare === this.socket) this.lost(code);
        else this.spare = undefined;
      },
    });
    this.spare = spare;
  }

  private leaveSpare(): void {
    this.timers.cancel("spare");
    this.spare?.leave();
    this.spare = undefined;
  }

  /** The second socket takes the place of the lost one, whether it is open or not yet. */
  private changeTo(spare: Socket): void {
    this.spare = undefined;
    this.socket = spare;
    this.awaitGreeting();
    if (spare.isOpen) this.greet(this.token);
  }

  private greet(token: string): void {
    const { welcome, window } = this;
    if (!welcome) {
      this.socket?.send({ t: "hello", v: [1], token, ...this.options.hello });
    } else {
      const fresh = token === this.token ? {} : { token };
      const { session, resume } = welcome;
      this.socket?.send({ t: "resume", session, resume, a: window.received, ...fresh });
    }
    this.token = token;
  }

  private lost(code: number): void {
    this.failures = this.isOpen ? 0 : this.failures + 1;
    this.redirects = 0;
    // The node that had the session has it no more, or is gone: the service knows another.
    const isNodeGone = !this.welcome || code === UNKNOWN_SESSION || code === RESTARTS || this.failures >= NODE_TRIES;
    if (isNodeGone) this.url = this.options.url;
    this.isOpen = false;
    const triedAt = this.socket?.triedAt ?? 0;
    this.socket = undefined;
    for (const timer of ["greeting", "ping", "pong", "ack"] as const) this.timers.cancel(timer);
    // What the server says with a code holds for both sockets.
    if (code !== LOST) this.leaveSpare();
    this.timers.cancel("spare");
    if (this.isOver) return;
    const final = FINAL.get(code);
    if (final) return this.refuse(new CommunicationServicesError(final));
    // Another page has taken the session over; it must not be taken back.
    if (code === TAKEN_OVER) return this.dispose();
    // 4400: this conversation cannot go on, whoever made the mistake.
    if (code === UNKNOWN_SESSION || code === 4400) this.forget();
    if (!this.starting) this.events.emit("state", "Reconnecting");
    // Whoever was told may have ended it.
    if (this.isOver) return;
    if (this.spare) return this.changeTo(this.spare);
    this.timers.set("connect", this.pause(code, triedAt), () => void this.connect());
  }

  private pause(code: number, triedAt: number): number {
    const asked = this.pauseMs;
    this.pauseMs = undefined;
    if (asked !== undefined) return asked;
    if (code === RESTARTS) return Math.random() * RESTART_SPREAD_MS;
    // The server has just answered.
    if (code === UNKNOWN_SESSION) return 0;
    const pause = PAUSES_MS[Math.min(this.attempts++, PAUSES_MS.length - 1)] as number;
    // Waiting for what never opened was a pause, too.
    return Math.max(0, pause * (0.8 + Math.random() * 0.4) - (performance.now() - triedAt));
  }

  /** The next socket says hello; what waited for the old session is void. */
  private forget(): void {
    if (!this.welcome) return;
    this.welcome = undefined;
    this.isRenewing = true;
    this.window.reset();
    this.requests.failAll(failure(503, 0, "The connection was lost before an answer came."));
  }

  // ---- what the server says ----

  private hear(frame: Frame): void {
    if (typeof frame.a === "number") this.window.acknowledge(frame.a);
    switch (frame.t) {
      case "welcome":
        return this.opened(frame as unknown as Welcome);
      case "resumed":
        this.opened({ ...(this.welcome as Welcome), ...resumedPart(frame) });
        // Until it hears something, the server takes a `resume` for good that a socket before this one may still bring.
        return this.acknowledge();
      case "redirect":
        return this.redirect(String(frame["url"]));
      case "bye":
        return this.bye(frame);
      case "pong":
        // That of an older one says nothing of the way as it is now.
        if (frame["at"] !== this.pingedAt) return;
        this.timers.cancel("pong");
        return this.leaveSpare();
    }
    if (typeof frame.n === "number") this.take(frame.n, frame);
    else this.pump();
  }

  private take(n: number, frame: Frame): void {
    const heard = this.window.hear(n);
    if (heard === "gap") return this.socket?.drop(LOST);
    this.acknowledgeSoon();
    if (heard === "seen") return;
    if (frame.re) this.requests.settle(frame);
    else if (frame.t === "token.needed") void this.renewToken();
    else this.events.emit("message", frame);
    this.pump();
  }

  private opened(welcome: Welcome): void {
    if (!this.welcome) this.clockAhead = welcome.now - Date.now();
    this.welcome = welcome;
    this.isOpen = true;
    this.attempts = 0;
    this.redirects = 0;
    this.timers.cancel("welcome");
    this.timers.cancel("greeting");
    for (const text of this.window.repeat()) this.socket?.sendText(text);
    this.pump();
    this.pingSoon();
    const { starting, isRenewing } = this;
    this.starting = undefined;
    this.isRenewing = false;
    starting?.resolve(welcome);
    if (!starting) this.events.emit("state", "Connected");
    if (isRenewing) this.events.emit("renewed");
  }

  private redirect(url: string): void {
    this.redirects += 1;
    if (this.redirects > REDIRECTS_MAX) return this.refuse(failure(503, 0, "The calling service sends in circles."));
    this.url = url;
    this.socket?.leave();
    void this.connect();
  }

  private bye(frame: Frame): void {
    const code = Number(frame["code"]);
    if (typeof frame["retryAfter_ms"] === "number") this.pauseMs = frame["retryAfter_ms"];
    if (frame["retry"] === true || code === UNKNOWN_SESSION || code === TAKEN_OVER) return this.socket?.drop(code);
    const final = FINAL.get(code) ?? { code: 403, subCode: 0, message: "" };
    this.refuse(new CommunicationServicesError({ ...final, message: String(frame["reason"] ?? final.message) }));
  }

  private refuse(cause: CommunicationServicesError): void {
    if (this.isOver) return;
    this.starting?.reject(cause);
    this.starting = undefined;
    this.requests.failAll(cause);
    this.events.emit("refused", cause);
    this.dispose();
  }

  // ---- what we say ----

  private put(body: Record<string, unknown>, key?: string): void {
    this.window.put(body, key);
    this.pump();
  }

  private pump(): void {
    while (this.isOpen) {
      const next = this.window.next;
      const isRequest = next?.["id"] !== undefined;
      if (!next || (isRequest && this.requests.isFull)) return;
      if (isRequest) this.requests.wasSent();
      this.unacknowledged = 0;
      this.timers.cancel("ack");
      this.socket?.sendText(this.window.take());
    }
  }

  private acknowledgeSoon(): void {
    this.unacknowledged += 1;
    if (this.unacknowledged >= ACK_AFTER_MESSAGES) this.acknowledge();
    else if (!this.timers.isSet("ack")) this.timers.set("ack", ACK_AFTER_MS, () => this.acknowledge());
  }

  private acknowledge(): void {
    this.unacknowledged = 0;
    this.timers.cancel("ack");
    if (this.isOpen) this.socket?.send({ a: this.window.received });
  }

  private pingSoon(): void {
    this.timers.set("ping", (this.welcome?.ping_s ?? 10) * 1000, () => {
      this.ping(ROUTINE);
      this.pingSoon();
    });
  }

  /** Of two questions that wait for an answer the more impatient one counts. */
  private ping({ spareAfterMs, waitMs }: typeof ROUTINE): void {
    // The timers first: a transport of a test answers within `send`.
    this.timers.hasten("pong", waitMs, () => this.socket?.drop(LOST));
    const open = (): void => this.timers.set("spare", HEAR_MS, () => this.openSpare());
    if (!this.spare) this.timers.hasten("spare", spareAfterMs + Math.random() * SPARE_SPREAD_MS, open);
    this.pingedAt = Date.now();
    this.socket?.send({ t: "ping", at: this.pingedAt });
  }

  /** The server says so a minute before the end. The same token again would be no help. */
  private async renewToken(): Promise<void> {
    const token = await this.options.token().catch(() => this.token);
    if (token === this.token) return;
    this.token = token;
    await this.request("token", { token }).catch(() => undefined);
  }
}

function isOld({ triedAt }: Socket): boolean {
  return performance.now() - triedAt >= OLD_ATTEMPT_MS;
}

/** `resumed` brings a new secret, and relays only when they changed. */
function resumedPart(frame: Frame): Partial<Welcome> {
  const relays = frame["iceServers"] as RTCIceServer[] | undefined;
  return {
    ...(typeof frame["resume"] === "string" ? { resume: frame["resume"] } : {}),
    ...(relays && relays.length > 0 ? { iceServers: relays } : {}),
  };
}
