/** The data channels of a call: senders of this side, and a receiver for each sender and channel of the others. */

import { Emitter } from "../emitter.js";
import { failure } from "../errors.js";
import type * as T from "../types.js";
import { readPart } from "./framing.js";
import { Pacer } from "./pacer.js";
import { DataChannelReceiver } from "./receiver.js";
import { DataChannelSender, type Outlet } from "./sender.js";

const CHANNEL_MAX = 65_535;
/** Senders times channels that are heard at once; who opens more is not heard. */
const RECEIVERS_MAX = 1024;

interface Owner extends Omit<Outlet, "pacer" | "nextSequence"> {
  /** Empty for a number that is nobody's. */
  rawIdOf(p: number): string;
}

export class DataChannels implements T.DataChannelCallFeature {
  private readonly emitter = new Emitter<{ dataChannelReceiverCreated: [T.DataChannelReceiver] }>();
  private readonly senders = new Map<number, DataChannelSender>();
  /** The last number on each channel. */
  private readonly sequences = new Map<number, number>();
  private readonly receivers = new Map<string, DataChannelReceiver>();
  private readonly pacer = new Pacer();
  private isOver = false;

  constructor(private readonly owner: Owner) {}

  on: T.DataChannelCallFeature["on"] = this.emitter.on;
  off: T.DataChannelCallFeature["off"] = this.emitter.off;

  createDataChannelSender = (options: T.DataChannelSenderOptions = {}): T.DataChannelSender => {
    const channelId = options.channelId || this.freeChannel();
    if (!Number.isInteger(channelId) || channelId < 1 || channelId > CHANNEL_MAX) {
      throw failure(400, 46003, `A channel id is a number from 1 to ${CHANNEL_MAX}.`);
    }
    if (this.isOver) throw failure(410, 46002, "The call is over.");
    const { owner, pacer, sequences } = this;
    const outlet: Outlet = {
      pacer,
      nextSequence: () => {
        const sequence = ((sequences.get(channelId) ?? 0) + 1) >>> 0;
        sequences.set(channelId, sequence);
        return sequence;
      },
      numbersOf: (rawIds) => owner.numbersOf(rawIds),
      send: (part, isReliable) => owner.send(part, isReliable),
    };
    this.senders.get(channelId)?.close();
    const sender = new DataChannelSender(channelId, outlet, options, () => this.senders.delete(channelId));
    this.senders.set(channelId, sender);
    return sender;
  };

  /** A part came. */
  receive(bytes: Uint8Array): void {
    const part = readPart(bytes);
    const rawId = part && this.owner.rawIdOf(part.sender);
    if (!part || !rawId || this.isOver) return;
    const key = `${part.sender}/${part.channel}`;
    const known = this.receivers.get(key);
    if (!known && this.receivers.size >= RECEIVERS_MAX) return;
    const receiver =
      known ?? new DataChannelReceiver(part.channel, rawId, () => this.receivers.delete(key));
    this.receivers.set(key, receiver);
    // Before the message, so that nobody misses the first one.
    if (!known) this.emitter.emit("dataChannelReceiverCreated", receiver);
    receiver.take(part);
  }

  /** A participant has left. */
  forget(p: number): void {
    for (const [key, receiver] of this.receivers) if (key.startsWith(`${p}/`)) receiver.close();
  }

  private freeChannel(): number {
    let channelId = 1;
    while (this.senders.has(channelId)) channelId += 1;
    return channelId;
  }

  close(): void {
    this.isOver = true;
    for (const sender of [...this.senders.values()]) sender.close();
    for (const receiver of [...this.receivers.values()]) receiver.close();
  }
}
