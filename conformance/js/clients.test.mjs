// The ways to make a client: connection string, endpoint and key, and what they do to the endpoint's form.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CommunicationIdentityClient } from "@azure/communication-identity";

import { assertIdentifier, connect, expectError, handmadeToken, server } from "./harness.mjs";

const origin = new URL(server.endpoint).origin;

for (const endpoint of [origin, `${origin}/`]) {
  test(`endpoint and key make a client: ${endpoint.replace(origin, "ORIGIN")}`, async () => {
    const client = new CommunicationIdentityClient(endpoint, { key: server.accessKey });
    const user = await client.createUser();
    assertIdentifier(user);
    await client.getToken(user, ["chat"]);
    await client.deleteUser(user);
  });
}

const FORMS = ["endpoint=ORIGIN/;accesskey=KEY", "endpoint=ORIGIN;accesskey=KEY", "Endpoint=ORIGIN/;AccessKey=KEY"];
for (const form of FORMS) {
  test(`a connection string works: ${form}`, async () => {
    const connectionString = form.replace("ORIGIN", origin).replace("KEY", server.accessKey);
    assertIdentifier(await new CommunicationIdentityClient(connectionString).createUser());
  });
}

test("one client serves many calls", async () => {
  const client = connect();
  for (let round = 0; round < 10; round += 1) assertIdentifier((await client.createUserAndToken(["chat"])).user);
});

function bearer(token) {
  return new CommunicationIdentityClient(origin, {
    getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
  });
}

test("an unsigned bearer token is refused", async () => {
  await expectError(bearer(handmadeToken(3600)).createUser(), 401);
});

test("a user token cannot manage identities", async () => {
  const { token } = await connect().createUserAndToken(["chat", "voip"]);
  const error = await expectError(bearer(token).createUser(), 401, 403);
  assert(!error.message.includes(token), "the answer repeats the token");
});
