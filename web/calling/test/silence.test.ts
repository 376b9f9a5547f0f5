/** When nothing arriving is a sign, in virtual time. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { SilenceWatch } from "../src/media/silence.js";
import { settle } from "./fakes/server.js";

test.beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "Date"] }));
test.afterEach(() => mock.timers.reset());

class Watched {
  bytes: number | undefined = 0;
  readonly told: boolean[] = [];
  readonly watch = new SilenceWatch(
    async () => this.bytes,
    (isSilent) => this.told.push(isSilent),
  );

  /** Looks twice a second, while so many bytes arrive between two looks. */
  async pass(seconds: number, bytesEach: number): Promise<void> {
    for (let look = 0; look < seconds * 2; look++) {
      if (this.bytes !== undefined) this.bytes += bytesEach;
      mock.timers.tick(500);
      await settle();
    }
  }
}

test("silence after media is told once, and its end", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(4, 1000);
  await watched.pass(1, 0);
  assert.deepEqual(watched.told, []);
  await watched.pass(5, 0);
  assert.deepEqual(watched.told, [true]);
  await watched.pass(1, 1000);
  assert.deepEqual(watched.told, [true, false]);
});

test("silence where little arrived is no sign", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(10, 0);
  for (let report = 0; report < 5; report++) {
    await watched.pass(1, 100);
    await watched.pass(2, 0);
  }
  assert.deepEqual(watched.told.filter(Boolean), []);
});

test("a short pause is none, and a watch without a connection or that was stopped says nothing", async () => {
  const watched = new Watched();
  watched.watch.start();
  await watched.pass(4, 1000);
  await watched.pass(1, 0);
  await watched.pass(4, 1000);
  watched.bytes = undefined;
  await watched.pass(4, 0);
  watched.bytes = 7;
  watched.watch.stop();
  await watched.pass(4, 0);
  assert.deepEqual(watched.told, []);
});
