// `EntraCommunicationTokenCredential`: a signed-in directory user's token becomes a user token, and for whom it must not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { AuthorizationCodeCredential, ClientSecretCredential } from "@azure/identity";

import { DATA_SCOPE, Directory, ENTRA_SCOPE, TEAMS_EXTENSION_SCOPE, TEAMS_SCOPE } from "./directory.mjs";
import { assertIdentifier, claimsOf, connect, expectError, realTimeServer } from "./harness.mjs";

const directory = new Directory(realTimeServer);
const REDIRECT = "https://portal.example.com/signed-in";

const application = await directory.application(null, { redirectUris: [REDIRECT] });
const secret = await directory.secret(application.clientId);

/** A user's sign-in at a web application, as a token credential of the official package. */
async function signedIn(user, scope) {
  const code = await directory.code(application, user, `${scope} openid profile offline_access`, REDIRECT);
  return new AuthorizationCodeCredential(
    directory.tenantId, application.clientId, secret, code, REDIRECT, directory.options,
  );
}

/** What the SDK's own credential gets in exchange; `endpoint` as the customer wrote it. */
async function exchange(tokenCredential, scope, endpoint = realTimeServer.endpoint) {
  const options = { resourceEndpoint: endpoint, tokenCredential, scopes: [scope] };
  const credential = new AzureCommunicationTokenCredential(options);
  try {
    return await credential.getToken();
  } finally {
    credential.dispose();
  }
}

for (const slash of ["", "/"]) {
  test(`a user's token is exchanged at an endpoint that ends in "${slash}"`, async () => {
    const credential = await signedIn(await directory.user(), ENTRA_SCOPE);
    const { token, expiresOnTimestamp } = await exchange(credential, ENTRA_SCOPE, realTimeServer.endpoint + slash);
    const claims = claimsOf(token);
    assertIdentifier({ communicationUserId: `8:${claims.skypeid}` }, realTimeServer.resourceId);
    assert.equal(Math.floor(expiresOnTimestamp / 1000), claims.exp);
    assert((await realTimeServer.operate("POST", "/trunkline/tokens/:inspect", { token })).isValid);
  });
}

test("a directory user is the same user of the resource each time", async () => {
  const [user, other] = [await directory.user(), await directory.user()];
  const identities = [];
  for (const each of [user, user, other]) {
    const { token } = await exchange(await signedIn(each, ENTRA_SCOPE), ENTRA_SCOPE);
    identities.push(claimsOf(token).skypeid);
  }
  assert.equal(identities[0], identities[1]);
  assert.notEqual(identities[0], identities[2]);
});

test("an assigned user's token is exchanged for the Teams extension", async () => {
  const user = await directory.user();
  await assign(user);
  const { token } = await exchange(await signedIn(user, TEAMS_EXTENSION_SCOPE), TEAMS_EXTENSION_SCOPE);
  assert((await realTimeServer.operate("POST", "/trunkline/tokens/:inspect", { token })).isValid);
});

/** Lets a user be exchanged; no released identity SDK has a method for it yet, so its own client sends the request. */
async function assign({ objectId }) {
  const path = `/access/teamsExtension/tenants/${directory.tenantId}/assignments/${objectId}`;
  const body = JSON.stringify({ principalType: "user", clientIds: [application.clientId] });
  const inner = connect(realTimeServer).client;
  const { createHttpHeaders, createPipelineRequest } = await import("@azure/core-rest-pipeline");
  const response = await inner.sendRequest(createPipelineRequest({
    url: `${realTimeServer.endpoint}${path}?api-version=2025-06-30`,
    method: "PUT",
    headers: createHttpHeaders({ "content-type": "application/json" }),
    body,
  }));
  assert([200, 201].includes(response.status), response.bodyAsText);
}

test("a user's token is exchanged for a Teams user's", async () => {
  const user = await directory.user();
  const { token } = await (await signedIn(user, TEAMS_SCOPE)).getToken(TEAMS_SCOPE);
  const exchanged = await connect(realTimeServer).getTokenForTeamsUser({
    teamsUserAadToken: token, clientId: application.clientId, userObjectId: user.objectId,
  });
  assert.equal(claimsOf(exchanged.token).skypeid, `orgid:${user.objectId}`);
});

test("a Teams user's token is refused for somebody else", async () => {
  const [user, other] = [await directory.user(), await directory.user()];
  const { token } = await (await signedIn(user, TEAMS_SCOPE)).getToken(TEAMS_SCOPE);
  const call = connect(realTimeServer).getTokenForTeamsUser({
    teamsUserAadToken: token, clientId: application.clientId, userObjectId: other.objectId,
  });
  await expectError(call, 401);
});

async function refused(credential, scope) {
  await assert.rejects(exchange(credential, scope), /Status: 40[13]/);
}

test("a token for the data plane is not exchanged", async () => {
  const credential = await signedIn(await directory.user(), DATA_SCOPE);
  await refused({ getToken: () => credential.getToken(DATA_SCOPE) }, ENTRA_SCOPE);
});

test("an application's token is not exchanged", async () => {
  const { tenantId, options } = directory;
  const credential = new ClientSecretCredential(tenantId, application.clientId, secret, options);
  const scope = "https://communication.azure.com/clients/.default";
  await assert.rejects(exchange(credential, scope));
});
