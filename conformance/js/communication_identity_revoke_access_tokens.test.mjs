// CommunicationIdentity_RevokeAccessTokens: `revokeTokens`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { claimsOf, connect, expectError, keepResponse, newUser } from "./harness.mjs";

const client = connect();

test("revocation answers without content", async () => {
  const { user } = await client.createUserAndToken(["chat", "voip"]);
  const kept = keepResponse();
  assert.equal(await client.revokeTokens(user, kept), undefined);
  assert.equal(kept.last.status, 204);
  assert(!kept.last.bodyAsText);
});

test("a user without tokens can be revoked again and again", async () => {
  const user = await client.createUser();
  for (let round = 0; round < 3; round += 1) await client.revokeTokens(user);
});

test("a user gets new tokens after revocation", async () => {
  const { user, token } = await client.createUserAndToken(["chat"]);
  await client.revokeTokens(user);
  const next = await client.getToken(user, ["chat"]);
  assert.notEqual(next.token, token);
  assert.equal(claimsOf(next.token).skypeid, claimsOf(token).skypeid);
});

test("an unknown user cannot be revoked", async () => {
  await expectError(client.revokeTokens(newUser()), 404);
});
