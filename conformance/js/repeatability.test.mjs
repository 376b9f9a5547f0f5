// Repeatability headers: the same request under the same id is done once.
//
// The identity SDK sends none by itself; a caller adds them with `requestOptions.customHeaders`.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { failing } from "./faults.mjs";
import { connect, expectError, ownServer, server } from "./harness.mjs";

const client = connect();

/** A call option that carries a fresh repeatability id. */
function repeatable() {
  const customHeaders = {
    "repeatability-request-id": randomUUID(),
    "repeatability-first-sent": new Date().toUTCString(),
  };
  return { requestOptions: { customHeaders } };
}

function distinct(users) {
  return new Set(users.map((user) => user.communicationUserId)).size;
}

test("the same id gives the same user", async () => {
  const options = repeatable();
  assert.equal(distinct([await client.createUser(options), await client.createUser(options)]), 1);
});

test("the same id gives the same user with a token", async () => {
  const options = repeatable();
  const first = await client.createUserAndToken(["chat"], options);
  const second = await client.createUserAndToken(["chat"], options);
  assert.equal(distinct([first.user, second.user]), 1);
  assert(first.token && second.token);
});

test("callers at once with one id get one user", async () => {
  const options = repeatable();
  assert.equal(distinct(await Promise.all(Array.from({ length: 8 }, () => client.createUser(options)))), 1);
});

test("other ids give other users", async () => {
  assert.equal(distinct([await client.createUser(repeatable()), await client.createUser(repeatable())]), 2);
});

test("another body under the same id is refused", async () => {
  const options = repeatable();
  await client.createUserAndToken(["chat"], options);
  await expectError(client.createUserAndToken(["voip"], options), 400);
  await expectError(client.createUser(options), 400);
});

test("a lost answer makes no second user", async () => {
  const { options, attempts } = failing(
    { status: 500, answerLost: true }, { status: 503 }, { status: 500, answerLost: true },
  );
  const call = repeatable();
  const throughFailures = await connect(server, options).createUser(call);
  assert.equal(attempts.length, 4);
  assert.equal(distinct([throughFailures, await client.createUser(call)]), 1);
});

test("an id of one resource means nothing to another", async (context) => {
  const own = await ownServer(context);
  const options = repeatable();
  assert.equal(distinct([await client.createUser(options), await connect(own).createUser(options)]), 2);
});
