// The signature of a request: what it must cover, in which form, and how far clocks may differ.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";

import {
  afterSigning, assertIdentifier, beforeSigning, claimsOf, connect, expectError, ownServer, realTimeServer, server,
} from "./harness.mjs";

/** Client options that sign anew after the SDK has, with another time, host or body than the true one. */
function resigning({ accessKey = server.accessKey, date = new Date(), host, body } = {}) {
  return afterSigning((request) => {
    const url = new URL(request.url);
    const digest = createHash("sha256").update(body ?? request.body ?? "").digest("base64");
    const text = [
      request.method, url.pathname + url.search, `${date.toUTCString()};${host ?? url.host};${digest}`,
    ].join("\n");
    const signature = createHmac("sha256", Buffer.from(accessKey, "base64")).update(text).digest("base64");
    request.headers.set("x-ms-date", date.toUTCString());
    request.headers.set("x-ms-content-sha256", digest);
    request.headers.set(
      "authorization",
      `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`,
    );
  });
}

function minutesFromNow(minutes) {
  return new Date(Date.now() + minutes * 60_000);
}

// The control of this file: without it the refusals below could have another reason.
test("a signature made by the test itself is accepted", async () => {
  assertIdentifier(await connect(server, resigning()).createUser());
});

for (const minutes of [-14, -1, 1, 14]) {
  test(`clocks ${minutes} minutes apart are tolerated`, async () => {
    const { accessKey, resourceId } = realTimeServer;
    const client = connect(realTimeServer, resigning({ accessKey, date: minutesFromNow(minutes) }));
    assertIdentifier(await client.createUser(), resourceId);
  });
}

for (const minutes of [-60 * 24 * 365, -16, 16, 60 * 24 * 365]) {
  test(`clocks ${minutes} minutes apart are refused`, async () => {
    const { accessKey } = realTimeServer;
    const client = connect(realTimeServer, resigning({ accessKey, date: minutesFromNow(minutes) }));
    await expectError(client.createUser(), 401);
  });
}

test("the server's clock decides, and tokens follow it", async (context) => {
  const own = await ownServer(context);
  assertIdentifier(await connect(own).createUser(), own.resourceId);
  const date = await own.advanceClock(20 * 60);
  await expectError(connect(own).createUser(), 401);
  const { token } = await connect(own, resigning({ accessKey: own.accessKey, date })).createUserAndToken(["chat"]);
  assert(Math.abs(claimsOf(token).iat - date / 1000) < 60);
});

for (const host of ["other.example", "localhost", "localhost:1"]) {
  test(`a signature for another host is refused: ${host}`, async () => {
    await expectError(connect(server, resigning({ host })).createUser(), 401);
  });
}

test("a signature over another body is refused", async () => {
  await expectError(connect(server, resigning({ body: "{}" })).createUserAndToken(["chat"]), 401);
});

const DAMAGE = {
  "one character short": (value) => value.slice(0, -1),
  truncated: (value) => value.slice(0, -20),
  "one character more": (value) => value.replace("Signature=", "Signature=A"),
  "no signature": (value) => value.split("&")[0],
  "another algorithm": (value) => value.replace("HMAC-SHA256", "HMAC-SHA1"),
  "a bare scheme": () => "HMAC-SHA256",
  "another scheme": () => "Basic dHJ1bms6bGluZQ==",
};
for (const [name, damage] of Object.entries(DAMAGE)) {
  test(`damaged authorization is refused: ${name}`, async () => {
    const options = afterSigning(({ headers }) => headers.set("authorization", damage(headers.get("authorization"))));
    await expectError(connect(server, options).createUser(), 401);
  });
}

test("missing authorization is refused", async () => {
  const options = afterSigning(({ headers }) => headers.delete("authorization"));
  await expectError(connect(server, options).createUser(), 401);
});

// The SDK sends the query as it was written and signs what URLSearchParams makes of it: `%20` is sent, `+` is signed.
// The parameter means nothing to the server, which must find the signed form nevertheless.
const QUERIES = [
  "tag=New%20York", "tag=a+b", "$skiptoken=abc/d", "tag=(one)!'~*", "tag=%28one%29%21%27%7E%2A",
  "tag=%c3%a9%F0%9F%98%80", "tag=a%2Bb%3Dc%26d", "tag=", "tag", "tag=1&tag=2", "b=%20&a=%20",
];
for (const query of QUERIES) {
  test(`a signed query may differ in form from the one sent: ${query}`, async () => {
    let sent;
    const options = beforeSigning((request) => {
      request.url += `&${query}`;
      sent = request.url;
    });
    assertIdentifier(await connect(server, options).createUser());
    assert(sent.endsWith(query));
  });
}

test("a query changed after signing is refused", async () => {
  const options = afterSigning((request) => (request.url += "&tag=late"));
  await expectError(connect(server, options).createUser(), 401);
});
