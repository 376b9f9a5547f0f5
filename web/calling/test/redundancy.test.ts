/** Sound is sent twice while the server misses some of it. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { LocalVideoStream } from "../src/index.js";
import { orderAudio, Redundancy } from "../src/media/redundancy.js";
import { FakeConnection } from "./fakes/connection.js";
import { settle } from "./fakes/server.js";
import { joinWithBob, openWorld, takesCalls } from "./fakes/world.js";

const answerWith = (first: string): string =>
  [
    "v=0", `m=audio 9 UDP/TLS/RTP/SAVPF ${first}`, "a=mid:0", "a=rtpmap:111 opus/48000/2", "a=rtpmap:63 red/48000/2",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1", "a=rtpmap:96 VP8/90000",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63", "a=mid:2", "a=rtpmap:111 opus/48000/2", "a=rtpmap:63 red/48000/2", "",
  ].join("\r\n");

test("only the microphone's line changes its order, and only where there is RED", () => {
  assert.equal(orderAudio(answerWith("111 63"), true), answerWith("63 111"));
  assert.equal(orderAudio(answerWith("63 111"), false), answerWith("111 63"));
  assert.equal(orderAudio(answerWith("111 63"), false), answerWith("111 63"));
  const plain = answerWith("111 63").replaceAll("red/48000", "telephone-event/48000");
  assert.equal(orderAudio(plain, true), plain);
  assert.equal(orderAudio("no description", true), "no description");
});

test("it goes on at the first bad report, and off after half a dozen good ones in a row", () => {
  const said: boolean[] = [];
  const redundancy = new Redundancy(async (isOn) => void said.push(isOn));
  redundancy.judge(0.03);
  assert.deepEqual(said, []);
  redundancy.judge(0.05);
  for (const share of [0, 0, 0, 0, 0, 0.02, 0, 0, 0, 0, 0]) redundancy.judge(share);
  assert.deepEqual(said, [true]);
  redundancy.repeat();
  redundancy.judge(0);
  assert.deepEqual(said, [true, true, false]);
  redundancy.repeat();
  redundancy.judge(0.5);
  assert.deepEqual(said, [true, true, false, true]);
});

test("what could not be switched is tried again at the next report", async () => {
  const said: boolean[] = [];
  const redundancy = new Redundancy(async (isOn) => {
    said.push(isOn);
    if (said.length === 1) throw new Error("another offer is under way");
  });
  for (let report = 0; report < 3; report += 1) {
    redundancy.judge(0.5);
    await settle();
  }
  assert.deepEqual(said, [true, true]);
});

/** What a browser says after some seconds: 50 packets of sound each, of which the server misses some. */
function statistics(seconds: number, lost: number): Map<string, object> {
  const timestamp = 1000 * seconds;
  return new Map<string, object>([
    ["S", { id: "S", type: "media-source", timestamp }],
    ["O", { id: "O", type: "outbound-rtp", timestamp, mid: "0", mediaSourceId: "S", packetsSent: 50 * seconds }],
    ["R", { id: "R", type: "remote-inbound-rtp", timestamp, localId: "O", packetsLost: lost }],
  ]);
}

test("a call whose sound is lost turns it on by itself, without a word to the server, and again on a new connection", async (t) => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  t.after(() => mock.timers.reset());
  const world = await openWorld(t);
  world.server.answer = (said) => {
    const reply = takesCalls(said) as Record<string, unknown>;
    return reply["answer"] ? { ...reply, answer: { sdp: answerWith("111 63"), epoch: 1 } } : reply;
  };
  const camera = new LocalVideoStream({ id: "camera:cam1", name: "Camera 1", deviceType: "UsbCamera" });
  const call = await joinWithBob(world, { videoOptions: { localVideoStreams: [camera] } });
  world.server.say({ t: "media.layers", leg: call.id, camera: ["q"], screen: false });
  const [connection] = FakeConnection.all as [FakeConnection];
  const look = async (seconds: number, lost: number) => {
    connection.statistics = statistics(seconds, lost);
    mock.timers.tick(2000);
    await settle();
  };
  await look(2, 0);
  await look(4, 1);
  assert.deepEqual(connection.answers, [answerWith("111 63")]);
  await look(6, 11);
  assert.deepEqual(connection.answers.slice(1), [answerWith("63 111")]);
  assert.equal(connection.signalingState, "stable");
  // An answer switches layers on that nobody wants.
  assert.deepEqual(connection.getTransceivers()[1]?.sender.parameters.encodings.map(({ active }) => active), [true, false, false]);
  assert.ok(!world.server.types.includes("media.offer"));

  connection.become("failed");
  mock.timers.tick(250);
  await settle();
  const fresh = FakeConnection.all[1] as FakeConnection;
  assert.deepEqual(fresh.answers, [answerWith("111 63"), answerWith("63 111")]);
  await call.hangUp();
});
