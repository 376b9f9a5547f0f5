// CommunicationServices_* and what belongs to them: a resource's whole life, driven by the management clients.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { CommunicationServiceManagementClient } from "@azure/arm-communication";
import { ResourceManagementClient } from "@azure/arm-resources";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { ClientSecretCredential } from "@azure/identity";

import { DATA_SCOPE, Directory } from "./directory.mjs";
import { assertIdentifier, expectError, realTimeServer } from "./harness.mjs";

const directory = new Directory(realTimeServer);
const newName = (prefix = "witness") => `${prefix}-${randomUUID().slice(0, 13)}`;
const RESOURCE = { location: "global", dataLocation: "Europe", tags: { stage: "test" } };

async function credentialOf(role, options) {
  const application = await directory.application(role, options);
  const secret = await directory.secret(application.clientId);
  return new ClientSecretCredential(directory.tenantId, application.clientId, secret, directory.options);
}

/** Client options under which a long-running operation is asked for at once, not after the server's whole second. */
function impatient() {
  const policy = {
    name: "conformanceImpatient",
    sendRequest: async (request, next) => {
      const response = await next(request);
      if (response.headers.has("retry-after")) response.headers.set("retry-after-ms", "20");
      response.headers.delete("retry-after");
      return response;
    },
  };
  return { endpoint: realTimeServer.endpoint, additionalPolicies: [{ policy, position: "perRetry" }] };
}

const POLLING = { updateIntervalInMs: 20 };

/** A management client; this SDK asks for a token of the endpoint it is pointed at. */
function managing(credential, options = {}) {
  return new CommunicationServiceManagementClient(credential, subscriptionId, { ...impatient(), ...options });
}

const { subscriptionId } = realTimeServer;
const credential = await credentialOf("owner");
const { communicationServices: services, operations } = managing(credential);
const { resourceGroups } = new ResourceManagementClient(credential, subscriptionId, impatient());

async function collected(pages) {
  const items = [];
  for await (const item of pages) items.push(item);
  return items;
}

async function newGroup() {
  const group = newName("group");
  await resourceGroups.createOrUpdate(group, { location: "westeurope" });
  return group;
}

async function newResource(group) {
  return services.beginCreateOrUpdateAndWait(group, newName(), RESOURCE, POLLING);
}

async function isValid(token) {
  return (await realTimeServer.operate("POST", "/trunkline/tokens/:inspect", { token })).isValid;
}

function availabilityOf(name) {
  return services.checkNameAvailability({ name, type: "Microsoft.Communication/CommunicationServices" });
}

test("the whole life of a resource", async () => {
  const [group, name] = [await newGroup(), newName()];
  assert.equal((await availabilityOf(name)).nameAvailable, true);

  const created = await services.beginCreateOrUpdateAndWait(group, name, RESOURCE, POLLING);

  assert.equal(created.name, name);
  assert.equal(created.provisioningState, "Succeeded");
  assert.equal(created.dataLocation, "Europe");
  assert.deepEqual(created.tags, { stage: "test" });
  assert.match(created.immutableResourceId, /^[0-9a-f-]{36}$/);
  assert(created.hostName);
  const taken = await availabilityOf(name);
  assert.deepEqual([taken.nameAvailable, taken.reason], [false, "AlreadyExists"]);

  assert.deepEqual((await services.update(group, name, { tags: { stage: "live" } })).tags, { stage: "live" });
  assert.deepEqual((await services.get(group, name)).tags, { stage: "live" });
  assert.deepEqual((await collected(services.listByResourceGroup(group))).map(({ id }) => id), [created.id]);
  assert((await collected(services.listBySubscription())).some(({ id }) => id === created.id));

  const keys = await services.listKeys(group, name);
  const client = new CommunicationIdentityClient(keys.primaryConnectionString);
  assertIdentifier(await client.createUser(), created.immutableResourceId);

  await services.beginDeleteAndWait(group, name, POLLING);
  await expectError(services.get(group, name), 404);
  await expectError(client.createUser(), 401, 404);
  await resourceGroups.beginDeleteAndWait(group, POLLING);
  assert.equal((await resourceGroups.checkExistence(group)).body, false);
});

