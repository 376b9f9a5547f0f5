/** The session over sockets that die: everything arrives once, in order, both ways. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setWall } from "./fakes/clock.js";
import { settle } from "./fakes/server.js";
import { holdTimeAndLots, pass, started, watch, type Watched } from "./fakes/watched.js";

test.beforeEach(() => holdTimeAndLots());
test.afterEach(() => mock.reset());

test("hello carries the token, and no address does", async () => {
  const { server, session } = await started();
  assert.deepEqual(server.greetings, [{ t: "hello", v: [1], token: "token-1", device: "d-1" }]);
  assert.equal(server.line.url, "wss://server.example/calling/signalling");
  assert.equal(session.welcome?.session, "s-1");
  session.dispose();
});

test("what is said before welcome waits for it", async () => {
  const watched = watch();
  const starting = watched.session.start();
  watched.session.say("early", {});
  await settle();
  await starting;
  await settle();
  assert.deepEqual(watched.server.heard, [{ t: "early" }]);
  watched.session.dispose();
});

test("a request gets its own reply, an error becomes an error with code and sub-code", async () => {
  const { server, session } = await started();
  server.answer = ({ t }) =>
    t === "good" ? { t: "ok", p: 7 } : { t: "error", code: 403, subCode: 10124, message: "Not permitted.", name: "notAllowed" };
  const [good, bad] = [session.request("good", {}), session.request("bad", {})];
  const refused = assert.rejects(bad, { code: 403, subCode: 10124, message: "Not permitted." });
  await settle();
  assert.equal((await good)["p"], 7);
  await refused;
  session.dispose();
});

test("a lost socket is resumed with the newest secret, and what was not heard is said again", async () => {
  const { server, session, messages, states } = await started();
  session.say("one", {});
  await settle();
  server.line.cut();
  await settle();
  session.say("two", {});
  server.say({ t: "missed" });
  await pass(500);
  assert.deepEqual(server.types, ["one", "two"]);
  assert.deepEqual(messages.map(({ t }) => t), ["missed"]);
  assert.equal(server.greetings[1]?.["resume"], "secret-0");
  server.line.cut();
  await pass(500);
  assert.equal(server.greetings[2]?.["resume"], "secret-2");
  assert.deepEqual(states, ["Reconnecting", "Connected", "Reconnecting", "Connected"]);
  session.dispose();
});

test("the token goes along with a resume only when it is another one", async () => {
  const { server, session } = await started(["token-1", "token-1", "token-2"]);
  for (let turn = 0; turn < 2; turn++) {
    server.line.cut();
    await pass(500);
  }
  assert.equal("token" in (server.greetings[1] as object), false);
  assert.equal(server.greetings[2]?.["token"], "token-2");
  session.dispose();
});

test("without a first token the session does not start, and says why", async () => {
  const missing = Promise.reject(new Error("the application is signed out"));
  missing.catch(() => undefined);
  const { server, session, refusals } = watch([missing]);
  await assert.rejects(session.start(), { code: 401, subCode: 10009, message: "No access token: the application is signed out" });
  assert.deepEqual([server.lines.length, refusals], [0, [{ code: 401, subCode: 10009 }]]);
});

test("whoever cannot bring a token in the middle goes on with the old one, also when the answer never comes", async () => {
  const missing = Promise.reject(new Error("no network"));
  missing.catch(() => undefined);
  const never = new Promise<string>(() => undefined);
  for (const token of [missing, never]) {
    const { server, session, refusals } = await started(["token-1", token]);
    server.line.cut();
    await pass(11_000);
    assert.equal(session.welcome?.session, "s-1");
    assert.deepEqual([server.greetings.length, "token" in (server.greetings[1] as object)], [2, false]);
    assert.deepEqual(refusals, []);
    session.dispose();
  }
});

test("of what is said under one key while the socket is away, only the newest arrives", async () => {
  const { server, session } = await started();
  server.line.cut();
  await settle();
  session.say("wish", { size: 1 }, "wish");
  session.say("other", {});
  session.say("wish", { size: 2 }, "wish");
  await pass(500);
  assert.deepEqual(server.heard, [{ t: "other" }, { t: "wish", size: 2 }]);
  session.dispose();
});

test("a session the server does not know is begun anew, and requests of the old one fail", async () => {
  const watched = await started();
  const { server, session } = watched;
  server.answer = () => undefined;
  const lost = assert.rejects(session.request("call.mute", {}), { code: 503 });
  await settle();
  server.restart();
  await pass(3000);
  await lost;
  assert.deepEqual(server.greetings.map(({ t }) => t), ["hello", "resume", "hello"]);
  assert.equal(watched.renewals, 1);
  session.say("after", {});
  await settle();
  assert.equal(server.types.pop(), "after");
  session.dispose();
});

test("whoever resumed says something at once, so that a resume that comes late is good for nothing", async () => {
  const { server, session } = await started();
  server.say({ t: "news" });
  await settle();
  server.line.cut();
  await pass(500);
  assert.equal(server.greetings[1]?.["t"], "resume");
  assert.deepEqual(server.bare, [{ a: 1 }]);
  session.dispose();
});

test("a clock that somebody sets back does not hold the next socket up", async () => {
  const { server, session, states } = await started();
  setWall(-3_600_000);
  server.line.cut();
  await pass(500);
  assert.deepEqual(states, ["Reconnecting", "Connected"]);
  session.dispose();
});

test("a bare acknowledgement follows after a second, and at once after 32 messages", async () => {
  const { server, session } = await started();
  server.say({ t: "news" });
  await settle();
  assert.deepEqual(server.bare, []);
  await pass(1000);
  assert.deepEqual(server.bare, [{ a: 1 }]);
  for (let at = 0; at < 32; at++) server.say({ t: "news" });
  await settle();
  assert.deepEqual(server.bare[1], { a: 33 });
  session.dispose();
});

test("at most 32 requests are unanswered, the next ones wait", async () => {
  const { server, session } = await started();
  server.answer = () => undefined;
  for (let at = 0; at < 40; at++) session.request("slow", {}).catch(() => undefined);
  session.say("free", {});
  await settle();
  assert.equal(server.heard.length, 32);
  server.say({ re: "q1", t: "ok" });
  await settle();
  assert.equal(server.heard.length, 33);
  session.dispose();
});

test("a gap in the numbers ends the socket, not the session", async () => {
  const { server, session, messages } = await started();
  server.line.say({ n: 5, t: "future" });
  await pass(500);
  assert.deepEqual(messages, []);
  assert.deepEqual(server.greetings.map(({ t }) => t), ["hello", "resume"]);
  session.dispose();
});

test("a refused token ends the session with 401/10009", async () => {
  const watched = await started();
  watched.server.line.say({ t: "bye", code: 4401, reason: "The token was revoked.", retry: false });
  await settle();
  assert.deepEqual(watched.refusals, [{ code: 401, subCode: 10009 }]);
  assert.deepEqual(watched.states, ["Disconnected"]);
  await assert.rejects(watched.session.request("call.mute", {}), { code: 410 });
});

test("attempts that hang follow each other without a pause", async () => {
  const { server, session } = await started();
  server.isHanging = true;
  server.line.cut();
  await pass(26_000);
  // Given up after 5 s each: at 0, 5, … 25 s.
  assert.equal(server.lines.length, 1 + 6);
  session.dispose();
});

test("an attempt that hangs while the network changes is given up for a new one, a young one is not", async () => {
  const { server, session } = await started();
  server.isHanging = true;
  server.line.cut();
  await settle();
  await pass(750);
  session.check();
  await pass(500);
  assert.equal(server.lines.length, 2);
  server.isHanging = false;
  session.check();
  await pass(250);
  assert.deepEqual([server.lines.length, server.lines[1]?.closedWith], [3, null]);
  assert.equal(server.greetings[1]?.["t"], "resume");
  session.dispose();
});

test("a session taken over by another socket is not taken back", async () => {
  const { server, session, states } = await started();
  server.line.cut(4409);
  await pass(10_000);
  assert.equal(server.lines.length, 1);
  assert.deepEqual(states, ["Disconnected"]);
  session.dispose();
});

test("a redirect leads to the other node with the same hello, and not in circles", async () => {
  const watched = watch();
  const { server, session } = watched;
  server.isSilent = true;
  const starting = assert.rejects(session.start(), { code: 503 });
  for (let node = 1; node <= 4; node++) {
    await settle();
    server.line.say({ t: "redirect", url: `wss://node${node}.example/calling/signalling` });
  }
  await settle();
  await starting;
  assert.deepEqual(server.lines.map(({ url }) => new URL(url).host), [
    "server.example", "node1.example", "node2.example", "node3.example",
  ]);
});

/** A session at a node to which the service has redirected. */
async function startedElsewhere(): Promise<Watched> {
  const watched = watch();
  const { server, session } = watched;
  server.isSilent = true;
  const starting = session.start();
  await settle();
  server.isSilent = false;
  server.line.say({ t: "redirect", url: "wss://node1.example/calling/signalling?resource=r" });
  await starting;
  return watched;
}
const hostsOf = ({ server }: Watched) => server.lines.map(({ url }) => new URL(url).host);

