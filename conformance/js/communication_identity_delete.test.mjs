// CommunicationIdentity_Delete: `deleteUser`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, expectError, keepResponse } from "./harness.mjs";

const client = connect();

test("deletion answers without content", async () => {
  const user = await client.createUser();
  const kept = keepResponse();
  assert.equal(await client.deleteUser(user, kept), undefined);
  assert.equal(kept.last.status, 204);
});

test("a deleted user is not found", async () => {
  const { user } = await client.createUserAndToken(["chat"]);
  await client.deleteUser(user);
  await expectError(client.getToken(user, ["chat"]), 404);
  await expectError(client.revokeTokens(user), 404);
});

test("deletion leaves other users alone", async () => {
  const [gone, kept] = [await client.createUser(), await client.createUser()];
  await client.deleteUser(gone);
  assert((await client.getToken(kept, ["chat"])).token);
});

// ACS does not say what a second deletion answers, so done and not found are both right; nothing else is.
test("deleting at once from many sides ends with the user gone", async () => {
  const user = await client.createUser();
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => client.deleteUser(user)));
  const refused = outcomes.filter(({ status }) => status === "rejected");
  assert(refused.length < outcomes.length);
  for (const { reason } of refused) assert.equal(reason.statusCode, 404);
  await expectError(client.getToken(user, ["chat"]), 404);
});
