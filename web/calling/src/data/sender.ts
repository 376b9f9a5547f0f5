/** One channel on which this side speaks. */

import type { CommunicationIdentifier } from "@azure/communication-common";
import { failure } from "../errors.js";
import { rawIdOf } from "../identifiers.js";
import { Turns } from "../turns.js";
import type * as T from "../types.js";
import { cut, LOSSY_PART_BYTES, MESSAGE_BYTES_MAX, RECIPIENTS_MAX, RELIABLE_PART_BYTES } from "./framing.js";
import { Pacer } from "./pacer.js";

/** What a sender needs of its call. */
export interface Outlet {
  /** Shared by all senders of the call: the server counts them together. */
  readonly pacer: Pacer;
  /** Of this side on this channel, whichever sender speaks. */
  nextSequence(): number;
  /** The numbers of everybody with these raw ids. */
  numbersOf(rawIds: readonly string[]): number[];
  /** Sends a part; resolves when the transport has taken it. */
  send(part: Uint8Array, isReliable: boolean): Promise<void>;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class DataChannelSender implements T.DataChannelSender {
  readonly maxMessageSizeInBytes = MESSAGE_BYTES_MAX;
  private readonly isReliable: boolean;
  private readonly isHigh: boolean;
  private readonly ownPacer: Pacer | undefined;
  private readonly turns = new Turns();
  private rawIds: string[] = [];
  private isClosed = false;

  constructor(
    readonly channelId: number,
    private readonly outlet: Outlet,
    options: T.DataChannelSenderOptions,
    private readonly onClose: () => void,
  ) {
    this.isReliable = options.reliability !== "Lossy";
    this.isHigh = options.priority === "High";
    this.ownPacer = options.bitrateInKbps ? new Pacer((options.bitrateInKbps * 1000) / 8) : undefined;
    this.setParticipants(options.participants ?? []);
  }

  setParticipants = (participants: CommunicationIdentifier[]): void => {
    if (participants.length > RECIPIENTS_MAX) {
      throw failure(400, 46000, `A data channel has at most ${RECIPIENTS_MAX} recipients.`);
    }
    this.rawIds = participants.map(rawIdOf);
  };

  sendMessage = (message: Uint8Array): Promise<void> => {
    if (message.length > MESSAGE_BYTES_MAX) {
      return Promise.reject(failure(413, 46001, `A message has at most ${MESSAGE_BYTES_MAX} bytes.`));
    }
    // What is in it now: the application may use its memory again.
    const copy = message.slice();
    return this.turns.take(() => this.send(copy));
  };

  close = (): void => {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onClose();
  };

  private async send(message: Uint8Array): Promise<void> {
    if (this.isClosed) throw failure(410, 46002, "The data channel is closed.");
    const recipients = this.outlet.numbersOf(this.rawIds);
    // Everybody who was named has left: nobody, and not everybody.
    if (this.rawIds.length > 0 && recipients.length === 0) return;
    const head = { channel: this.channelId, sequence: this.outlet.nextSequence(), recipients, isHigh: this.isHigh };
    for (const part of cut(head, message, this.isReliable ? RELIABLE_PART_BYTES : LOSSY_PART_BYTES)) {
      await this.wait(part.length, recipients.length === 0);
      await this.outlet.send(part, this.isReliable);
    }
  }

  private async wait(bytes: number, isBroadcast: boolean): Promise<void> {
    const waits = [this.outlet.pacer, this.ownPacer].map((pacer) => pacer?.take(bytes, isBroadcast) ?? 0);
    const longest = Math.max(...waits);
    if (longest > 0) await pause(longest);
  }
}
