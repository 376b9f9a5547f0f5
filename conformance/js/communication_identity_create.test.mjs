// CommunicationIdentity_Create: `createUser` and `createUserAndToken`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ALL_SCOPES, assertIdentifier, assertLifetime, claimsOf, connect, expectError, keepResponse, pairs, realTimeServer,
} from "./harness.mjs";

const client = connect();

test("a user has an identifier of this resource", async () => {
  const kept = keepResponse();
  assertIdentifier(await client.createUser(kept));
  assert.equal(kept.last.status, 201);
});

test("users made at once are all different", async () => {
  const users = await Promise.all(Array.from({ length: 20 }, () => client.createUser()));
  assert.equal(new Set(users.map((user) => user.communicationUserId)).size, 20);
});

for (const scopes of [...ALL_SCOPES.map((scope) => [scope]), ...pairs(ALL_SCOPES), ALL_SCOPES]) {
  test(`a new user's token has the scopes ${scopes}`, async () => {
    const result = await client.createUserAndToken(scopes);
    assertIdentifier(result.user);
    const claims = claimsOf(result.token);
    assert.deepEqual(new Set(claims.acsScope.split(",")), new Set(scopes));
    assert.equal(`8:${claims.skypeid}`, result.user.communicationUserId);
    assertLifetime(result, 1440);
  });
}

for (const tokenExpiresInMinutes of [60, 61, 720, 1440]) {
  test(`a new user's token lives ${tokenExpiresInMinutes} minutes when asked`, async () => {
    const made = await connect(realTimeServer).createUserAndToken(["chat"], { tokenExpiresInMinutes });
    assertLifetime(made, tokenExpiresInMinutes);
  });
}

for (const tokenExpiresInMinutes of [-60, 0, 59, 1441]) {
  test(`a lifetime of ${tokenExpiresInMinutes} minutes is refused at creation`, async () => {
    await expectError(client.createUserAndToken(["chat"], { tokenExpiresInMinutes }), 400);
  });
}

for (const scopes of [["chat", "paint"], [""]]) {
  test(`unknown scopes ${JSON.stringify(scopes)} are refused at creation`, async () => {
    await expectError(client.createUserAndToken(scopes), 400);
  });
}
