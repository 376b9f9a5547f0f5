// CommunicationIdentity_ExchangeTeamsUserAccessToken: `getTokenForTeamsUser`.
//
// Without a configured issuer there is nobody whose word could be taken, so what is tested is a clear refusal.

import { test } from "node:test";

import { connect, expectClientError, handmadeToken } from "./harness.mjs";

const client = connect();
const clientId = "00000000-0000-4000-8000-00000000000a";
const userObjectId = "00000000-0000-4000-8000-00000000000b";

for (const [name, teamsUserAadToken] of [["an unsigned", handmadeToken(3600)], ["a nonsense", "nonsense"]]) {
  test(`${name} token of an unknown issuer is refused`, async () => {
    await expectClientError(client.getTokenForTeamsUser({ teamsUserAadToken, clientId, userObjectId }));
  });
}

test("our own user token cannot be exchanged", async () => {
  const { token } = await client.createUserAndToken(["voip"]);
  await expectClientError(client.getTokenForTeamsUser({ teamsUserAadToken: token, clientId, userObjectId }));
});
