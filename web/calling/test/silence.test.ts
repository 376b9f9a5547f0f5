/** When nothing arriving is a sign, in virtual time. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { SilenceWatch } from "../src/media/silence.js";
import { holdTime } from "./fakes/clock.js";
import { settle } from "./fakes/server.js";

test.beforeEach(() => holdTime());
test.afterEach(() => mock.reset());

class Watched {
  bytes: number | undefined = 0;
  checks = 0;
  answers = 0;
  readonly told: (boolean | "lost")[] = [];
  readonly watch = new SilenceWatch(
    async () => (this.bytes === undefined ? undefined : { bytes: this.bytes, checks: this.checks, answers: this.answers }),
    { changed: (isSilent) => this.told.push(isSilent), wayLost: () => this.told.push("lost") },
  );

  /** Lets time pass in which so many bytes arrive every 100 ms. */
  async pass(milliseconds: number, bytesEach: number): Promise<void> {
    for (let at = 0; at < milliseconds; at += 100) {
      if (this.bytes !== undefined) this.bytes += bytesEach;
      mock.timers.tick(100);
      await settle();
    }
  }
}

test("silence after media is told within a second, once, and its end", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(4000, 100);
  await watched.pass(500, 0);
  assert.deepEqual(watched.told, []);
  await watched.pass(500, 0);
  assert.deepEqual(watched.told, [true]);
  await watched.pass(5000, 0);
  assert.deepEqual(watched.told, [true]);
  await watched.pass(1000, 100);
  assert.deepEqual(watched.told, [true, false]);
});

test("a way that was given up takes its bytes along, which is no sign of life", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(4000, 100);
  watched.bytes = 200;
  await watched.pass(1000, 0);
  assert.deepEqual(watched.told, [true]);
});

test("silence where little arrived is no sign", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(10_000, 0);
  for (let report = 0; report < 5; report++) {
    await watched.pass(1000, 100);
    await watched.pass(2000, 0);
  }
  assert.deepEqual(watched.told.filter(Boolean), []);
});

test("who pauses sends sound each 0.4 s, which is no silence", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(4000, 100);
  for (let packet = 0; packet < 50; packet++) {
    await watched.pass(300, 0);
    await watched.pass(100, 10);
  }
  assert.deepEqual(watched.told, []);
});

test("a watch without a connection or that was stopped says nothing", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(4000, 100);
  watched.bytes = undefined;
  await watched.pass(4000, 0);
  watched.bytes = 7;
  watched.watch.stop();
  await watched.pass(4000, 0);
  assert.deepEqual(watched.told, []);
});

test("a way on which two checks were not answered is lost, which is told once", async () => {
  const watched = new Watched();
  watched.checks = 7;
  watched.answers = 5;
  watched.watch.start();
  await watched.pass(4000, 100);
  watched.checks += 1;
  await watched.pass(1000, 0);
  assert.deepEqual(watched.told, [true]);
  for (let check = 0; check < 3; check++) {
    watched.checks += 1;
    await watched.pass(1000, 0);
  }
  assert.deepEqual(watched.told, [true, "lost"]);
});

test("where checks are answered, or media goes on without answers, the way is there", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(4000, 100);
  watched.checks += 5;
  await watched.pass(1000, 100);
  assert.deepEqual(watched.told, []);
  watched.answers += 1;
  await watched.pass(1000, 100);
  for (let check = 0; check < 5; check++) {
    watched.checks += 1;
    await watched.pass(500, 0);
    watched.answers += 1;
    await watched.pass(2000, 0);
  }
  assert.deepEqual(watched.told, [true]);
});

test("a browser that is slow to answer is asked once", async () => {
  let asked = 0;
  let answer = (): void => undefined;
  const slow = new Promise<undefined>((settled) => (answer = () => settled(undefined)));
  const listener = { changed: () => undefined, wayLost: () => undefined };
  const watch = new SilenceWatch(() => ((asked += 1), slow), listener);
  watch.start();
  for (let look = 0; look < 5; look++) mock.timers.tick(400);
  assert.equal(asked, 1);
  answer();
  await settle();
  mock.timers.tick(400);
  assert.equal(asked, 2);
  watch.stop();
});
