// `@azure/identity` gets tokens of the built-in directory in each of its ways, and identity clients work with them.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { CommunicationIdentityClient } from "@azure/communication-identity";
import {
  ClientAssertionCredential, ClientCertificateCredential, ClientSecretCredential, DefaultAzureCredential,
  EnvironmentCredential, ManagedIdentityCredential, WorkloadIdentityCredential,
} from "@azure/identity";

import { DATA_SCOPE, Directory, makeCertificate, MANAGEMENT_SCOPE } from "./directory.mjs";
import { assertIdentifier, claimsOf, expectError, realTimeServer } from "./harness.mjs";
import { startIssuer } from "./issuer.mjs";

const directory = new Directory(realTimeServer);
const SUBJECT = "system:serviceaccount:shop:calls";

function identityClient(credential) {
  return new CommunicationIdentityClient(realTimeServer.endpoint, credential);
}

/** Checks the token of a credential, then has an identity client work with it. */
async function assertWorks(application, credential) {
  const { token, expiresOnTimestamp } = await credential.getToken(DATA_SCOPE);
  const claims = claimsOf(token);
  assert.equal(claims.aud.replace(/\/$/, ""), "https://communication.azure.com");
  assert.equal(claims.tid, directory.tenantId);
  assert.equal(claims.iss, realTimeServer.issuer);
  assert.equal(claims.oid, application.objectId);
  assert.equal(claims.appid, application.clientId);
  assert.equal(claims.idtyp, "app");
  assert(Math.abs(expiresOnTimestamp / 1000 - claims.exp) <= 5);
  const client = identityClient(credential);
  const { user } = await client.createUserAndToken(["chat"]);
  assertIdentifier(user, realTimeServer.resourceId);
  await client.deleteUser(user);
}

async function bySecret(application, { secret, tenantId = directory.tenantId } = {}) {
  secret ??= await directory.secret(application.clientId);
  return new ClientSecretCredential(tenantId, application.clientId, secret, directory.options);
}

test("a client secret", async () => {
  const application = await directory.application();
  await assertWorks(application, await bySecret(application));
});

function byCertificate(application, certificate) {
  const { tenantId, options } = directory;
  return new ClientCertificateCredential(tenantId, application.clientId, { certificate }, options);
}

test("a certificate", async () => {
  const application = await directory.application();
  await assertWorks(application, byCertificate(application, await directory.certificate(application.clientId)));
});

test("a certificate that is not registered is refused", async () => {
  const application = await directory.application();
  await directory.certificate(application.clientId);
  const { certificate, key } = makeCertificate();
  await expectRefusal(byCertificate(application, key + certificate), /AADSTS/);
});

/** A workload's credential, from a token in a file. */
async function workload(context, application, assertion) {
  const tokenFilePath = await temporaryFile(context, assertion);
  const { tenantId, options } = directory;
  return new WorkloadIdentityCredential({ tenantId, clientId: application.clientId, tokenFilePath, ...options });
}

test("a workload's federated token", async (context) => {
  const cluster = await startIssuer(context);
  const application = await directory.application();
  await directory.federate(application.clientId, cluster.url, SUBJECT);
  const assertion = await cluster.workloadToken(SUBJECT);
  await assertWorks(application, await workload(context, application, assertion));
});

for (const changes of [{ sub: "system:serviceaccount:shop:other" }, { aud: "somebody-else" }, { exp: 1 }]) {
  test(`a federated token that does not fit is refused: ${Object.keys(changes)}`, async (context) => {
    const cluster = await startIssuer(context);
    const application = await directory.application();
    await directory.federate(application.clientId, cluster.url, SUBJECT);
    const assertion = await cluster.workloadToken(SUBJECT, changes);
    await expectRefusal(await workload(context, application, assertion), /AADSTS/);
  });
}

/** What a virtual machine or an App Service has in its environment. */
const metadata = `${realTimeServer.managedIdentityEndpoint.replace(/\/$/, "")}/metadata/identity/oauth2/token`;
const HOSTS = {
  "a virtual machine": { AZURE_POD_IDENTITY_AUTHORITY_HOST: realTimeServer.managedIdentityEndpoint },
  "an App Service": { IDENTITY_ENDPOINT: metadata, IDENTITY_HEADER: "any" },
};