for (const [keyType, which, other] of [["Primary", "primary", "secondary"], ["Secondary", "secondary", "primary"]]) {
  test(`regenerating the ${which} key ends its signatures and tokens at once`, async () => {
    const group = await newGroup();
    const { name } = await newResource(group);
    const before = await services.listKeys(group, name);
    const [changed, kept] = [which, other].map(
      (slot) => new CommunicationIdentityClient(before[`${slot}ConnectionString`]),
    );
    const [ended, living] = [await changed.createUserAndToken(["chat"]), await kept.createUserAndToken(["chat"])];
    assert(await isValid(ended.token));

    const after = await services.regenerateKey(group, name, { keyType });

    assert.notEqual(after[`${which}Key`], before[`${which}Key`]);
    assert.equal(after[`${other}Key`], before[`${other}Key`]);
    await expectError(changed.createUser(), 401);
    assert(!(await isValid(ended.token)));
    assert(await isValid(living.token));
    assertIdentifier(await new CommunicationIdentityClient(after[`${which}ConnectionString`]).createUser(), idOf(living));
  });
}

/** The resource a user belongs to. */
function idOf({ user }) {
  return /^8:acs:([^_]+)_/.exec(user.communicationUserId)[1];
}

test("domains are linked and unlinked", async () => {
  const group = await newGroup();
  const { name } = await newResource(group);
  const domain = `/subscriptions/${subscriptionId}/resourceGroups/mail/providers/Microsoft.Communication`
    + "/emailServices/contoso/domains/mail.contoso.com";
  assert.deepEqual((await services.update(group, name, { linkedDomains: [domain] })).linkedDomains, [domain]);
  assert.deepEqual((await services.update(group, name, { tags: { a: "b" } })).linkedDomains, [domain]);
  await services.update(group, name, { linkedDomains: [] });
  assert.deepEqual((await services.get(group, name)).linkedDomains ?? [], []);
});

test("a notification hub is linked", async () => {
  const group = await newGroup();
  const { name } = await newResource(group);
  const resourceId = `/subscriptions/${subscriptionId}/resourceGroups/hubs/providers/Microsoft.NotificationHubs`
    + "/namespaces/push/notificationHubs/calls";
  const connectionString = "Endpoint=sb://push.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=c2VjcmV0";
  const linked = await services.linkNotificationHub(group, name, {
    linkNotificationHubParameters: { resourceId, connectionString },
  });
  assert.equal(linked.resourceId, resourceId);
  assert.equal((await services.get(group, name)).notificationHubId, resourceId);
});

test("the operations are listed", async () => {
  const names = (await collected(operations.list())).map(({ name }) => name.toLowerCase());
  assert(names.includes("microsoft.communication/communicationservices/listkeys/action"), names.join());
});

test("a group goes with its resources", async () => {
  const group = await newGroup();
  const { id } = await newResource(group);
  assert.equal((await resourceGroups.get(group)).name, group);
  await resourceGroups.beginDeleteAndWait(group, POLLING);
  assert(!(await collected(services.listBySubscription())).some((resource) => resource.id === id));
});

test("a token of the data plane cannot list keys", async () => {
  const group = await newGroup();
  const { name } = await newResource(group);
  const client = managing(await credentialOf("owner"), { credentialScopes: DATA_SCOPE });
  await expectError(client.communicationServices.listKeys(group, name), 401);
});

test("a reader sees a resource and not its keys", async () => {
  const group = await newGroup();
  const { name } = await newResource(group);
  const { communicationServices } = managing(await credentialOf("reader", { resource: name }));
  assert.equal((await communicationServices.get(group, name)).name, name);
  await expectError(communicationServices.listKeys(group, name), 403);
  await expectError(communicationServices.update(group, name, { tags: {} }), 403);
});
