/** Numbers of a session: what is said again, what was heard before, and what is missing. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Window } from "../src/signalling/window.js";

const numberOf = (text: string): unknown => (JSON.parse(text) as { n: number }).n;

function said(count: number): Window {
  const window = new Window();
  for (let at = 0; at < count; at++) {
    window.put({ t: "x", at });
    window.take();
  }
  return window;
}

test("what was heard is not said again, and nothing else is left out", () => {
  const window = said(5);
  window.acknowledge(3);
  assert.deepEqual(window.repeat().map(numberOf), [4, 5]);
  window.acknowledge(2);
  assert.deepEqual(window.repeat().map(numberOf), [4, 5]);
  window.acknowledge(5);
  assert.deepEqual(window.repeat(), []);
});

test("each number is heard once and none is passed over", () => {
  const window = new Window();
  assert.deepEqual([1, 2, 2, 1, 4, 3, 3, 4].map((n) => window.hear(n)), [
    "new", "new", "seen", "seen", "gap", "new", "seen", "new",
  ]);
  assert.equal(window.received, 4);
});

test("a message tells what was heard when it is first sent", () => {
  const window = new Window();
  window.put({ t: "x" });
  window.hear(1);
  assert.deepEqual(JSON.parse(window.take()), { n: 1, a: 1, t: "x" });
});

test("a full window waits for acknowledgements, and a full queue says so", () => {
  const window = said(256);
  window.put({ t: "next" });
  assert.equal(window.next, undefined);
  window.acknowledge(1);
  assert.deepEqual(window.next, { t: "next" });
  for (let at = 1; at < 512; at++) window.put({ t: "x" });
  assert.equal(window.isFull, true);
});
