// The identifiers handed out, read back by the SDK's own parser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createIdentifierFromRawId, getIdentifierRawId } from "@azure/communication-common";

import { assertIdentifier, connect } from "./harness.mjs";

// Three parts joined by `_` would make it a Teams extension user.
test("an identifier parses as a communication user", async () => {
  const user = await connect().createUser();
  assertIdentifier(user);
  const parsed = createIdentifierFromRawId(user.communicationUserId);
  assert.deepEqual(parsed, { kind: "communicationUser", communicationUserId: user.communicationUserId });
  assert.equal(getIdentifierRawId(parsed), user.communicationUserId);
});

test("a user rebuilt from a stored raw id is the same user", async () => {
  const client = connect();
  const stored = createIdentifierFromRawId((await client.createUser()).communicationUserId);
  await client.getToken(stored, ["chat"]);
  await client.revokeTokens(stored);
  await client.deleteUser(stored);
});
