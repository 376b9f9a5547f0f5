/** What one sender says on one channel. */

import { Emitter } from "../emitter.js";
import { identifierOf } from "../identifiers.js";
import type * as T from "../types.js";
import { Assembly, type Part } from "./framing.js";

/** Messages that the application has not read; the oldest go first. */
const UNREAD_MAX = 1000;
/** A sender who says nothing for so long has closed. */
const SILENCE_MS = 120_000;

export class DataChannelReceiver implements T.DataChannelReceiver {
  isClosed = false;
  private readonly emitter = new Emitter<T.Changes<"messageReady" | "close">>();
  private readonly assembly = new Assembly();
  private unread: T.DataChannelMessage[] = [];
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly channelId: number,
    private readonly rawId: string,
    private readonly onClose: () => void,
  ) {
    this.listen();
  }

  get senderParticipantIdentifier(): T.DataChannelReceiver["senderParticipantIdentifier"] {
    return identifierOf(this.rawId);
  }

  on: T.DataChannelReceiver["on"] = this.emitter.on;
  off: T.DataChannelReceiver["off"] = this.emitter.off;

  readMessage = (): T.DataChannelMessage | undefined => this.unread.shift();

  take(part: Part): void {
    this.listen();
    const data = this.assembly.add(part);
    if (!data) return;
    this.unread.push({ data, sequenceNumber: part.sequence });
    if (this.unread.length > UNREAD_MAX) this.unread.shift();
    this.emitter.emit("messageReady");
  }

  /** What came can still be read. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.silence);
    this.onClose();
    this.emitter.emit("close");
  }

  private listen(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.close(), SILENCE_MS);
  }
}
