// EventSubscriptions_*: the life of a subscription on a communication resource, by the management client.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CALL, CLOUD_EVENTS, SMS, TOPIC_TYPE, collected, eventGrid, newName, webHook } from "./event_grid.mjs";
import { expectError, ownServer, realTimeServer } from "./harness.mjs";
import { startHook } from "./hook.mjs";

const DAY_MS = 86_400_000;

test("create answers the handshake and returns what was asked for", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  const expirationTimeUtc = new Date(Date.now() + 3 * DAY_MS);
  const advancedFilters = [
    { operatorType: "StringBeginsWith", key: "data.from", values: ["+49", "+43"] },
    { operatorType: "NumberInRange", key: "data.segmentCount", values: [[1, 2], [5, 9.5]] },
  ];
  const made = await grid.subscribe("orders", hook, {
    destination: webHook(hook, {
      query: "?code=very-secret", maxEventsPerBatch: 10, preferredBatchSizeInKilobytes: 64,
    }),
    filter: {
      includedEventTypes: [SMS, CALL],
      subjectBeginsWith: "/phonenumber/",
      subjectEndsWith: "5",
      isSubjectCaseSensitive: true,
      enableAdvancedFilteringOnArrays: true,
      advancedFilters,
    },
    labels: ["billing", "test"],
    retryPolicy: { maxDeliveryAttempts: 7, eventTimeToLiveInMinutes: 90 },
    deadLetterDestination: { endpointType: "StorageBlob", resourceId: "/storage", blobContainerName: "lost" },
    expirationTimeUtc,
  });

  assert.deepEqual(hook.received.map(({ kind, path }) => [kind, path]), [
    ["SubscriptionValidation", "/hook?code=very-secret"],
  ]);
  const [validation] = JSON.parse(hook.received[0].body);
  assert.equal(validation.eventType, "Microsoft.EventGrid.SubscriptionValidationEvent");
  assert(validation.data.validationUrl.startsWith(realTimeServer.endpoint));

  assert.equal(made.name, "orders");
  assert.equal(
    made.id.toLowerCase(),
    `${grid.scope}/providers/Microsoft.EventGrid/eventSubscriptions/orders`.toLowerCase(),
  );
  assert.equal(made.topic.toLowerCase(), grid.scope.toLowerCase());
  assert.equal(made.provisioningState, "Succeeded");
  assert.deepEqual(made.labels, ["billing", "test"]);
  assert.equal(made.eventDeliverySchema, "EventGridSchema");
  assert.deepEqual({ ...made.retryPolicy }, { maxDeliveryAttempts: 7, eventTimeToLiveInMinutes: 90 });
  assert.equal(made.deadLetterDestination.blobContainerName, "lost");
  assert.equal(made.expirationTimeUtc.getTime(), expirationTimeUtc.getTime());
  assert(made.systemData.createdAt instanceof Date);
  assert.equal(made.destination.endpointBaseUrl, hook.url);
  // The query may hold a secret, so only the call made for it gives it back.
  assert.equal(made.destination.endpointUrl, undefined);
  assert.equal(made.destination.maxEventsPerBatch, 10);
  assert.deepEqual([...made.filter.includedEventTypes].sort(), [CALL, SMS].sort());
  assert.deepEqual(made.filter.advancedFilters.map((filter) => ({ ...filter })), advancedFilters);
  assert.deepEqual(await grid.get("orders"), made);
});

test("defaults are those of the documentation", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  const made = await grid.subscribe("plain", hook);
  assert.equal(made.filter.includedEventTypes.length, 53);
  assert.deepEqual({ ...made.retryPolicy }, { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 });
});

test("full url and delivery attributes", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  const deliveryAttributeMappings = [
    { type: "Static", name: "X-Open", value: "seen", isSecret: false },
    { type: "Static", name: "X-Hidden", value: "top-secret", isSecret: true },
    { type: "Dynamic", name: "X-From", sourceField: "data.from" },
  ];
  const destination = webHook(hook, { query: "?code=1", deliveryAttributeMappings });
  const made = await grid.subscribe("orders", hook, { destination });
  assert(!JSON.stringify(made).includes("top-secret"));
  assert.equal((await grid.subscriptions.getFullUrl(grid.scope, "orders")).endpointUrl, `${hook.url}?code=1`);
  const { value } = await grid.subscriptions.getDeliveryAttributes(grid.scope, "orders");
  const shown = Object.fromEntries(value.map((mapping) => [mapping.name, mapping]));
  assert.equal(shown["X-Open"].value, "seen");
  assert.equal(shown["X-Hidden"].isSecret, true);
  assert.equal(shown["X-Hidden"].value ?? undefined, undefined);
  assert.equal(shown["X-From"].sourceField, "data.from");
});

