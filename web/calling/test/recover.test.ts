/** How media comes back, in virtual time. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { CommunicationServicesError } from "../src/errors.js";
import { Recovery } from "../src/media/recover.js";
import { holdTime, setWall } from "./fakes/clock.js";
import { settle } from "./fakes/server.js";

class Patient {
  readonly done: string[] = [];
  /** When the socket was looked at. */
  readonly checks: number[] = [];
  restartFails = false;
  rejoinFails: Error | undefined;
  /** Until when a rejoin is under way. */
  rejoinWaits: Promise<void> | undefined;
  readonly recovery = new Recovery({
    check: () => void this.checks.push(this.at),
    restart: async () => {
      this.done.push(`restart ${this.at}`);
      if (this.restartFails) throw new Error("no answer");
    },
    rejoin: async () => {
      this.done.push(`rejoin ${this.at}`);
      await this.rejoinWaits;
      if (this.rejoinFails) throw this.rejoinFails;
    },
    giveUp: () => this.done.push(`give up ${this.at}`),
    giveUpAfterMs: () => 120_000,
    showTrouble: (isThere) => this.done.push(`${isThere ? "trouble" : "well"} ${this.at}`),
  });
  private readonly began = Date.now();

  /** Seconds since the beginning. */
  get at(): number {
    return (Date.now() - this.began) / 1000;
  }

  async pass(seconds: number): Promise<void> {
    for (let step = 0; step < seconds * 4; step++) {
      mock.timers.tick(250);
      await settle();
    }
  }
}

test.beforeEach(() => holdTime());
test.afterEach(() => mock.reset());

test("a short break heals by itself", async () => {
  const { recovery, done, ...patient } = new Patient();
  recovery.mediaChanged("disconnected");
  mock.timers.tick(1999);
  recovery.mediaChanged("connected");
  mock.timers.tick(200_000);
  assert.deepEqual(done, ["well 1.999"]);
  assert.ok(patient);
});

test("a longer one is restarted every three seconds, and shown", async () => {
  const patient = new Patient();
  patient.recovery.mediaChanged("disconnected");
  await patient.pass(6);
  assert.deepEqual(patient.done, ["trouble 2", "restart 2", "restart 5"]);
  patient.recovery.mediaChanged("connected");
  await patient.pass(20);
  assert.deepEqual(patient.done.slice(3), ["well 6"]);
});

test("three restarts that are no help lead to a new connection", async () => {
  const patient = new Patient();
  patient.recovery.mediaChanged("disconnected");
  await patient.pass(9);
  assert.deepEqual(patient.done, ["trouble 2", "restart 2", "restart 5", "restart 8", "rejoin 8.25"]);
});

test("a failed connection is replaced at once, the next ones after growing pauses", async () => {
  const patient = new Patient();
  patient.rejoinFails = new Error("no way");
  patient.recovery.mediaChanged("failed");
  await patient.pass(13);
  assert.deepEqual(patient.done.filter((one) => one.startsWith("rejoin")).length, 5);
  const pauses = patient.done.filter((one) => one.startsWith("rejoin")).map((one) => Number(one.split(" ")[1]));
  assert.deepEqual(pauses.slice(1).map((at, index) => at - (pauses[index] as number)), [1, 2, 4, 5]);
});

test("a new network is tried at once, but not more often than every three seconds", async () => {
  const patient = new Patient();
  patient.recovery.networkChanged();
  patient.recovery.networkChanged();
  await patient.pass(1);
  patient.recovery.networkChanged();
  await patient.pass(4);
  assert.deepEqual(patient.done, ["restart 0.25", "restart 3.25"]);
});

test("a lost socket touches no media that works", async () => {
  const patient = new Patient();
  patient.recovery.sessionLost();
  await patient.pass(60);
  patient.recovery.sessionBack();
  await patient.pass(120);
  assert.deepEqual(patient.done, []);
});

test("media that was lost with the socket is restarted when the socket is back", async () => {
  const patient = new Patient();
  patient.recovery.sessionLost();
  patient.recovery.mediaChanged("disconnected");
  await patient.pass(10);
  assert.deepEqual(patient.done, ["trouble 2"]);
  patient.recovery.sessionBack();
  await patient.pass(1);
  assert.deepEqual(patient.done[1], "restart 10.25");
});

test("a server that was away gets the leg back, and media needs no second try", async () => {
  const patient = new Patient();
  patient.recovery.sessionLost();
  await patient.pass(3);
  patient.recovery.sessionRenewed();
  await patient.pass(1);
  patient.recovery.mediaChanged("connected");
  await patient.pass(130);
  assert.deepEqual(patient.done, ["rejoin 3.25", "well 4"]);
});

const isRejoin = (one: string): boolean => one.startsWith("rejoin");

test("one rejoin at a time: what is lost meanwhile is rejoined when it is done", async () => {
  const patient = new Patient();
  let answer = (): void => undefined;
  patient.rejoinWaits = new Promise((settled) => (answer = settled));
  patient.recovery.mediaChanged("failed");
  await patient.pass(1);
  patient.recovery.sessionRenewed();
  patient.recovery.mediaChanged("failed");
  await patient.pass(1);
  assert.deepEqual(patient.done.filter(isRejoin), ["rejoin 0.25"]);
  patient.rejoinWaits = undefined;
  answer();
  await patient.pass(2);
  patient.recovery.mediaChanged("connected");
  await patient.pass(60);
  assert.deepEqual(patient.done.filter(isRejoin).length, 2);
  assert.equal(patient.done[patient.done.length - 1], "well 4");
});

