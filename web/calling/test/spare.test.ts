/** The second socket, which is opened when the first one does not answer. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setWall } from "./fakes/clock.js";
import { settle } from "./fakes/server.js";
import { holdTimeAndLots, pass, started } from "./fakes/watched.js";

let lot = 0.5;
test.beforeEach(() => {
  lot = 0.5;
  holdTimeAndLots(() => lot);
});
test.afterEach(() => mock.reset());

test("a socket without a pong gives way to a second one, and what was not heard is said again", async () => {
  const { server, session, states } = await started();
  server.line.isDeaf = true;
  session.say("one", {});
  await pass(10_000 + 750);
  assert.equal(server.lines.length, 1);
  await pass(750);
  assert.deepEqual(server.greetings.map(({ t }) => t), ["hello", "resume"]);
  // Not with the code of somebody who leaves: a server that is only slow would end the session.
  assert.deepEqual(server.lines.map(({ closedWith }) => closedWith), [null, undefined]);
  assert.deepEqual(server.types, ["one"]);
  assert.deepEqual(states, ["Reconnecting", "Connected"]);
  session.dispose();
  assert.equal(server.line.closedWith, 1000);
});

test("a check that is answered costs a ping and no socket", async () => {
  const { server, session, states } = await started();
  for (let turn = 0; turn < 5; turn++) {
    session.check();
    await settle();
    await pass(1000);
  }
  assert.equal(server.lines.length, 1);
  assert.deepEqual(states, []);
  session.dispose();
});

test("a check without an answer opens a second socket after half a second, and a little more by lot", async () => {
  const { server, session, states } = await started();
  server.line.isDeaf = true;
  session.check();
  await pass(1000);
  assert.equal(server.greetings[1]?.["t"], "resume");
  await pass(5000);
  assert.deepEqual([server.lines.length, states], [2, ["Reconnecting", "Connected"]]);
  session.dispose();
});

test("not everybody opens the second socket at the same time", async () => {
  for (const [drawn, afterMs] of [[0, 500], [1, 800]] as const) {
    lot = drawn;
    const { server, session } = await started();
    server.line.isDeaf = true;
    session.check();
    const counts: number[] = [];
    for (const milliseconds of [afterMs - 1, 1, 49, 1]) {
      mock.timers.tick(milliseconds);
      counts.push(server.lines.length);
    }
    assert.deepEqual(counts, [1, 1, 1, 2]);
    session.dispose();
    // The second one opens, and is closed.
    await settle();
  }
});

test("an answer that comes before the second socket is open leaves all as it was", async () => {
  const { server, session, states } = await started();
  const [first] = server.lines;
  server.line.isDeaf = true;
  server.isHanging = true;
  const pingedAt = Date.now();
  session.check();
  await pass(1000);
  assert.equal(server.lines.length, 2);
  first?.transport.onmessage?.({ data: JSON.stringify({ t: "pong", at: pingedAt, now: 0 }) });
  // Not before it is open, of which browsers complain.
  assert.deepEqual(server.lines.map(({ closedWith }) => closedWith), [undefined, undefined]);
  server.lines[1]?.transport.onopen?.();
  assert.deepEqual(server.lines.map(({ closedWith }) => closedWith), [undefined, 1000]);
  await pass(5000);
  assert.deepEqual([server.greetings.length, server.lines.length, states], [1, 2, []]);
  session.dispose();
});

test("a question in between does not put off when the first one is given up", async () => {
  const { server, session, states } = await started();
  await pass(9500);
  server.line.isDeaf = true;
  server.isHanging = true;
  session.check();
  // The ping of every ten seconds falls into this, and would wait until 15 s.
  await pass(1250);
  assert.deepEqual([server.lines.length, server.lines[0]?.closedWith, states], [2, undefined, []]);
  await pass(250);
  assert.deepEqual([server.lines[0]?.closedWith, states], [null, ["Reconnecting"]]);
  // The second socket has taken its place, and is greeted as soon as it opens.
  server.lines[1]?.transport.onopen?.();
  await pass(250);
  assert.deepEqual([server.lines.length, states], [2, ["Reconnecting", "Connected"]]);
  session.dispose();
});

test("a page that was busy hears the answer before it opens another socket", async () => {
  const { server, session } = await started();
  session.check();
  // Both are due when it comes to itself: first the timer, then what came.
  mock.timers.tick(500);
  await settle();
  await pass(1000);
  assert.equal(server.lines.length, 1);
  session.dispose();
});

test("a second socket that fails is no reason to give up the first", async () => {
  const { server, session, states } = await started();
  const [first] = server.lines;
  server.line.isDeaf = true;
  server.isReachable = false;
  const pingedAt = Date.now();
  session.check();
  await pass(1000);
  assert.deepEqual([server.lines.length, first?.closedWith, states], [2, undefined, []]);
  first?.transport.onmessage?.({ data: JSON.stringify({ t: "pong", at: pingedAt, now: 0 }) });
  await pass(2000);
  assert.deepEqual([server.lines.length, states], [2, []]);
  session.dispose();
});

test("a second socket of the network before gives way to one of the network now, a young one does not", async () => {
  const { server, session } = await started();
  const closed = () => server.lines.map(({ closedWith }) => closedWith);
  server.line.isDeaf = true;
  server.isHanging = true;
  await pass(10_000 + 1500);
  session.check();
  assert.equal(server.lines.length, 2);
  await pass(1000);
  session.check();
  assert.equal(server.lines.length, 3);
  // The first one was asked at 11.5 s, and again just now; what is left closes when it cannot complain any more.
  await pass(500);
  assert.deepEqual(closed(), [null, undefined, undefined]);
  await pass(1500);
  assert.deepEqual(closed(), [null, 1000, undefined]);
  server.lines[2]?.transport.onopen?.();
  await pass(250);
  assert.deepEqual([server.lines.length, server.greetings[1]?.["t"]], [3, "resume"]);
  session.dispose();
});

test("a second socket that takes the place of the first counts from when it was opened", async () => {
  const { server, session } = await started();
  server.line.isDeaf = true;
  server.isHanging = true;
  session.check();
  await pass(1750);
  // Its own age is 0.75 s, its turn has just come.
  assert.deepEqual(server.lines.map(({ closedWith }) => closedWith), [null, undefined]);
  await pass(250);
  session.check();
  await settle();
  assert.deepEqual(server.lines.map(({ closedWith }) => closedWith).slice(0, 2), [null, null]);
  session.dispose();
});

test("only the answer to the newest question says that the way is there", async () => {
  const { server, session } = await started();
  const { transport } = server.line;
  server.line.isDeaf = true;
  const at = Date.now();
  session.check();
  await pass(250);
  session.check();
  transport.onmessage?.({ data: JSON.stringify({ t: "pong", at, now: 0 }) });
  await pass(1250);
  assert.deepEqual(server.greetings.map(({ t }) => t), ["hello", "resume"]);
  session.dispose();
});

test("a clock that somebody sets makes no question more patient", async () => {
  // Forward: the ping of every ten seconds waits for its answer, and this one is more impatient.
  const { server, session } = await started();
  server.line.isDeaf = true;
  server.isHanging = true;
  await pass(10_000);
  setWall(3_600_000);
  session.check();
  await pass(1500);
  assert.equal(server.lines[0]?.closedWith, null);
  session.dispose();
  // Back: the second question does not put the first one off.
  const other = await started();
  other.server.line.isDeaf = true;
  other.server.isHanging = true;
  other.session.check();
  await pass(250);
  setWall(-3_600_000);
  other.session.check();
  await pass(1250);
  assert.equal(other.server.lines[0]?.closedWith, null);
  other.session.dispose();
});

test("what the server ends a socket with ends the second one as well", async () => {
  const { server, session, refusals } = await started();
  const [first] = server.lines;
  server.line.isDeaf = true;
  server.isHanging = true;
  session.check();
  await pass(1000);
  first?.transport.onclose?.({ code: 4409 });
  await pass(10_000);
  assert.deepEqual(server.lines.map(({ closedWith }) => closedWith), [undefined, 1000]);
  assert.deepEqual(refusals, []);
  session.dispose();
});