test("update changes what it names", async (context) => {
  const grid = await eventGrid(realTimeServer);
  const [hook, otherHook] = [await startHook(context), await startHook(context)];
  const before = await grid.subscribe("orders", hook, { labels: ["first"] });

  const labelled = await grid.update("orders", { labels: ["second"] });
  assert.deepEqual(labelled.labels, ["second"]);
  assert.deepEqual(labelled.filter, before.filter);
  assert.equal(hook.received.length, 1, "a label needs no new handshake");

  const filtered = await grid.update("orders", { filter: { includedEventTypes: [SMS] } });
  assert.deepEqual(filtered.filter.includedEventTypes, [SMS]);

  const moved = await grid.update("orders", { destination: webHook(otherHook, { query: "?b=2" }) });
  assert.equal(moved.destination.endpointBaseUrl, otherHook.url);
  assert.deepEqual(otherHook.received.map(({ kind }) => kind), ["SubscriptionValidation"]);
  await grid.sendTest(SMS);
  await otherHook.waitForNotifications(1);
  assert.equal(hook.notifications.length, 0);
});

test("delete ends delivery", async (context) => {
  const grid = await eventGrid(realTimeServer);
  const [hook, otherHook] = [await startHook(context), await startHook(context)];
  await grid.subscribe("orders", hook);
  await grid.subscribe("other", otherHook);
  await grid.delete("orders");
  await expectError(grid.get("orders"), 404);
  assert.deepEqual((await grid.list()).map(({ name }) => name), ["other"]);
  await grid.sendTest(SMS);
  await otherHook.waitForNotifications(1);
  assert.equal(hook.notifications.length, 0);
  await grid.delete("orders");
});

test("lists filter and page", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  for (const name of ["orders-0", "orders-1", "bills-0"]) await grid.subscribe(name, hook);
  const names = async (options) => (await grid.list(options)).map(({ name }) => name).sort();
  assert.deepEqual(await names(), ["bills-0", "orders-0", "orders-1"]);
  assert.deepEqual(await names({ top: 2 }), ["bills-0", "orders-0", "orders-1"], "pages are followed");
  assert.deepEqual(await names({ filter: "contains(name,'orders')" }), ["orders-0", "orders-1"]);
});

test("wider lists hold the subscription", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  const { id } = await grid.subscribe(newName("wide"), hook);
  const calls = grid.subscriptions;
  for (const pages of [
    calls.listGlobalBySubscription(),
    calls.listGlobalBySubscriptionForTopicType(TOPIC_TYPE),
    calls.listGlobalByResourceGroup(grid.group),
    calls.listGlobalByResourceGroupForTopicType(grid.group, TOPIC_TYPE),
    calls.listRegionalBySubscription("global"),
    calls.listRegionalByResourceGroup(grid.group, "global"),
    calls.listRegionalBySubscriptionForTopicType("global", TOPIC_TYPE),
    calls.listRegionalByResourceGroupForTopicType(grid.group, "global", TOPIC_TYPE),
  ]) {
    assert((await collected(pages)).some((item) => item.id === id));
  }
});

test("a subscription ends at its time", async (context) => {
  const grid = await eventGrid(await ownServer(context));
  const [hook, otherHook] = [await startHook(context), await startHook(context)];
  const ends = new Date((await grid.server.advanceClock(0)).getTime() + 3_600_000);
  await grid.subscribe("short", hook, { expirationTimeUtc: ends });
  await grid.subscribe("long", otherHook, { eventDeliverySchema: CLOUD_EVENTS });
  await grid.sendTest(SMS);
  await hook.waitForNotifications(1);
  await grid.server.advanceClock(3_601);
  await grid.sendTest(SMS);
  await otherHook.waitForNotifications(2);
  assert.equal(hook.notifications.length, 1);
});
