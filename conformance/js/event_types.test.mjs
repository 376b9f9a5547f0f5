// Every event type there is: listed by the management client, sent to a hook, read by `@azure/eventgrid`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { EventGridDeserializer, isSystemEvent } from "@azure/eventgrid";

import { CLOUD_EVENTS, TOPIC_TYPE, collected, eventGrid, webHook } from "./event_grid.mjs";
import { realTimeServer } from "./harness.mjs";
import { startHook } from "./hook.mjs";

// What the SDK's own table of event types says, whose one misspelt name is put right here.
const declarations = readFileSync(new URL("predicates.d.ts", import.meta.resolve("@azure/eventgrid")), "utf8");
const NAMES = [...new Set(declarations.match(/(?<=^\s*")Microsoft\.Communication\.\w+(?=":)/gm))]
  .map((name) => name.replace(/SelectorsExpire$/, "SelectorsExpired"))
  .sort();

const reader = new EventGridDeserializer();

test("event types are those of the SDK", async () => {
  const grid = await eventGrid(realTimeServer);
  assert.equal(NAMES.length, 53);
  const listed = await collected(grid.client.topicTypes.listEventTypes(TOPIC_TYPE));
  assert.deepEqual(listed.map(({ name }) => name).sort(), NAMES);
  assert(listed.every(({ displayName, description }) => displayName && description));
  const topicTypes = await collected(grid.client.topicTypes.list());
  assert(topicTypes.some(({ name }) => name.toLowerCase() === TOPIC_TYPE.toLowerCase()));
  assert.equal((await grid.client.topicTypes.get(TOPIC_TYPE)).provider, "Microsoft.Communication");
});

for (const inBatches of [false, true]) {
  const how = inBatches ? "in batches" : "alone";
  const batch = inBatches ? { maxEventsPerBatch: 100 } : {};

  test(`every type is read from the Event Grid schema, ${how}`, async (context) => {
    const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
    await grid.subscribe("every", hook, { destination: webHook(hook, batch) });
    const ids = await sendAll(grid);
    await hook.waitForEvents(NAMES.length);
    const read = [];
    for (const { body } of hook.notifications) read.push(...(await reader.deserializeEventGridEvents(body)));
    assert.deepEqual(read.map(({ eventType }) => eventType).sort(), NAMES);
    for (const event of read) {
      assert(isSystemEvent(event.eventType, event));
      assert.equal(event.id, ids[event.eventType]);
      assert.equal(event.topic.toLowerCase(), grid.scope.toLowerCase());
      assert(event.eventTime instanceof Date && event.subject && event.data, event.eventType);
      assert.equal(event.dataVersion, "1.0");
    }
  });

  test(`every type is read as a CloudEvent, ${how}`, async (context) => {
    const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
    await grid.subscribe("every", hook, { destination: webHook(hook, batch), eventDeliverySchema: CLOUD_EVENTS });
    const ids = await sendAll(grid);
    await hook.waitForEvents(NAMES.length);
    const read = [];
    for (const { body } of hook.notifications) read.push(...(await reader.deserializeCloudEvents(body)));
    assert.deepEqual(read.map(({ type }) => type).sort(), NAMES);
    for (const event of read) {
      assert(isSystemEvent(event.type, event));
      assert.equal(event.id, ids[event.type]);
      assert.equal(event.source.toLowerCase(), grid.scope.toLowerCase());
      assert(event.time instanceof Date && event.subject && event.data, event.type);
      assert.equal(event.extensionAttributes, undefined);
    }
  });
}

/** One event of each type; returns the ids by type. */
async function sendAll(grid) {
  const ids = {};
  for (const name of NAMES) [ids[name]] = await grid.sendTest(name);
  return ids;
}