test("a session stays at the node it was redirected to, and begins again at the service when that node is gone", async () => {
  const watched = await startedElsewhere();
  const { server, session } = watched;
  assert.equal(server.line.url, "wss://node1.example/calling/signalling?resource=r");
  server.line.cut();
  await pass(1000);
  assert.deepEqual(hostsOf(watched), ["server.example", "node1.example", "node1.example"]);
  assert.equal(server.greetings[server.greetings.length - 1]?.["t"], "resume");
  server.restart();
  await pass(3000);
  assert.equal(hostsOf(watched)[3], "server.example");
  session.dispose();
});

test("a node that cannot be reached is tried five times; then the service says where to go", async () => {
  const watched = await startedElsewhere();
  const { server, session } = watched;
  server.isReachable = false;
  server.line.cut();
  await pass(9000);
  const hosts = hostsOf(watched).slice(2);
  assert.deepEqual(hosts.slice(0, 6), [...Array<string>(5).fill("node1.example"), "server.example"]);
  server.isReachable = true;
  await pass(6000);
  assert.equal(hostsOf(watched)[hostsOf(watched).length - 1], "server.example");
  session.dispose();
});

test("the server says how long a call may be away; an older one leaves that out", async () => {
  const { server, session } = await started();
  assert.equal(session.rejoinForMs, 120_000);
  server.rejoinFor_s = 600;
  server.restart();
  await pass(3000);
  assert.equal(session.rejoinForMs, 600_000);
  session.dispose();
});

