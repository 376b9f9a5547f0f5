// CommunicationIdentity_IssueAccessToken: `getToken`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ALL_SCOPES, assertLifetime, claimsOf, connect, expectClientError, expectError, keepResponse, newUser, pairs,
  realTimeServer,
} from "./harness.mjs";

const client = connect();

for (const scopes of [...ALL_SCOPES.map((scope) => [scope]), ...pairs(ALL_SCOPES), ALL_SCOPES]) {
  test(`a token has the scopes ${scopes}`, async () => {
    const user = await client.createUser();
    const kept = keepResponse();
    const result = await client.getToken(user, scopes, kept);
    assert.equal(kept.last.status, 200);
    const claims = claimsOf(result.token);
    assert.deepEqual(new Set(claims.acsScope.split(",")), new Set(scopes));
    assert.equal(`8:${claims.skypeid}`, user.communicationUserId);
    assert.equal(Math.floor(result.expiresOn / 1000), claims.exp);
    assertLifetime(result, 1440);
  });
}

test("one user may hold several tokens", async () => {
  const user = await client.createUser();
  const tokens = await Promise.all(ALL_SCOPES.map((scope) => client.getToken(user, [scope])));
  assert.deepEqual(tokens.map(({ token }) => claimsOf(token).acsScope), ALL_SCOPES);
});

for (const tokenExpiresInMinutes of [60, 61, 720, 1440]) {
  test(`a token lives ${tokenExpiresInMinutes} minutes when asked`, async () => {
    const client = connect(realTimeServer);
    const user = await client.createUser();
    assertLifetime(await client.getToken(user, ["voip"], { tokenExpiresInMinutes }), tokenExpiresInMinutes);
  });
}

for (const tokenExpiresInMinutes of [-60, 0, 59, 1441]) {
  test(`a lifetime of ${tokenExpiresInMinutes} minutes is refused`, async () => {
    const user = await client.createUser();
    await expectError(client.getToken(user, ["voip"], { tokenExpiresInMinutes }), 400);
  });
}

for (const scopes of [[], ["chat", "paint"], [""]]) {
  test(`scopes ${JSON.stringify(scopes)} are refused`, async () => {
    const user = await client.createUser();
    await expectError(client.getToken(user, scopes), 400);
  });
}

test("an unknown user is not found", async () => {
  await expectError(client.getToken(newUser(), ["chat"]), 404);
});

const FOREIGN = [
  newUser("00000000-0000-4000-8000-000000000000").communicationUserId,
  "8:acs:nonsense", "8:orgid:00000000-0000-4000-8000-000000000001", "4:+15550100", "%", "a b/../c",
];
for (const communicationUserId of FOREIGN) {
  test(`an identifier of another kind or resource is refused: ${communicationUserId}`, async () => {
    await expectClientError(client.getToken({ communicationUserId }, ["chat"]));
  });
}
