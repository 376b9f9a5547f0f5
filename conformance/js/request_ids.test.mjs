// Request ids: ours on every answer, the client's own given back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, expectError, keepResponse, newUser } from "./harness.mjs";

const client = connect();

function assertIds(response) {
  const sent = response.request.headers.get("x-ms-client-request-id");
  assert(sent);
  assert.equal(response.headers.get("x-ms-client-request-id"), sent);
  assert(response.headers.get("x-ms-request-id"));
}

test("answers of every kind have both ids", async () => {
  const kept = keepResponse();
  const user = await client.createUser(kept);
  assertIds(kept.last);
  await client.getToken(user, ["chat"], kept);
  assertIds(kept.last);
  await client.deleteUser(user, kept);
  assertIds(kept.last);
});

test("a refusal has both ids", async () => {
  const error = await expectError(client.getToken(newUser(), ["chat"]), 404);
  assertIds({ request: error.request, headers: error.response.headers });
});

test("every answer has an id of its own", async () => {
  const [kept, ids] = [keepResponse(), new Set()];
  for (let round = 0; round < 5; round += 1) {
    await client.createUser(kept);
    ids.add(kept.last.headers.get("x-ms-request-id"));
  }
  assert.equal(ids.size, 5);
});