test("who gets no welcome in ten seconds gives up", async () => {
  const { server, session } = watch();
  server.isReachable = false;
  const starting = assert.rejects(session.start(), { code: 408 });
  await pass(10_000);
  await starting;
});

test("token.needed brings the new token, and the old one is not sent again", async () => {
  const { server, session } = await started(["token-1", "token-1", "token-2"]);
  server.say({ t: "token.needed" });
  await settle();
  assert.deepEqual(server.heard, []);
  server.say({ t: "token.needed" });
  await settle();
  assert.deepEqual(server.heard, [{ t: "token", id: "q1", token: "token-2" }]);
  session.dispose();
});

/** A small generator: the same seed, the same trouble. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) & 0x7fffffff) / 0x7fffffff;
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`with sockets that die at random everything arrives once and in order (seed ${seed})`, async () => {
    const chance = random(seed);
    const { server, session, messages } = await started();
    server.answer = ({ k }) => ({ t: "ok", k });
    const said: number[] = [];
    const told: number[] = [];
    const answers: Promise<void>[] = [];
    for (let k = 0; k < 150; k++) {
      said.push(k);
      if (chance() < 0.5) answers.push(session.request("ask", { k }).then((reply) => assert.equal(reply["k"], k)));
      else session.say("tell", { k });
      if (chance() < 0.6) {
        told.push(k);
        server.say({ t: "news", k });
      }
      if (chance() < 0.2) server.line.cut();
      if (chance() < 0.5) await new Promise<void>((resolve) => setImmediate(resolve));
      if (chance() < 0.3) await pass(250);
    }
    await pass(10_000);
    await Promise.all(answers);
    assert.deepEqual(server.heard.map(({ k }) => k), said);
    assert.deepEqual(messages.map(({ k }) => k), told);
    session.dispose();
  });
}