/** Runs a test's body with further variables in the environment. */
async function inEnvironment(variables, body) {
  Object.assign(process.env, variables);
  try {
    await body();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
}

for (const [host, environment] of Object.entries(HOSTS)) {
  const inside = (body) => () => inEnvironment(environment, body);

  test(`the managed identity of ${host}`, inside(async () => {
    const application = await directory.operate("GET", `/applications/${realTimeServer.clientId}`);
    await assertWorks(application, new ManagedIdentityCredential());
  }));

  test(`a managed identity chosen by client id, on ${host}`, inside(async () => {
    const application = await directory.application("owner", { isManagedIdentity: true });
    await assertWorks(application, new ManagedIdentityCredential({ clientId: application.clientId }));
  }));

  test(`an application that is no managed identity is refused on ${host}`, inside(async () => {
    const { clientId } = await directory.application();
    await expectRefusal(new ManagedIdentityCredential({ clientId, retryOptions: { maxRetries: 0 } }), /./);
  }));
}

/** The variables that name an application, and where it belongs. */
const variablesOf = ({ clientId }) => ({ AZURE_TENANT_ID: directory.tenantId, AZURE_CLIENT_ID: clientId });

async function temporaryFile(context, content) {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-credential-"));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "file"), content);
  return join(folder, "file");
}

for (const Credential of [EnvironmentCredential, DefaultAzureCredential]) {
  test(`a client secret in the environment, by ${Credential.name}`, async () => {
    const application = await directory.application();
    const AZURE_CLIENT_SECRET = await directory.secret(application.clientId);
    await inEnvironment({ ...variablesOf(application), AZURE_CLIENT_SECRET }, () =>
      assertWorks(application, new Credential(directory.options)));
  });

  test(`a certificate in the environment, by ${Credential.name}`, async (context) => {
    const application = await directory.application();
    const certificate = await directory.certificate(application.clientId);
    const AZURE_CLIENT_CERTIFICATE_PATH = await temporaryFile(context, certificate);
    await inEnvironment({ ...variablesOf(application), AZURE_CLIENT_CERTIFICATE_PATH }, () =>
      assertWorks(application, new Credential(directory.options)));
  });
}

for (const Credential of [WorkloadIdentityCredential, DefaultAzureCredential]) {
  test(`a workload's federated token in the environment, by ${Credential.name}`, async (context) => {
    const cluster = await startIssuer(context);
    const application = await directory.application();
    await directory.federate(application.clientId, cluster.url, SUBJECT);
    const AZURE_FEDERATED_TOKEN_FILE = await temporaryFile(context, await cluster.workloadToken(SUBJECT));
    const AZURE_AUTHORITY_HOST = directory.authority;
    await inEnvironment({ ...variablesOf(application), AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST }, () =>
      assertWorks(application, new Credential({ disableInstanceDiscovery: true })));
  });
}

test("an assertion that the program fetches", async (context) => {
  const cluster = await startIssuer(context);
  const application = await directory.application();
  await directory.federate(application.clientId, cluster.url, SUBJECT);
  const { tenantId, options } = directory;
  const assertion = () => cluster.workloadToken(SUBJECT);
  await assertWorks(application, new ClientAssertionCredential(tenantId, application.clientId, assertion, options));
});

/** Asks for a token, which must be refused in these words. */
async function expectRefusal(credential, words, scope = DATA_SCOPE) {
  await assert.rejects(credential.getToken(scope), (error) => {
    assert.match(error.message, words);
    return true;
  });
}

test("a wrong secret is refused", async () => {
  const application = await directory.application();
  await directory.secret(application.clientId);
  await expectRefusal(await bySecret(application, { secret: "wrong" }), /AADSTS7000215/);
});

test("an unknown application is refused", async () => {
  const clientId = "00000000-0000-4000-8000-0000000000ee";
  await expectRefusal(await bySecret({ clientId }, { secret: "any" }), /AADSTS700016/);
});

test("an unknown tenant is refused", async () => {
  const application = await directory.application();
  const tenantId = "00000000-0000-4000-8000-0000000000ee";
  // The SDK asks for discovery first and has words of its own for its failure.
  await expectRefusal(await bySecret(application, { tenantId }), /AADSTS90002|endpoints_resolution_error|openid_config/);
});

test("an unknown resource is refused", async () => {
  const credential = await bySecret(await directory.application());
  await expectRefusal(credential, /AADSTS500011/, "https://graph.microsoft.com/.default");
});

test("a deleted application ends with its tokens", async () => {
  const application = await directory.application();
  const client = identityClient(await bySecret(application));
  assertIdentifier(await client.createUser(), realTimeServer.resourceId);
  await directory.operate("DELETE", `/applications/${application.clientId}`);
  await expectError(client.createUser(), 401);
});

test("a role ends at once when it is taken away", async () => {
  const application = await directory.application(null);
  const client = identityClient(await bySecret(application));
  await expectError(client.createUser(), 403);
  const assignment = await directory.assign(application.clientId, "contributor");
  assertIdentifier(await client.createUser(), realTimeServer.resourceId);
  await directory.unassign(assignment);
  await expectError(client.createUser(), 403);
});

test("a reader manages no users", async () => {
  const client = identityClient(await bySecret(await directory.application("reader")));
  await expectError(client.createUser(), 403);
});

test("a management token does not fit the data plane", async () => {
  const credential = await bySecret(await directory.application());
  const client = identityClient({ getToken: () => credential.getToken(MANAGEMENT_SCOPE) });
  await expectError(client.createUser(), 401);
});
