// What every test file shares: the servers, SDK clients, what to expect of errors, and reading tokens.

import assert from "node:assert/strict";
import dns from "node:dns";
import { STATUS_CODES } from "node:http";
import { readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";

import { CommunicationIdentityClient } from "@azure/communication-identity";

import { Server, startServer } from "./server.mjs";

export const ALL_SCOPES = ["chat", "chat.join", "chat.join.limited", "voip", "voip.join"];

const GUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

/** The server all files share, started by `run.mjs`. Nobody moves its clock or changes its keys; see `ownServer`. */
export const server = sharedServer("CONFORMANCE_SHARED_SERVER");

/** A second one on the machine's own clock, for what the SDKs compare with theirs; its own keys are never changed. */
export const realTimeServer = sharedServer("CONFORMANCE_REAL_TIME_SERVER");

function sharedServer(variable) {
  const description = process.env[variable];
  assert(description, "start the suites with run.mjs: it starts the servers and sets the environment");
  const { data, ...ready } = JSON.parse(description);
  return new Server(ready, data, true);
}

// Further resources have names that end in `.localhost`. RFC 6761 §6.3 wants these to be loopback, which systemd's
// resolver does and the C library alone does not.
const genuineLookup = dns.lookup;
dns.lookup = (name, ...rest) => genuineLookup(name.endsWith(".localhost") ? "localhost" : name, ...rest);

/** A server for one test, whose clock may be moved and whose keys may be changed; `context` is the test's own. */
export async function ownServer(context, { testClock = true } = {}) {
  const running = await startServer({ testClock });
  context.after(running.stop);
  return running.server;
}

/** Client options that make a server trusted whose authority the environment does not name. */
export function trusting(someServer) {
  return someServer.trustedByEnvironment ? {} : { tlsOptions: { ca: readFileSync(someServer.caFile, "utf8") } };
}

/** An identity client made from the connection string. */
export function connect(someServer = server, options = {}) {
  return new CommunicationIdentityClient(someServer.connectionString, { ...trusting(someServer), ...options });
}

/** Client options that put a policy before the SDK's signature. */
export function beforeSigning(change) {
  const policy = {
    name: "conformanceBeforeSigning",
    sendRequest: (request, next) => {
      change(request);
      return next(request);
    },
  };
  return { additionalPolicies: [{ policy, position: "perCall" }] };
}

/** Client options that put a policy after the SDK's signature and its retries. */
export function afterSigning(change) {
  const policy = {
    name: "conformanceAfterSigning",
    sendRequest: async (request, next) => {
      await change(request);
      return next(request);
    },
  };
  return { additionalPolicies: [{ policy, position: "perRetry" }] };
}

/** Awaits a call that must fail with one of `statuses`, in the one shape every error has; returns the error. */
export async function expectError(promise, ...statuses) {
  let error;
  await assert.rejects(promise, (raised) => {
    error = raised;
    return true;
  });
  assert.equal(error.name, "RestError", String(error));
  assert(statuses.includes(error.statusCode), `${error.statusCode}: ${error.message}`);
  assert(STATUS_CODES[error.statusCode], "a status nobody knows");
  // Read from the body: the SDK puts other words into its error where the body has none.
  const body = JSON.parse(error.response.bodyAsText).error;
  assert(body.code, "the error has no code");
  assert(body.message, "the error has no message");
  assert.equal(error.code, body.code);
  const headers = error.response.headers;
  assert.match(headers.get("content-type"), /^application\/json/);
  assert.equal(headers.get("x-ms-error-code"), error.code);
  // Other SDKs retry every 4xx that carries Retry-After, so a permanent error must not.
  assert(!headers.has("retry-after"), "a permanent error asks to be retried");
  return error;
}

/** Awaits a call that must fail by the caller's own fault, where ACS does not publish which status it gives. */
export function expectClientError(promise) {
  return expectError(promise, 400, 401, 403, 404, 422);
}

/** A call option that keeps the newest raw answer, as `last`. */
export function keepResponse() {
  const kept = { onResponse: (response) => (kept.last = response) };
  return kept;
}

/** A well-formed user that no server has handed out. */
export function newUser(resourceId = server.resourceId) {
  return { communicationUserId: `8:acs:${resourceId}_${randomUUID()}` };
}

/** Checks the documented form, whose two parts hold no further `_` (three would be another kind). */
export function assertIdentifier(user, resourceId = server.resourceId) {
  assert.match(user.communicationUserId, new RegExp(`^8:acs:${resourceId}_${GUID}$`));
}

/** The claims of a token. */
export function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString("utf8"));
}

/** Checks `expiresOn` within five per cent of what was asked for, which is what ACS's own suites allow. */
export function assertLifetime({ expiresOn }, minutes, now = new Date()) {
  assert(expiresOn instanceof Date);
  const lived = (expiresOn - now) / 60_000;
  assert(Math.abs(lived - minutes) <= minutes * 0.05, `${lived} minutes instead of ${minutes}`);
}

/** A token no server signed, for what the SDKs only look at on their own side: its expiry. */
export function handmadeToken(lifetimeSeconds) {
  const claims = { exp: Math.floor(Date.now() / 1000) + lifetimeSeconds };
  const parts = [{ alg: "none" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"));
  return [...parts, "unsigned"].join(".");
}

/** All pairs of a list's entries. */
export function pairs(list) {
  return list.flatMap((first, index) => list.slice(index + 1).map((second) => [first, second]));
}
