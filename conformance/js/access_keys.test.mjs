// The two keys of a resource: both work, wrong ones do not, and a regenerated one stops at once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CommunicationIdentityClient } from "@azure/communication-identity";

import { assertIdentifier, expectError, ownServer, server, trusting } from "./harness.mjs";

function withKey(someServer, key) {
  return new CommunicationIdentityClient(someServer.endpoint, { key }, trusting(someServer));
}

/** Both keys, in the shape ACS's management API gives them. */
function keysOf(someServer) {
  return someServer.command("key", "show", "--resource", someServer.resourceName);
}

for (const which of ["primary", "secondary"]) {
  test(`the ${which} key and its connection string work`, async () => {
    const keys = await keysOf(server);
    assertIdentifier(await withKey(server, keys[`${which}Key`]).createUser());
    assertIdentifier(await new CommunicationIdentityClient(keys[`${which}ConnectionString`]).createUser());
  });
}

const WRONG_KEYS = { zeros: Buffer.alloc(64), "another length": Buffer.alloc(32, 255), "one byte": Buffer.from([165]) };
for (const [name, bytes] of Object.entries(WRONG_KEYS)) {
  test(`a wrong key is refused: ${name}`, async () => {
    await expectError(withKey(server, bytes.toString("base64")).createUser(), 401);
  });
}

test("a key of another resource is refused", async (context) => {
  const other = await ownServer(context);
  await expectError(withKey(server, other.accessKey).createUser(), 401);
});

for (const [which, other] of [["primary", "secondary"], ["secondary", "primary"]]) {
  test(`a regenerated ${which} key replaces the old one at once`, async (context) => {
    const own = await ownServer(context);
    const before = await keysOf(own);
    const [changed, kept] = [withKey(own, before[`${which}Key`]), withKey(own, before[`${other}Key`])];
    await changed.createUser();
    await kept.createUser();

    const after = await own.command("key", "regenerate", which, "--yes", "--resource", own.resourceName);

    await expectError(changed.createUser(), 401);
    assertIdentifier(await kept.createUser(), own.resourceId);
    assert.notEqual(after[`${which}Key`], before[`${which}Key`]);
    assert.equal(after[`${other}Key`], before[`${other}Key`]);
    assertIdentifier(await withKey(own, after[`${which}Key`]).createUser(), own.resourceId);
  });
}