test("a new connection gets six seconds before it is restarted", async () => {
  const patient = new Patient();
  patient.recovery.mediaChanged("failed");
  await patient.pass(7);
  assert.deepEqual(patient.done, ["trouble 0.25", "rejoin 0.25", "restart 6.25"]);
});

test("a call the server does not know any more is given up", async () => {
  const patient = new Patient();
  patient.rejoinFails = new CommunicationServicesError({ code: 404, subCode: 0, message: "no such call" });
  patient.recovery.sessionRenewed();
  await patient.pass(10);
  assert.deepEqual(patient.done, ["rejoin 0.25", "give up 0.25"]);
});

for (const [what, begin] of [
  ["media", (recovery: Recovery) => recovery.mediaChanged("disconnected")],
  ["the session", (recovery: Recovery) => recovery.sessionLost()],
] as const) {
  test(`after two minutes without ${what} the call is over`, async () => {
    const patient = new Patient();
    patient.restartFails = true;
    patient.rejoinFails = new Error("no way");
    begin(patient.recovery);
    await patient.pass(119);
    assert.equal(patient.done.filter((one) => one.startsWith("give up")).length, 0);
    await patient.pass(60);
    assert.deepEqual(patient.done.filter((one) => one.startsWith("give up")), ["give up 120"]);
    assert.equal(patient.done[patient.done.length - 1], "give up 120");
  });
}

test("silence is looked into, and ends with a restart where the socket was lost as well", async () => {
  const patient = new Patient();
  patient.recovery.silenceChanged(true);
  assert.deepEqual(patient.checks, [0]);
  await patient.pass(2);
  assert.deepEqual(patient.done, []);
  patient.recovery.sessionLost();
  patient.recovery.sessionBack();
  await patient.pass(10);
  assert.deepEqual(patient.done, ["restart 2.5"]);
  // The way is back, and silence that ended is no reason any more.
  patient.recovery.silenceChanged(false);
  patient.recovery.sessionLost();
  patient.recovery.sessionBack();
  await patient.pass(200);
  assert.deepEqual(patient.done, ["restart 2.5"]);
});

test("a way that is lost is restarted at once where the socket is there, and when it is back where not", async () => {
  const patient = new Patient();
  patient.recovery.silenceChanged(true);
  patient.recovery.wayLost();
  await patient.pass(5);
  assert.deepEqual(patient.done, ["restart 0.25"]);
  patient.recovery.sessionLost();
  patient.recovery.wayLost();
  await patient.pass(5);
  assert.deepEqual(patient.done, ["restart 0.25"]);
  patient.recovery.sessionBack();
  await patient.pass(1);
  assert.deepEqual(patient.done, ["restart 0.25", "restart 10.25"]);
  patient.recovery.stop();
  patient.recovery.wayLost();
  await patient.pass(5);
  assert.equal(patient.done.length, 2);
});

test("a way that is lost is no reason for a second restart while the first one is under way", async () => {
  const patient = new Patient();
  patient.recovery.silenceChanged(true);
  patient.recovery.sessionLost();
  patient.recovery.sessionBack();
  await patient.pass(1);
  patient.recovery.wayLost();
  patient.recovery.silenceChanged(false);
  await patient.pass(10);
  assert.deepEqual(patient.done, ["restart 0.5"]);
});

test("a way that is lost soon after a restart is restarted when that was no help", async () => {
  const patient = new Patient();
  patient.recovery.networkChanged();
  await patient.pass(1);
  patient.recovery.silenceChanged(true);
  patient.recovery.wayLost();
  await patient.pass(10);
  assert.deepEqual(patient.done, ["restart 0.25", "restart 3.25"]);
});

test("what arrives again when the socket is back needs no restart", async () => {
  const patient = new Patient();
  patient.recovery.silenceChanged(true);
  patient.recovery.sessionLost();
  patient.recovery.sessionBack();
  await patient.pass(0.25);
  patient.recovery.silenceChanged(false);
  await patient.pass(10);
  assert.deepEqual(patient.done, []);
});

test("a clock that somebody sets back holds no restart up", async () => {
  const patient = new Patient();
  patient.recovery.networkChanged();
  await patient.pass(1);
  setWall(-3_600_000);
  patient.recovery.networkChanged();
  await patient.pass(2.5);
  assert.equal(patient.done.length, 2);
});

test("a connection that is lost while nothing arrives is restarted without patience", async () => {
  const patient = new Patient();
  patient.recovery.silenceChanged(true);
  await patient.pass(4);
  patient.recovery.mediaChanged("disconnected");
  await patient.pass(1);
  assert.deepEqual(patient.done, ["trouble 4.25", "restart 4.25"]);
});

test("a lost connection is a reason to look at the socket, one that is known to be lost is none", async () => {
  const patient = new Patient();
  patient.recovery.mediaChanged("disconnected");
  assert.deepEqual(patient.checks, [0]);
  patient.recovery.sessionLost();
  patient.recovery.silenceChanged(true);
  patient.recovery.mediaChanged("disconnected");
  assert.deepEqual(patient.checks, [0]);
  patient.recovery.stop();
  patient.recovery.silenceChanged(true);
  assert.deepEqual(patient.checks, [0]);
});
