// The SDK's retries when attempts fail on the way, with the server behind them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { failing } from "./faults.mjs";
import { assertIdentifier, connect, expectError, server } from "./harness.mjs";

for (const status of [500, 502, 503, 504]) {
  test(`a call succeeds after three answers of ${status}`, async () => {
    const { options, attempts } = failing({ status }, { status }, { status });
    assertIdentifier(await connect(server, options).createUser());
    assert.equal(attempts.length, 4);
  });
}

for (const status of [429, 503]) {
  test(`the wait a ${status} asks for is kept`, async () => {
    const { options, attempts } = failing({ status, headers: { "retry-after-ms": "200" } });
    assertIdentifier((await connect(server, options).createUserAndToken(["chat"])).user);
    assert.equal(attempts.length, 2);
    // A timer may fire a little early against this clock.
    assert(attempts[1].at - attempts[0].at >= 190);
  });
}

test("a 429 with Retry-After in seconds is retried", async () => {
  const { options, attempts } = failing({ status: 429, headers: { "retry-after": "0" } });
  assertIdentifier(await connect(server, options).createUser());
  assert.equal(attempts.length, 2);
});

// This SDK signs once for all attempts of a call, so a server that took repetition for an attack would refuse them.
test("all attempts of a call carry one signature, and the server takes it again", async () => {
  const { options, attempts } = failing({ status: 500, answerLost: true }, { status: 503, answerLost: true });
  assertIdentifier(await connect(server, options).createUser());
  assert.equal(attempts.length, 3);
  for (const header of ["authorization", "x-ms-date", "x-ms-client-request-id"]) {
    assert.equal(new Set(attempts.map((attempt) => attempt[header])).size, 1, header);
  }
});

test("work done before the failure does no harm", async () => {
  const user = await connect().createUser();
  for (const call of ["getToken", "revokeTokens"]) {
    const { options, attempts } = failing({ status: 500, answerLost: true });
    await connect(server, options)[call](user, ...(call === "getToken" ? [["chat"]] : []));
    assert.equal(attempts.length, 2);
  }
});

test("errors without end reach the caller", async () => {
  const { options, attempts } = failing(...Array.from({ length: 10 }, () => ({ status: 503 })));
  await assert.rejects(connect(server, options).createUser(), { statusCode: 503, code: "Injected" });
  assert.equal(attempts.length, 4);
});

test("a permanent refusal is asked for once", async () => {
  const { options, attempts } = failing();
  await expectError(connect(server, options).createUserAndToken(["paint"]), 400);
  assert.equal(attempts.length, 1);
});
