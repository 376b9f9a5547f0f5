/** Data channels: what goes over the wire, in what pieces, how fast, and to whom. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Assembly, cut, type Part, readPart } from "../src/data/framing.js";
import { Features } from "../src/index.js";
import type * as T from "../src/types.js";
import { FakeChannel, FakeConnection } from "./fakes/connection.js";
import { BOB, CAROL, settle } from "./fakes/server.js";
import { joinWithBob, openWorld, person, type World } from "./fakes/world.js";

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const bytesOf = (words: string): Uint8Array => new TextEncoder().encode(words);
const parts = (message: Uint8Array, size = 10, sequence = 0): Part[] =>
  cut({ channel: 7, sequence, recipients: [], isHigh: false }, message, size).map((part) => readPart(part) as Part);

test("a part is written as the protocol has it", () => {
  const [part] = cut({ channel: 258, sequence: 16_909_060, recipients: [3, 4], isHigh: true }, bytesOf("hi"), 100);
  assert.equal(
    Buffer.from(part as Uint8Array).toString("hex"),
    "01" + "07" + "0102" + "01020304" + "00000000" + "02" + "00000003" + "00000004" + "0000" + "6869",
  );
});

test("a message that is cut is put together again, in whatever order its parts come", () => {
  const message = bytesOf("a message of more than ten bytes");
  for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]]) {
    const assembly = new Assembly();
    const pieces = parts(message);
    const done = order.map((at) => assembly.add(pieces[at] as Part));
    assert.deepEqual(done.slice(0, 3), [undefined, undefined, undefined]);
    assert.equal(text(done[3]), text(message));
  }
  assert.equal(new Assembly().add(parts(new Uint8Array())[0] as Part)?.length, 0);
});

test("parts of messages that never become whole do not pile up", () => {
  const assembly = new Assembly();
  const message = bytesOf("twenty bytes and one.");
  const first = parts(message, 20, 0);
  assembly.add(first[0] as Part);
  for (let sequence = 1; sequence <= 16; sequence++) assembly.add(parts(message, 20, sequence)[0] as Part);
  assert.equal(assembly.add(first[1] as Part), undefined);
  assert.equal(text(assembly.add(parts(message, 20, 16)[1] as Part)), text(message));
  const far = { ...(first[0] as Part), sequence: 99, index: 60_000, isLast: true };
  assert.equal(assembly.add(far), undefined);
});

test("what is no part is none", () => {
  const [good] = cut({ channel: 1, sequence: 0, recipients: [1], isHigh: false }, bytesOf("x"), 10) as [Uint8Array];
  for (let length = 0; length < good.length - 1; length++) assert.equal(readPart(good.subarray(0, length)), undefined);
  assert.equal(readPart(Uint8Array.from(good, (byte, at) => (at === 0 ? 2 : byte))), undefined);
});

interface Talk {
  world: World;
  call: T.Call;
  feature: T.DataChannelCallFeature;
  channel: (label: string) => FakeChannel;
}

async function talk(t: Parameters<typeof openWorld>[0]): Promise<Talk> {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  const call = await joinWithBob(world);
  const channel = (label: string) => FakeConnection.all[0]?.channels.find((one) => one.label === label) as FakeChannel;
  return { world, call, feature: call.feature(Features.DataChannel), channel };
}

test("durable messages go over the ordered channel, lossy ones over the other, with growing numbers", async (t) => {
  const { call, feature, channel } = await talk(t);
  const durable = feature.createDataChannelSender({ channelId: 5 });
  const lossy = feature.createDataChannelSender({ channelId: 6, reliability: "Lossy", priority: "High" });
  await durable.sendMessage(bytesOf("one"));
  await durable.sendMessage(new Uint8Array(20_000));
  await lossy.sendMessage(new Uint8Array(3000));
  const seen = (label: string) => channel(label).sent.map((part) => readPart(part) as Part).map(({ sequence, index, isLast, payload }) => [sequence, index, isLast, payload.length]);
  assert.deepEqual(seen("reliable"), [[1, 0, true, 3], [2, 0, false, 15_360], [2, 1, true, 4640]]);
  assert.deepEqual(seen("lossy"), [[1, 0, false, 1100], [1, 1, false, 1100], [1, 2, true, 800]]);
  await call.hangUp();
  await assert.rejects(durable.sendMessage(bytesOf("late")), { code: 410 });
});

test("a channel nobody named is a free one; a second sender takes the place of the first and counts on", async (t) => {
  const { feature, channel } = await talk(t);
  const first = feature.createDataChannelSender();
  const other = feature.createDataChannelSender({ channelId: 0 });
  assert.deepEqual([first.channelId, other.channelId], [1, 2]);
  await first.sendMessage(bytesOf("one"));
  const second = feature.createDataChannelSender({ channelId: 1 });
  await assert.rejects(first.sendMessage(bytesOf("lost")), { code: 410 });
  await second.sendMessage(bytesOf("two"));
  assert.deepEqual(channel("reliable").sent.map((part) => readPart(part)?.sequence), [1, 2]);
});

test("named people are addressed by their numbers; who named only those that left reaches nobody", async (t) => {
  const { world, call, feature, channel } = await talk(t);
  const sender = feature.createDataChannelSender({ channelId: 5, participants: [{ communicationUserId: BOB }] });
  await sender.sendMessage(bytesOf("for Bob"));
  const head = Buffer.from(channel("reliable").sent[0] as Uint8Array).subarray(0, 17).toString("hex");
  assert.equal(head, "01" + "03" + "0005" + "00000001" + "00000000" + "01" + "00000002");
  sender.setParticipants([{ communicationUserId: CAROL }]);
  await sender.sendMessage(bytesOf("for Carol"));
  assert.equal(channel("reliable").sent.length, 1);
  world.server.say({ t: "participants", leg: call.id, set: [person(3, CAROL)], gone: [] });
  await settle();
  await sender.sendMessage(bytesOf("for Carol"));
  assert.equal(channel("reliable").sent.length, 2);
});

test("a sender does not go over the budget of the server", async (t) => {
  const { feature, channel } = await talk(t);
  const sender = feature.createDataChannelSender({ channelId: 5 });
  const all = Promise.all(Array.from({ length: 100 }, () => sender.sendMessage(new Uint8Array(10))));
  await settle();
  assert.equal(channel("reliable").sent.length, 80);
  for (let step = 0; step < 25; step++) {
    mock.timers.tick(12.5);
    await settle();
  }
  assert.equal(channel("reliable").sent.length, 100);
  await all;
});

test("what somebody says on a channel is a receiver with messages in order, until they leave", async (t) => {
  const { world, call, feature, channel } = await talk(t);
  const receivers: T.DataChannelReceiver[] = [];
  const read: unknown[] = [];
  const events: string[] = [];
  feature.on("dataChannelReceiverCreated", (receiver) => {
    receivers.push(receiver);
    receiver.on("messageReady", () => {
      const message = receiver.readMessage();
      read.push([receiver.channelId, message?.sequenceNumber, text(message?.data)]);
    });
    receiver.on("close", () => events.push(`closed ${receiver.channelId}`));
  });
  const say = (channelId: number, sequence: number, words: string, sender = 2) => {
    const [part] = cut({ channel: channelId, sequence, recipients: [], isHigh: false }, bytesOf(words), 1100) as [Uint8Array];
    new DataView(part.buffer).setUint32(8, sender);
    channel("reliable").come(part);
  };
  say(9, 0, "hello");
  say(9, 1, "again");
  say(10, 0, "elsewhere");
  say(9, 0, "from nobody", 77);
  assert.deepEqual(read, [[9, 0, "hello"], [9, 1, "again"], [10, 0, "elsewhere"]]);
  assert.deepEqual(receivers.map(({ senderParticipantIdentifier }) => senderParticipantIdentifier.kind), ["communicationUser", "communicationUser"]);
  mock.timers.tick(119_000);
  say(10, 1, "still here");
  mock.timers.tick(1000);
  assert.deepEqual(events, ["closed 9"]);
  world.server.say({ t: "participants", leg: call.id, set: [], gone: [2] });
  await settle();
  assert.deepEqual([events, receivers.map(({ isClosed }) => isClosed)], [["closed 9", "closed 10"], [true, true]]);
});

test("what the service does not carry is refused at once", async (t) => {
  const { feature } = await talk(t);
  for (const channelId of [-1, 65_536, 1.5]) assert.throws(() => feature.createDataChannelSender({ channelId }), { code: 400 });
  const sender = feature.createDataChannelSender({ channelId: 1 });
  await assert.rejects(sender.sendMessage(new Uint8Array(32 * 1024 + 1)), { code: 413 });
  const many = Array.from({ length: 65 }, () => ({ communicationUserId: BOB }));
  assert.throws(() => sender.setParticipants(many), { code: 400 });
});
