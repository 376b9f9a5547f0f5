"""What an endpoint has to do before it gets events, and what a customer sees when it does not."""

import asyncio
import urllib.parse

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.eventgrid.models import EventSubscription, EventSubscriptionUpdateParameters

from event_grid import CLOUD_EVENTS, SMS, hurrying_clock, web_hook
from sdk import completed, settled


async def visit(grid, address: str) -> int:
    """Opens a validation address as a person would, without any credential; returns the status."""
    parts = urllib.parse.urlsplit(address)
    import requests  # The browser of this test; trusts what the environment names.

    trust = {} if grid.server.trusted_by_environment else {"verify": grid.server.ca_file}
    answer = await asyncio.to_thread(requests.get, parts.geturl(), timeout=30, **trust)
    return answer.status_code


def validation_address(hook) -> str:
    """The address in the validation event the hook got."""
    return hook.received[0].events[0]["data"]["validationUrl"]


async def state_of(grid, name: str) -> str:
    """The provisioning state of a subscription."""
    return (await grid.get(name)).provisioning_state


async def begin(grid, name: str, hook, **fields):
    """Starts to make a subscription and returns the poller."""
    body = EventSubscription(destination=web_hook(hook), **fields)
    return await settled(grid.subscriptions.begin_create_or_update(grid.scope, name, body))


@pytest.mark.parametrize("schema", ["EventGridSchema", CLOUD_EVENTS])
async def test_address_visited_by_hand(grid, hook, schema):
    hook.handshake = "manual"
    poller = await begin(grid, "slow", hook, event_delivery_schema=schema)
    await hook.wait_for(lambda hook: hook.received, "the handshake")
    address = (
        validation_address(hook) if schema != CLOUD_EVENTS else hook.received[0].headers["WebHook-Request-Callback"]
    )
    async with asyncio.timeout(30):
        while await state_of(grid, "slow") != "AwaitingManualAction":
            await asyncio.sleep(0.02)
    grid.send_test(SMS)
    assert await visit(grid, address.replace("id=", "id=x")) in (400, 404)
    assert await state_of(grid, "slow") == "AwaitingManualAction"

    assert await visit(grid, address) == 200

    made = await settled(poller.result())
    assert made.provisioning_state == "Succeeded"
    [later] = grid.send_test(SMS)
    [event] = await hook.wait_for_events(1)
    assert event["id"] == later, "what was published before the handshake ended is not sent"


async def test_address_that_nobody_visits_in_time(own_grid, hook):
    hook.handshake = "manual"
    with hurrying_clock(own_grid.server):
        with pytest.raises(HttpResponseError) as raised:
            await own_grid.subscribe("slow", hook)
    assert raised.value.message
    assert await state_of(own_grid, "slow") == "Failed"
    assert await visit(own_grid, validation_address(hook)) in (404, 410)


@pytest.mark.parametrize("answer", [404, 202, 301, 500])
async def test_endpoint_that_refuses(own_grid, hook, answer):
    hook.handshake = answer
    with hurrying_clock(own_grid.server):
        with pytest.raises(HttpResponseError) as raised:
            await own_grid.subscribe("refused", hook)
    text = str(raised.value)
    assert "validation" in text.lower(), text
    assert str(answer) in text, "the customer is told what the endpoint answered"
    assert await state_of(own_grid, "refused") == "Failed"
    own_grid.send_test(SMS)
    assert {request.kind for request in hook.received} == {"SubscriptionValidation"}


async def test_failed_subscription_can_be_made_again(own_grid, hook):
    hook.handshake = 404
    with hurrying_clock(own_grid.server):
        with pytest.raises(HttpResponseError):
            await own_grid.subscribe("again", hook)
    hook.handshake = "code"
    assert (await own_grid.subscribe("again", hook)).provisioning_state == "Succeeded"


async def test_new_address_that_refuses_leaves_the_old_one(own_grid, hook, other_hook):
    await own_grid.subscribe("orders", hook)
    other_hook.handshake = 404
    with hurrying_clock(own_grid.server):
        with pytest.raises(HttpResponseError):
            await own_grid.update("orders", EventSubscriptionUpdateParameters(destination=web_hook(other_hook)))
    own_grid.send_test(SMS)
    await hook.wait_for_notifications(1)
    assert not other_hook.notifications


async def test_cloud_events_ask_by_options(grid, hook):
    await grid.subscribe("clouds", hook, event_delivery_schema=CLOUD_EVENTS)
    [request] = hook.received
    assert request.method == "OPTIONS"
    assert request.headers["WebHook-Request-Origin"] == "eventgrid.azure.net"
    assert request.headers["WebHook-Request-Callback"].startswith(grid.server.endpoint)
    assert int(request.headers["WebHook-Request-Rate"]) > 0
    [sent] = grid.send_test(SMS)
    [event] = await hook.wait_for_events(1)
    assert (event["specversion"], event["id"]) == ("1.0", sent)


async def test_endpoint_that_hears_nothing(own_grid):
    from hook import running_hook

    with running_hook() as gone:
        address = gone.url
    with hurrying_clock(own_grid.server):
        with pytest.raises(HttpResponseError) as raised:
            await completed(
                own_grid.subscriptions.begin_create_or_update(
                    own_grid.scope, "gone", EventSubscription(destination=web_hook(address))
                )
            )
    assert "validation" in str(raised.value).lower()
