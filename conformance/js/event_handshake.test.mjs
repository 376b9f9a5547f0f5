// What an endpoint has to do before it gets events, and what a customer sees when it does not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOUD_EVENTS, POLLING, SMS, eventGrid, hurrying, webHook } from "./event_grid.mjs";
import { ownServer, realTimeServer } from "./harness.mjs";
import { startHook } from "./hook.mjs";

/** The error of a handshake that failed, as the SDK tells it. */
async function failure(promise) {
  let error;
  await assert.rejects(promise, (raised) => {
    error = raised;
    return true;
  });
  return error.message;
}

for (const schema of ["EventGridSchema", CLOUD_EVENTS]) {
  test(`address visited by hand: ${schema}`, async (context) => {
    const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
    hook.handshake = "manual";
    const info = { destination: webHook(hook), eventDeliverySchema: schema };
    const poller = await grid.subscriptions.beginCreateOrUpdate(grid.scope, "slow", info, POLLING);
    const [request] = await hook.waitFor(() => hook.received.length && hook.received, "the handshake");
    const address = request.headers["webhook-request-callback"] ?? JSON.parse(request.body)[0].data.validationUrl;
    const isWaiting = async () => (await grid.get("slow")).provisioningState === "AwaitingManualAction";
    await hook.waitFor(isWaiting, "the state of waiting");
    await grid.sendTest(SMS);
    const wrong = await fetch(address.replace("id=", "id=x"));
    assert([400, 404].includes(wrong.status));
    assert(await isWaiting());
    const visited = await fetch(address);
    assert.equal(visited.status, 200);
    assert.equal((await poller.pollUntilDone()).provisioningState, "Succeeded");
    const [later] = await grid.sendTest(SMS);
    const [event] = await hook.waitForEvents(1);
    assert.equal(event.id, later, "what was published before the handshake ended is not sent");
  });
}

test("an address that nobody visits in time", async (context) => {
  const [grid, hook] = [await eventGrid(await ownServer(context)), await startHook(context)];
  hook.handshake = "manual";
  assert(await failure(hurrying(grid.server, grid.subscribe("slow", hook))));
  assert.equal((await grid.get("slow")).provisioningState, "Failed");
});

for (const answer of [404, 202, 301, 500]) {
  test(`an endpoint that refuses with ${answer}`, async (context) => {
    const [grid, hook] = [await eventGrid(await ownServer(context)), await startHook(context)];
    hook.handshake = answer;
    const message = await failure(hurrying(grid.server, grid.subscribe("refused", hook)));
    assert.match(message, /validation/i);
    assert(message.includes(answer), message);
    assert.equal((await grid.get("refused")).provisioningState, "Failed");
    hook.handshake = "code";
    assert.equal((await grid.subscribe("refused", hook)).provisioningState, "Succeeded");
  });
}

test("a new address that refuses leaves the old one", async (context) => {
  const grid = await eventGrid(await ownServer(context));
  const [hook, otherHook] = [await startHook(context), await startHook(context)];
  await grid.subscribe("orders", hook);
  otherHook.handshake = 404;
  await failure(hurrying(grid.server, grid.update("orders", { destination: webHook(otherHook) })));
  await grid.sendTest(SMS);
  await hook.waitForNotifications(1);
  assert.equal(otherHook.notifications.length, 0);
});

test("CloudEvents ask by OPTIONS", async (context) => {
  const [grid, hook] = [await eventGrid(realTimeServer), await startHook(context)];
  await grid.subscribe("clouds", hook, { eventDeliverySchema: CLOUD_EVENTS });
  const [{ method, headers }] = hook.received;
  assert.equal(method, "OPTIONS");
  assert.equal(headers["webhook-request-origin"], "eventgrid.azure.net");
  assert(headers["webhook-request-callback"].startsWith(realTimeServer.endpoint));
});
