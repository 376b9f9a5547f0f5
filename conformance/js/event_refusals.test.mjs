// What may not be subscribed, and who may not subscribe.

import assert from "node:assert/strict";
import { test } from "node:test";

import { eventGrid, webHook } from "./event_grid.mjs";
import { Directory } from "./directory.mjs";
import { expectError, realTimeServer } from "./harness.mjs";
import { startHook } from "./hook.mjs";

const NOWHERE = "http://127.0.0.1:9/hook";
const REFUSED = {
  "an unknown type": { filter: { includedEventTypes: ["Microsoft.Communication.NoSuchThing"] } },
  "26 filters": {
    filter: { advancedFilters: Array(26).fill({ operatorType: "StringContains", key: "data.a", values: ["x"] }) },
  },
  "26 values": {
    filter: { advancedFilters: [{ operatorType: "NumberIn", key: "data.a", values: [...Array(26).keys()] }] },
  },
  "an address without http": { destination: webHook("ftp://hook.example/") },
  "a password in the address": { destination: webHook("https://user:top-secret@hook.example/") },
  "an event hub": { destination: { endpointType: "EventHub", resourceId: "/hub" } },
  "a batch of 5001": { destination: webHook(NOWHERE, { maxEventsPerBatch: 5_001 }) },
  "31 attempts": { retryPolicy: { maxDeliveryAttempts: 31 } },
  "two days to live": { retryPolicy: { eventTimeToLiveInMinutes: 2_880 } },
  "a schema of custom topics": { eventDeliverySchema: "CustomInputSchema" },
};

for (const [what, fields] of Object.entries(REFUSED)) {
  test(`refused: ${what}`, async () => {
    const grid = await eventGrid(realTimeServer);
    const error = await expectError(grid.subscribe("refused", NOWHERE, fields), 400);
    assert(!error.message.includes("top-secret"));
    assert.deepEqual(await grid.list(), []);
  });
}

test("a reader sees and changes nothing", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  await grid.subscribe("orders", hook, { destination: webHook(hook, { query: "?code=very-secret" }) });
  const directory = new Directory(realTimeServer);
  const { resource } = grid;
  const application = await directory.application("reader", { resource });
  const reader = await eventGrid(realTimeServer, { application, resource });
  assert.equal((await reader.get("orders")).destination.endpointBaseUrl, hook.url);
  assert.deepEqual((await reader.list()).map(({ name }) => name), ["orders"]);
  for (const call of [
    () => reader.subscriptions.getFullUrl(reader.scope, "orders"),
    () => reader.subscribe("mine", hook),
    () => reader.update("orders", { labels: ["x"] }),
    () => reader.delete("orders"),
  ]) {
    const error = await expectError(call(), 403);
    assert(!error.message.includes("very-secret"));
  }
  assert.equal(hook.received.length, 1);
});

test("an owner of another resource sees nothing", async (context) => {
  const [grid, other, hook] = [
    await eventGrid(realTimeServer), await eventGrid(realTimeServer), await startHook(context),
  ];
  await grid.subscribe("orders", hook);
  const application = await new Directory(realTimeServer).application("owner", { resource: other.resource });
  const stranger = await eventGrid(realTimeServer, { application, resource: grid.resource });
  for (const call of [() => stranger.get("orders"), () => stranger.list(), () => stranger.subscribe("mine", hook)]) {
    await expectError(call(), 403, 404);
  }
  assert.equal(hook.received.length, 1);
});
