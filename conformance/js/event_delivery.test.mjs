// How events reach a hook: headers, filters, attributes, repetition, dead letters, replay.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EventGridDeserializer } from "@azure/eventgrid";

import { CALL, CLOUD_EVENTS, SMS, eventGrid, hurrying, sms, webHook } from "./event_grid.mjs";
import { ownServer, realTimeServer } from "./harness.mjs";
import { startHook } from "./hook.mjs";

const reader = new EventGridDeserializer();

test("headers of a delivery, with its attributes", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  const deliveryAttributeMappings = [
    { type: "Static", name: "X-Open", value: "seen", isSecret: false },
    { type: "Static", name: "Authorization", value: "Bearer top-secret", isSecret: true },
    { type: "Dynamic", name: "X-From", sourceField: "data.from" },
  ];
  const destination = webHook(hook, { query: "?code=1", deliveryAttributeMappings });
  await grid.subscribe("orders", hook, { destination });
  const [sent] = await grid.sendTest(SMS, { data: sms() });
  const [{ path, headers }] = await hook.waitForNotifications(1);
  assert.equal(path, "/hook?code=1");
  assert.equal(headers["content-type"], "application/json; charset=utf-8");
  assert.equal(headers["aeg-subscription-name"], "ORDERS");
  assert.equal(headers["aeg-delivery-count"], "0");
  assert.equal(headers["aeg-metadata-version"], "1");
  assert.equal(headers["aeg-output-event-id"], sent);
  assert.equal(headers["x-open"], "seen");
  assert.equal(headers.authorization, "Bearer top-secret");
  assert.equal(headers["x-from"], "+4930123");
});

test("a failed delivery is repeated", async (context) => {
  const [grid, hook] = [await eventGrid(await ownServer(context)), await startHook(context)];
  await grid.subscribe("orders", hook);
  hook.statuses = [500, 503];
  await grid.sendTest(SMS);
  const requests = await hurrying(grid.server, hook.waitForNotifications(3));
  assert.deepEqual(requests.map(({ headers }) => headers["aeg-delivery-count"]), ["0", "1", "2"]);
  assert.equal(new Set(requests.map(({ body }) => body)).size, 1, "a repetition is the same to the byte");
});

for (const status of [400, 401, 403, 413]) {
  test(`a delivery refused with ${status} is not repeated`, async (context) => {
    const [grid, hook] = [await eventGrid(await ownServer(context)), await startHook(context)];
    await grid.subscribe("orders", hook);
    hook.statuses = [status];
    const [refused] = await grid.sendTest(SMS);
    await hook.waitForNotifications(1);
    await grid.server.advanceClock(3_600);
    const [later] = await grid.sendTest(SMS);
    assert.deepEqual((await hook.waitForEvents(2)).map(({ id }) => id), [refused, later]);
  });
}

test("dead letters can be read", async (context) => {
  const [grid, hook] = [await eventGrid(await ownServer(context)), await startHook(context)];
  await grid.subscribe("orders", hook, {
    deadLetterDestination: { endpointType: "StorageBlob", resourceId: "/storage", blobContainerName: "lost" },
    retryPolicy: { maxDeliveryAttempts: 1 },
  });
  hook.statuses = [500];
  const [sent] = await grid.sendTest(SMS);
  await hook.waitForNotifications(1);
  const entries = async () => (await grid.operate("GET", "/deadLetters")).value;
  // The blob is written five minutes after the last attempt.
  const isThere = async () => (await entries()).length > 0;
  await hurrying(grid.server, hook.waitFor(isThere, "a dead letter"));
  const [{ id }] = await entries();
  const [event] = (await grid.operate("GET", `/deadLetters/${id}`)).events;
  assert.equal(event.deadLetterReason, "MaxDeliveryAttemptsExceeded");
  assert.equal(event.deliveryAttempts, 1);
  const [read] = await reader.deserializeEventGridEvents(JSON.stringify(event));
  assert.equal(read.id, sent);
});

test("types, subjects and advanced filters", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  const filter = {
    includedEventTypes: [SMS],
    subjectBeginsWith: "/PhoneNumber/",
    enableAdvancedFilteringOnArrays: true,
    advancedFilters: [
      { operatorType: "StringBeginsWith", key: "data.from", values: ["+49", "+43"] },
      { operatorType: "NumberGreaterThan", key: "data.price", value: 3 },
      { operatorType: "BoolEquals", key: "data.isPaid", value: true },
      { operatorType: "StringContains", key: "data.tags", values: ["RED"] },
      { operatorType: "IsNullOrUndefined", key: "data.extra" },
    ],
  };
  await grid.subscribe("some", hook, { filter });
  const subject = "/phonenumber/1";
  const data = sms({ price: 5.5, isPaid: true, tags: ["red", "blue"] });
  for (const change of [
    { from: "+1202" }, { price: 3 }, { isPaid: false }, { tags: ["blue"] }, { extra: 1 }, { price: undefined },
  ]) {
    await grid.sendTest(SMS, { subject, data: { ...data, ...change } });
  }
  await grid.sendTest(CALL, { subject });
  await grid.sendTest(SMS, { subject: "/other/1", data });
  const sent = [...(await grid.sendTest(SMS, { subject, data })), ...(await grid.sendTest(SMS, { subject, data }))];
  // Requests are under way side by side, so the order of their arrival is no promise.
  assert.deepEqual((await hook.waitForEvents(2)).map(({ id }) => id).sort(), sent.sort());
});

test("replay sends a window to one subscription", async (context) => {
  const grid = await eventGrid(await ownServer(context));
  const [hook, otherHook] = [await startHook(context), await startHook(context)];
  await grid.subscribe("late", hook, { eventDeliverySchema: CLOUD_EVENTS });
  await grid.subscribe("other", otherHook);
  await grid.sendTest(SMS);
  const from = await grid.server.advanceClock(60);
  const wanted = await grid.sendTest(SMS, { count: 3 });
  await hook.waitForEvents(4);
  await otherHook.waitForEvents(4);
  // Only what is stored as delivered can be sent again.
  const isStored = async () => (await grid.operate("GET", "/deliveries?subscription=late")).value.length === 4;
  await hurrying(grid.server, hook.waitFor(isStored, "the log"));
  await grid.operate("POST", "/eventSubscriptions/late/:replay", { from: from.toISOString() });
  const events = await hook.waitForEvents(7);
  assert.deepEqual(events.slice(4).map(({ id }) => id).sort(), [...wanted].sort());
  assert.equal(otherHook.events.length, 4);
});
