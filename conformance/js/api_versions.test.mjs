// Every api-version a customer's SDK may ask for, and what becomes of one nobody published.

import assert from "node:assert/strict";
import { test } from "node:test";

import { beforeSigning, claimsOf, connect, expectError, keepResponse, server } from "./harness.mjs";

test("this SDK asks for 2023-10-01", async () => {
  const kept = keepResponse();
  await connect().createUser(kept);
  assert.equal(new URL(kept.last.request.url).searchParams.get("api-version"), "2023-10-01");
});

/** This SDK has no option for the version; the older releases that ask for others differ in nothing else here. */
function asking(version) {
  return connect(server, beforeSigning((request) => {
    const url = new URL(request.url);
    url.searchParams.set("api-version", version);
    request.url = url.href;
  }));
}

for (const version of ["2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01"]) {
  test(`the whole life of a user in ${version}`, async () => {
    const client = asking(version);
    const user = await client.createUser();
    const { token } = await client.getToken(user, ["chat", "voip"]);
    assert.equal(`8:${claimsOf(token).skypeid}`, user.communicationUserId);
    await client.revokeTokens(user);
    await client.deleteUser(user);
    assert((await client.createUserAndToken(["chat"])).token);
  });
}

for (const version of ["1999-01-01", "nonsense"]) {
  test(`an unpublished version is refused: ${version}`, async () => {
    await expectError(asking(version).createUser(), 400);
  });
}
