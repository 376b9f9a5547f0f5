/** Messages of applications to each other, beside sound and picture. */

import type { CommunicationIdentifier, CommunicationIdentifierKind } from "@azure/communication-common";
import type { Changes, EventSource } from "./common.js";

/** Durable: everything, in order. Lossy: at once, and perhaps not at all. */
export type DataChannelReliability = "Durable" | "Lossy";
export type DataChannelPriority = "Normal" | "High";

export interface DataChannelSenderOptions {
  /** 1 to 65535; receivers know by it what a message is about. Not given, or 0: one that is free. */
  channelId?: number;
  /** `Durable` unless said otherwise. */
  reliability?: DataChannelReliability;
  priority?: DataChannelPriority;
  /** At most so many kilobits per second; at most 500. */
  bitrateInKbps?: number;
  /** At most 64; nobody named: everybody. */
  participants?: CommunicationIdentifier[];
}

export interface DataChannelSender {
  readonly channelId: number;
  /** Bytes. */
  readonly maxMessageSizeInBytes: number;
  /** Resolves when the message is on its way; rejects when it is too large or the call is over. */
  sendMessage(message: Uint8Array): Promise<void>;
  setParticipants(participants: CommunicationIdentifier[]): void;
  close(): void;
}

export interface DataChannelMessage {
  readonly data: Uint8Array;
  /** Of this sender on this channel; gaps are lost messages. */
  readonly sequenceNumber: number;
}

/** What one sender says on one channel. */
export interface DataChannelReceiver extends EventSource<Changes<"messageReady" | "close">> {
  readonly channelId: number;
  readonly senderParticipantIdentifier: CommunicationIdentifierKind;
  readonly isClosed: boolean;
  /** The oldest message that was not read; undefined when there is none. */
  readMessage(): DataChannelMessage | undefined;
}

export interface DataChannelCallFeature
  extends EventSource<{ dataChannelReceiverCreated: [DataChannelReceiver] }> {
  /** A sender for a channel that has one takes its place. */
  createDataChannelSender(options?: DataChannelSenderOptions): DataChannelSender;
}
