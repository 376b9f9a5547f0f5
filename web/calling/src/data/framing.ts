/**
 * Messages on the data channels of a connection (protocol §4.3), big-endian:
 *
 * ```text
 * version 1 │ flags 1 │ channel 2 │ sequence 4 │ sender 4 │ [count 1, recipient 4…] │ part 2 │ payload
 * ```
 */

const VERSION = 1;
const ADDRESSED = 1;
const LAST = 2;
const HIGH = 4;
/** Version, flags, channel, sequence, sender. */
const HEAD_BYTES = 12;
const PART_BYTES = 2;

/** A message of an application. */
export const MESSAGE_BYTES_MAX = 32 * 1024;
/** Payload of a part: what fits into a datagram, and what the server takes at once. */
export const LOSSY_PART_BYTES = 1100;
export const RELIABLE_PART_BYTES = 15 * 1024;
/** Whoever has more to reach says it to everybody. */
export const RECIPIENTS_MAX = 64;
/** Messages of one sender on one channel that are incomplete: parts of older ones will not come any more. */
const ASSEMBLED_MAX = 16;
const PARTS_MAX = Math.ceil(MESSAGE_BYTES_MAX / LOSSY_PART_BYTES);

export interface Head {
  channel: number;
  sequence: number;
  /** Numbers in the call; empty: everybody. */
  recipients: readonly number[];
  isHigh: boolean;
}

export interface Part {
  channel: number;
  sequence: number;
  /** The sender's number in the call, which the server has written. */
  sender: number;
  index: number;
  isLast: boolean;
  payload: Uint8Array;
}

/** Cuts a message into parts of at most `partBytes` of payload. */
export function cut(head: Head, message: Uint8Array, partBytes: number): Uint8Array[] {
  const count = Math.max(1, Math.ceil(message.length / partBytes));
  return Array.from({ length: count }, (_, index) => {
    const payload = message.subarray(index * partBytes, (index + 1) * partBytes);
    return write(head, index, index === count - 1, payload);
  });
}

function write({ channel, sequence, recipients, isHigh }: Head, index: number, isLast: boolean, payload: Uint8Array) {
  const isAddressed = recipients.length > 0;
  const addressBytes = isAddressed ? 1 + 4 * recipients.length : 0;
  const bytes = new Uint8Array(HEAD_BYTES + addressBytes + PART_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, (isAddressed ? ADDRESSED : 0) | (isLast ? LAST : 0) | (isHigh ? HIGH : 0));
  view.setUint16(2, channel);
  view.setUint32(4, sequence);
  if (isAddressed) view.setUint8(HEAD_BYTES, recipients.length);
  for (const [at, recipient] of recipients.entries()) view.setUint32(HEAD_BYTES + 1 + 4 * at, recipient);
  view.setUint16(HEAD_BYTES + addressBytes, index);
  bytes.set(payload, HEAD_BYTES + addressBytes + PART_BYTES);
  return bytes;
}

/** Undefined for what is none of these. */
export function readPart(bytes: Uint8Array): Part | undefined {
  if (bytes.length < HEAD_BYTES + PART_BYTES || bytes[0] !== VERSION) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(1);
  const addressBytes = flags & ADDRESSED ? 1 + 4 * view.getUint8(HEAD_BYTES) : 0;
  const start = HEAD_BYTES + addressBytes + PART_BYTES;
  if (bytes.length < start) return undefined;
  return {
    channel: view.getUint16(2),
    sequence: view.getUint32(4),
    sender: view.getUint32(8),
    index: view.getUint16(start - PART_BYTES),
    isLast: (flags & LAST) !== 0,
    payload: bytes.subarray(start),
  };
}

interface Pieces {
  parts: Map<number, Uint8Array>;
  /** Known when the last part has come. */
  count: number | undefined;
}

/** Puts the parts of one sender on one channel together; they may come in any order, and some never. */
export class Assembly {
  private readonly pieces = new Map<number, Pieces>();

  /** The message, when this was the part that was missing. */
  add({ sequence, index, isLast, payload }: Part): Uint8Array | undefined {
    if (index >= PARTS_MAX) return undefined;
    const pieces = this.pieces.get(sequence) ?? { parts: new Map(), count: undefined };
    this.pieces.set(sequence, pieces);
    pieces.parts.set(index, payload);
    if (isLast) pieces.count = index + 1;
    if (pieces.parts.size === pieces.count) {
      this.pieces.delete(sequence);
      return joined(pieces.parts);
    }
    const [oldest] = this.pieces.keys();
    if (this.pieces.size > ASSEMBLED_MAX) this.pieces.delete(oldest as number);
    return undefined;
  }
}

function joined(parts: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const ordered = [...parts].sort(([a], [b]) => a - b).map(([, payload]) => payload);
  const message = new Uint8Array(ordered.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const payload of ordered) {
    message.set(payload, at);
    at += payload.length;
  }
  return message;
}
