// SystemTopics_* and SystemTopicEventSubscriptions_*: the other way ACS customers subscribe, as the portal does it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { POLLING, SMS, TOPIC_TYPE, collected, eventGrid, newName, webHook } from "./event_grid.mjs";
import { expectError, realTimeServer } from "./harness.mjs";
import { startHook } from "./hook.mjs";

test("the life of a system topic", async () => {
  const grid = await eventGrid(realTimeServer);
  const topic = await grid.makeTopic(newName("topic"), { tags: { stage: "test" } });
  assert.equal(topic.source.toLowerCase(), grid.scope.toLowerCase());
  assert.equal(topic.topicType.toLowerCase(), TOPIC_TYPE.toLowerCase());
  assert.equal(topic.provisioningState, "Succeeded");
  assert.deepEqual(await grid.topics.get(grid.group, topic.name), topic);
  const change = { tags: { stage: "live" } };
  const changed = await grid.topics.beginUpdateAndWait(grid.group, topic.name, change, POLLING);
  assert.deepEqual({ ...changed.tags }, { stage: "live" });
  for (const pages of [grid.topics.listBySubscription(), grid.topics.listByResourceGroup(grid.group)]) {
    assert((await collected(pages)).some(({ id }) => id === topic.id));
  }
  await assert.rejects(grid.makeTopic(newName("topic")), "one topic a resource");
  await grid.topics.beginDeleteAndWait(grid.group, topic.name, POLLING);
  await expectError(grid.topics.get(grid.group, topic.name), 404);
});

test("the life of a subscription on a topic", async (context) => {
  const grid = await eventGrid(realTimeServer);
  const [hook, otherHook] = [await startHook(context), await startHook(context)];
  const { id, name: topic } = await grid.makeTopic(newName("topic"));
  const [calls, place] = [grid.topicSubscriptions, [grid.group, topic, "orders"]];
  const deliveryAttributeMappings = [{ type: "Static", name: "X-Hidden", value: "top-secret", isSecret: true }];
  const info = { destination: webHook(hook, { query: "?code=1", deliveryAttributeMappings }) };
  const made = await calls.beginCreateOrUpdateAndWait(...place, info, POLLING);
  assert.equal(made.provisioningState, "Succeeded");
  assert.equal(made.id.toLowerCase(), `${id}/eventSubscriptions/orders`.toLowerCase());
  assert.deepEqual(await calls.get(...place), made);
  assert.equal((await calls.getFullUrl(...place)).endpointUrl, `${hook.url}?code=1`);
  const [attribute] = (await calls.getDeliveryAttributes(...place)).value;
  assert.equal(attribute.name, "X-Hidden");
  assert.equal(attribute.value ?? undefined, undefined);
  await grid.subscribe("orders", otherHook);
  assert.deepEqual((await collected(calls.listBySystemTopic(grid.group, topic))).map((item) => item.id), [made.id]);

  const [sent] = await grid.sendTest(SMS);
  const [event] = await hook.waitForEvents(1);
  assert.equal(event.id, sent);
  assert.equal(event.topic.toLowerCase(), grid.scope.toLowerCase());
  await otherHook.waitForEvents(1);

  const changed = await calls.beginUpdateAndWait(...place, { filter: { includedEventTypes: [SMS] } }, POLLING);
  assert.deepEqual(changed.filter.includedEventTypes, [SMS]);
  await assert.rejects(grid.topics.beginDeleteAndWait(grid.group, topic, POLLING), "it has a subscription");
  await calls.beginDeleteAndWait(...place, POLLING);
  assert.deepEqual(await collected(calls.listBySystemTopic(grid.group, topic)), []);
});
