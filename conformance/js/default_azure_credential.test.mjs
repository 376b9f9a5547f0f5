// A service that signs in with `DefaultAzureCredential` runs here by environment variables alone.
//
// Each test starts the service as a program of its own, which knows its endpoint and nothing of Trunkline.

import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Directory } from "./directory.mjs";
import { assertIdentifier, realTimeServer } from "./harness.mjs";

const SERVICE = `
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { DefaultAzureCredential } from "@azure/identity";

const client = new CommunicationIdentityClient(process.env.ACS_ENDPOINT, new DefaultAzureCredential());
const { user } = await client.createUserAndToken(["chat"]);
console.log(user.communicationUserId);
`;

const DEADLINE_MS = 60_000;
// The environment of a process that trusts the server; no variable of another directory.
const KEPT = ["PATH", "HOME", "LANG", "NO_PROXY", "NODE_EXTRA_CA_CERTS"];

const directory = new Directory(realTimeServer);

/** Runs the service with further variables and checks the user it made. */
async function runService(environment) {
  const kept = Object.fromEntries(KEPT.filter((name) => name in process.env).map((name) => [name, process.env[name]]));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", SERVICE], {
    cwd: dirname(fileURLToPath(import.meta.url)),
    env: { ...kept, ACS_ENDPOINT: realTimeServer.endpoint, ...environment },
    timeout: DEADLINE_MS,
  });
  assertIdentifier({ communicationUserId: stdout.trim() }, realTimeServer.resourceId);
}

test("the managed identity of a virtual machine", async () => {
  await runService({ AZURE_POD_IDENTITY_AUTHORITY_HOST: realTimeServer.managedIdentityEndpoint });
});

test("the managed identity of an App Service", async () => {
  const origin = realTimeServer.managedIdentityEndpoint.replace(/\/$/, "");
  await runService({ IDENTITY_ENDPOINT: `${origin}/metadata/identity/oauth2/token`, IDENTITY_HEADER: "any" });
});

test("a managed identity chosen by client id", async () => {
  const application = await directory.application("contributor", { isManagedIdentity: true });
  await runService({
    AZURE_POD_IDENTITY_AUTHORITY_HOST: realTimeServer.managedIdentityEndpoint,
    AZURE_CLIENT_ID: application.clientId,
  });
});
