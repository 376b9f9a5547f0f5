/** The server's end of sockets, which a test can cut: it speaks the protocol, and knows nothing of calls. */

import type { Transport } from "../../src/signalling/socket.js";

export type Said = Record<string, unknown>;

export const ALICE = "8:acs:11111111-1111-1111-1111-111111111111_22222222-2222-2222-2222-222222222222";
export const BOB = "8:acs:11111111-1111-1111-1111-111111111111_33333333-3333-3333-3333-333333333333";
export const CAROL = "8:acs:11111111-1111-1111-1111-111111111111_44444444-4444-4444-4444-444444444444";

/** Answers a request: fields of the `ok`, or an `error`; undefined: no answer. */
export type Answer = (said: Said) => Said | undefined;

/** One socket as the server sees it. */
class Line {
  isOpen = true;
  /** Nothing comes through any more, either way, and neither side is told. */
  isDeaf = false;
  /** What the client closed it with: null without a code. */
  closedWith: number | null | undefined;

  constructor(
    readonly transport: Transport,
    readonly url: string,
  ) {}

  say(frame: Said): void {
    const data = JSON.stringify(frame);
    // A task of its own for each, as with real sockets.
    setImmediate(() => this.isOpen && !this.isDeaf && this.transport.onmessage?.({ data }));
  }

  /** Ends it from this side. */
  cut(code = 1006): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    setImmediate(() => this.transport.onclose?.({ code }));
  }
}

export class FakeServer {
  readonly lines: Line[] = [];
  /** Everything with a number that clients said, each once, without what every message has. */
  readonly heard: Said[] = [];
  /** First messages of sockets: hello and resume. */
  readonly greetings: Said[] = [];
  /** Messages without a number. */
  readonly bare: Said[] = [];
  answer: Answer = () => ({ t: "ok" });
  /** Whether sockets are opened at all, and whether greetings are answered. */
  isReachable = true;
  /** Sockets are neither opened nor refused. */
  isHanging = false;
  isSilent = false;
  knowsSessions = true;
  user = ALICE;
  rejoinFor_s: number | undefined;
  private session = 0;
  private seen = 0;
  private next = 1;
  private kept: { n: number; frame: Said }[] = [];

  readonly open = (url: string): Transport => {
    const transport: Transport = { send: () => {}, close: () => {}, onopen: null, onmessage: null, onclose: null };
    const line = new Line(transport, url);
    this.lines.push(line);
    transport.send = (text) => {
      const said = JSON.parse(text) as Said;
      setImmediate(() => line.isOpen && !line.isDeaf && this.hear(line, said));
    };
    transport.close = (code) => {
      line.isOpen = false;
      line.closedWith = code ?? null;
    };
    setImmediate(() => {
      if (this.isHanging) return;
      if (this.isReachable) transport.onopen?.();
      else line.cut();
    });
    return transport;
  };

  /** The socket of now. */
  get line(): Line {
    return this.lines[this.lines.length - 1] as Line;
  }

  /** The types of what was heard. */
  get types(): unknown[] {
    return this.heard.map(({ t }) => t);
  }

  last(t: string): Said {
    const found = this.heard.filter((one) => one["t"] === t).pop();
    if (!found) throw new Error(`${t} was not said, but ${this.types.join(", ")}`);
    return found;
  }

  /** Says something with a number, again after a resume. */
  say(frame: Said): void {
    const n = this.next++;
    this.kept.push({ n, frame });
    this.line.say({ n, a: this.seen, ...frame });
  }

  /** The server is another one now: it knows no session. */
  restart(): void {
    this.knowsSessions = false;
    this.line.cut(1012);
  }

  private hear(line: Line, said: Said): void {
    if (said["t"] === "hello" || said["t"] === "resume") this.greet(line, said);
    else if (said["t"] === "ping") line.say({ t: "pong", at: said["at"], now: 0 });
    if (typeof said["a"] === "number") this.kept = this.kept.filter(({ n }) => n > (said["a"] as number));
    if (typeof said["n"] !== "number") {
      if (said["t"] === undefined) this.bare.push(said);
      return;
    }
    const n = said["n"];
    if (n <= this.seen) return;
    if (n !== this.seen + 1) throw new Error(`the client left out ${this.seen + 1}`);
    this.seen = n;
    const { n: _, a: __, ...body } = said;
    this.heard.push(body);
    const reply = said["id"] === undefined ? undefined : this.answer(body);
    if (reply) this.say({ re: said["id"], ...reply });
  }

  private greet(line: Line, said: Said): void {
    this.greetings.push(said);
    if (this.isSilent) return;
    if (said["t"] === "hello") {
      this.session += 1;
      this.knowsSessions = true;
      [this.seen, this.next, this.kept] = [0, 1, []];
      line.say(this.welcome());
    } else if (!this.knowsSessions) {
      line.say({ t: "bye", code: 4410, reason: "unknown session", retry: true });
      line.cut(4410);
    } else {
      line.say({ t: "resumed", a: this.seen, resume: `secret-${this.lines.length}`, resumeFor_s: 120, iceServers: [] });
      const missed = this.kept.filter(({ n }) => n > Number(said["a"]));
      for (const { n, frame } of missed) line.say({ n, a: this.seen, ...frame });
    }
  }

  private welcome(): Said {
    return {
      t: "welcome",
      v: 1,
      session: `s-${this.session}`,
      resume: "secret-0",
      resumeFor_s: 30,
      ...(this.rejoinFor_s === undefined ? {} : { rejoinFor_s: this.rejoinFor_s }),
      user: this.user,
      now: 1_785_000_000_000,
      ping_s: 10,
      tokenEnds: 1_785_003_600_000,
      iceServers: [{ urls: ["turn:relay.example:3478"], username: "u", credential: "c" }],
    };
  }
}

/** Lets everything happen that needs no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
