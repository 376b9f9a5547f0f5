// Tokens verified by a customer's own service: discovery document, key set, ES256.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createRemoteJWKSet, errors, jwtVerify } from "jose";

import { claimsOf, connect, server } from "./harness.mjs";

const client = connect();

async function discover(issuer) {
  const response = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  assert.equal(response.status, 200);
  const document = await response.json();
  assert.equal(document.issuer, issuer);
  return document;
}

async function verify(token, changes = {}) {
  const issuer = claimsOf(token).iss;
  const keys = createRemoteJWKSet(new URL((await discover(issuer)).jwks_uri));
  return jwtVerify(token, keys, { issuer, audience: server.resourceId, algorithms: ["ES256"], ...changes });
}

function withClaims(token, changes) {
  const [header, , signature] = token.split(".");
  const claims = JSON.stringify({ ...claimsOf(token), ...changes });
  return [header, Buffer.from(claims).toString("base64url"), signature].join(".");
}

test("the published key verifies a token", async () => {
  const { user, token } = await client.createUserAndToken(["chat", "voip"]);
  const { payload, protectedHeader } = await verify(token);
  assert.equal(`8:${payload.skypeid}`, user.communicationUserId);
  assert.equal(payload.resourceId, server.resourceId);
  assert.equal(payload.exp - payload.iat, 24 * 60 * 60);
  assert.match(payload.csi, /^\d+$/);
  assert(Number.isInteger(payload.scp));
  assert.equal(protectedHeader.alg, "ES256");
  assert(protectedHeader.kid);
});

test("the issuer is the origin the client talks to", async () => {
  const { token } = await client.createUserAndToken(["chat"]);
  assert.equal(new URL(claimsOf(token).iss).origin, new URL(server.endpoint).origin);
});

for (const changes of [{ acsScope: "chat" }, { exp: 4_000_000_000 }, { skypeid: "acs:someone_else" }]) {
  test(`a changed claim does not verify: ${Object.keys(changes)}`, async () => {
    const { token } = await client.createUserAndToken(["chat.join.limited"]);
    await assert.rejects(verify(withClaims(token, changes)), errors.JWSSignatureVerificationFailed);
  });
}

test("a token is meant for its resource only", async () => {
  const { token } = await client.createUserAndToken(["chat"]);
  const audience = "00000000-0000-4000-8000-000000000000";
  await assert.rejects(verify(token, { audience }), errors.JWTClaimValidationFailed);
});
