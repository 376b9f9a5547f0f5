/** Text that the others read while it is being typed. */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";

export class RealTimeText implements T.RealTimeTextFeature {
  private readonly emitter = new Emitter<{ realTimeTextReceived: [T.RealTimeTextInfo] }>();
  /** The text being typed; the next one begins after a final one. */
  private sequence = 1;

  constructor(private readonly act: (text: string, isFinal: boolean, sequence: number) => Promise<unknown>) {}

  sendRealTimeText = async (text: string, finalized = false): Promise<void> => {
    const sequence = this.sequence;
    if (finalized) this.sequence += 1;
    await this.act(text, finalized, sequence);
  };

  /** A text came: the newest state of what somebody, perhaps the user, is typing. */
  receive(info: T.RealTimeTextInfo): void {
    this.emitter.emit("realTimeTextReceived", info);
  }

  on = this.emitter.on;
  off = this.emitter.off;
}
