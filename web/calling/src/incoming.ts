/** Somebody calls. Its id is that of the call it becomes: that is how the toast goes away. */

import type { CallAgent } from "./agent.js";
import { Call } from "./call/call.js";
import { GROUP_LINES, Info, type Lines, PAIR_LINES } from "./call/info.js";
import { NOT_ANSWERED } from "./codes.js";
import { Emitter } from "./emitter.js";
import { failure, reasonOf } from "./errors.js";
import { identifierOf } from "./identifiers.js";
import { MediaLink } from "./media/link.js";
import type { Ring, WireReason } from "./signalling/messages.js";
import type * as T from "./types.js";

/** The server says when it is over; this is for a server that was away just then. */
const GRACE_MS = 5000;
/** After the page has shown that it rings: what is made then costs it some tens of milliseconds. */
const PREPARE_MS = 100;

export class IncomingCall implements T.IncomingCall {
  readonly kind = "IncomingCall";
  readonly id: string;
  readonly info = new Info(undefined);
  readonly customContext: T.CustomCallContext | undefined;
  callEndReason: T.CallEndReason | undefined;
  private readonly emitter = new Emitter<{ callEnded: [{ callEndReason: T.CallEndReason }] }>();
  private readonly timer: ReturnType<typeof setTimeout>;
  private readonly preparing: ReturnType<typeof setTimeout>;
  /** Made while it rings, so that accepting is quick. No device is asked for, and nothing goes over the network. */
  private link: MediaLink | undefined;

  constructor(
    private readonly agent: CallAgent,
    private readonly ring: Ring,
  ) {
    this.id = ring.leg;
    this.customContext = ring.customContext;
    const leftMs = Math.max(0, ring.until - agent.session.now()) + GRACE_MS;
    this.timer = setTimeout(() => this.over(reasonOf(NOT_ANSWERED)), leftMs);
    this.preparing = setTimeout(() => (this.link = new MediaLink(agent.linkOptions(this.lines))), PREPARE_MS);
  }

  private get lines(): Lines {
    return this.ring.kind === "oneToOne" ? PAIR_LINES : GROUP_LINES;
  }

  get callerInfo(): T.CallerInfo {
    const { user, name } = this.ring.from;
    return { identifier: identifierOf(user), ...(name ? { displayName: name } : {}) };
  }

  on: T.IncomingCall["on"] = this.emitter.on;
  off: T.IncomingCall["off"] = this.emitter.off;

  accept = async (options?: T.AcceptCallOptions): Promise<T.Call> => {
    if (this.callEndReason) throw failure(487, 0, "The call does not ring any more.");
    const { link } = this;
    this.link = undefined;
    const call = new Call(this.agent, {
      request: "call.accept",
      body: {},
      id: this.id,
      direction: "Incoming",
      callerInfo: this.callerInfo,
      options,
      lines: this.lines,
      ...(link ? { link } : {}),
    });
    this.agent.add(call);
    call.begin();
    this.over(reasonOf({ code: 0, subCode: 0 }));
    return call;
  };

  reject = async (): Promise<void> => {
    await this.agent.session.request("call.reject", { leg: this.id });
    this.over(reasonOf({ code: 603, subCode: 0 }));
  };

  /** The server says that it is over. */
  ended(reason: WireReason): void {
    this.over(reasonOf(reason));
  }

  private over(callEndReason: T.CallEndReason): void {
    if (this.callEndReason) return;
    clearTimeout(this.timer);
    clearTimeout(this.preparing);
    this.link?.close();
    this.callEndReason = callEndReason;
    this.agent.forget(this);
    this.emitter.emit("callEnded", { callEndReason: { ...callEndReason } });
  }
}
