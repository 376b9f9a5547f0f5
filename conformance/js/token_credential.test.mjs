// `AzureCommunicationTokenCredential` with tokens and refreshers of a server on real time.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { claimsOf, connect, handmadeToken, realTimeServer } from "./harness.mjs";

const client = connect(realTimeServer);

/** A refresher that fetches a token of one user each time it is asked, and counts. */
async function refresherFor(scopes) {
  const user = await client.createUser();
  const refresher = async () => {
    refresher.calls += 1;
    return (await client.getToken(user, scopes, { tokenExpiresInMinutes: 60 })).token;
  };
  return Object.assign(refresher, { calls: 0, skypeid: user.communicationUserId.slice("8:".length) });
}

test("a fixed token is used as it is", async () => {
  const { token, expiresOn } = await client.createUserAndToken(["chat"]);
  const credential = new AzureCommunicationTokenCredential(token);
  const read = await credential.getToken();
  assert.equal(read.token, token);
  assert.equal(read.expiresOnTimestamp, Math.floor(expiresOn / 1000) * 1000);
  credential.dispose();
});

test("a credential without a token fetches one and keeps it", async () => {
  const tokenRefresher = await refresherFor(["chat"]);
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher });
  const [first, second] = [await credential.getToken(), await credential.getToken()];
  assert.equal(tokenRefresher.calls, 1);
  assert.equal(first.token, second.token);
  assert.equal(claimsOf(first.token).skypeid, tokenRefresher.skypeid);
  credential.dispose();
});

test("an expired token is replaced", async () => {
  const tokenRefresher = await refresherFor(["voip"]);
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher, token: handmadeToken(-60) });
  assert.equal(claimsOf((await credential.getToken()).token).skypeid, tokenRefresher.skypeid);
  assert.equal(tokenRefresher.calls, 1);
  credential.dispose();
});

test("a fresh token is not refreshed", async () => {
  const tokenRefresher = await refresherFor(["chat"]);
  const { token } = await client.createUserAndToken(["chat"], { tokenExpiresInMinutes: 60 });
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher, token });
  assert.equal((await credential.getToken()).token, token);
  assert.equal(tokenRefresher.calls, 0);
  credential.dispose();
});

test("callers at once share one refresh", async () => {
  const tokenRefresher = await refresherFor(["chat"]);
  const credential = new AzureCommunicationTokenCredential({ tokenRefresher, token: handmadeToken(-60) });
  const tokens = await Promise.all(Array.from({ length: 5 }, () => credential.getToken()));
  assert.equal(tokenRefresher.calls, 1);
  assert.equal(new Set(tokens.map(({ token }) => token)).size, 1);
  credential.dispose();
});

// The SDK's timer runs on a mocked clock; the tokens are fetched before, because their requests are signed with it too.
test("proactive refresh happens ten minutes before the end", async () => {
  const user = await client.createUser();
  const { token } = await client.getToken(user, ["chat"], { tokenExpiresInMinutes: 60 });
  const next = (await client.getToken(user, ["chat"], { tokenExpiresInMinutes: 1440 })).token;
  const calls = [];
  const tokenRefresher = async () => (calls.push(Date.now()), next);
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
  try {
    const credential = new AzureCommunicationTokenCredential({ tokenRefresher, token, refreshProactively: true });
    mock.timers.tick(49 * 60_000);
    assert.equal(calls.length, 0);
    mock.timers.tick(60_000);
    assert.equal(calls.length, 1);
    await new Promise(setImmediate); // The SDK takes the new token over in promises of its own.
    assert.equal(claimsOf((await credential.getToken()).token).exp, claimsOf(next).exp);
    credential.dispose();
  } finally {
    mock.timers.reset();
  }
});
