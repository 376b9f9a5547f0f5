"""What may not be subscribed: each is refused at once, with the field and the reason, and nothing is left behind."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.eventgrid.models import (
    AzureFunctionEventSubscriptionDestination,
    EventHubEventSubscriptionDestination,
    EventSubscription,
    EventSubscriptionFilter,
    NumberInAdvancedFilter,
    RetryPolicy,
    StaticDeliveryAttributeMapping,
    StorageQueueEventSubscriptionDestination,
    StringContainsAdvancedFilter,
)

from event_grid import EventGrid, attempted, attempted_operation, hurrying_clock, web_hook
from harness import running_server
from management import new_name
from sdk import expect_error


async def refused(grid, name="refused", **fields):
    """The error a subscription gets, which must not have reached any hook."""
    fields.setdefault("destination", web_hook("http://127.0.0.1:9/hook"))
    body = EventSubscription(**fields)
    error = await expect_error(
        attempted_operation(grid.subscriptions.begin_create_or_update, grid.scope, name, body), 400
    )
    assert not await grid.listed()
    return error.error.message


def text_filter(key="data.a", values=("x",)) -> StringContainsAdvancedFilter:
    """A filter on a text."""
    return StringContainsAdvancedFilter(key=key, values=list(values))


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ({"included_event_types": ["Microsoft.Communication.NoSuchThing"]}, "NoSuchThing"),
        ({"included_event_types": ["Microsoft.Storage.BlobCreated"]}, "BlobCreated"),
        ({"advanced_filters": [text_filter()] * 26}, "25"),
        ({"advanced_filters": [NumberInAdvancedFilter(key="data.a", values=list(range(26)))]}, "25"),
        ({"advanced_filters": [text_filter(values=["x" * 513])]}, "512"),
        ({"advanced_filters": [text_filter(key="")]}, "key"),
        ({"advanced_filters": [text_filter(values=[])]}, "values"),
    ],
    ids=["unknown type", "foreign type", "26 filters", "26 values", "long value", "no key", "no value"],
)
async def test_filter(grid, wanted, word):
    assert word in await refused(grid, filter=EventSubscriptionFilter(**wanted))


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://hook.example/", "http"),
        ("https://user:top-secret@hook.example/", "user"),
        ("no address", "endpointUrl"),
        ("https://", "endpointUrl"),
    ],
)
async def test_endpoint(grid, url, word):
    message = await refused(grid, destination=web_hook(url))
    assert word.lower() in message.lower()
    assert "top-secret" not in message


@pytest.mark.parametrize(
    "destination",
    [
        EventHubEventSubscriptionDestination(resource_id="/hub"),
        StorageQueueEventSubscriptionDestination(resource_id="/storage", queue_name="queue"),
        AzureFunctionEventSubscriptionDestination(resource_id="/function"),
    ],
    ids=["event hub", "storage queue", "function"],
)
async def test_destination_that_is_not_there(grid, destination):
    assert "WebHook" in await refused(grid, destination=destination)


@pytest.mark.parametrize(
    "fields",
    [
        {"max_events_per_batch": 0},
        {"max_events_per_batch": 5_001},
        {"preferred_batch_size_in_kilobytes": 1_025},
        {"delivery_attribute_mappings": [StaticDeliveryAttributeMapping(name=f"X-{n}", value="v") for n in range(11)]},
        {"delivery_attribute_mappings": [StaticDeliveryAttributeMapping(name="aeg-mine", value="v")]},
        {"delivery_attribute_mappings": [StaticDeliveryAttributeMapping(name="Host", value="v")]},
        {"delivery_attribute_mappings": [StaticDeliveryAttributeMapping(name="X-Long", value="v" * 4_097)]},
    ],
    ids=["batch of 0", "batch of 5001", "1025 KB", "11 attributes", "aeg-", "Host", "long value"],
)
async def test_delivery(grid, fields):
    await refused(grid, destination=web_hook("http://127.0.0.1:9/hook", **fields))


@pytest.mark.parametrize(
    "policy",
    [
        RetryPolicy(max_delivery_attempts=0),
        RetryPolicy(max_delivery_attempts=31),
        RetryPolicy(event_time_to_live_in_minutes=0),
        RetryPolicy(event_time_to_live_in_minutes=1_441),
    ],
    ids=["0 attempts", "31 attempts", "0 minutes", "1441 minutes"],
)
async def test_retry_policy(grid, policy):
    await refused(grid, retry_policy=policy)


@pytest.mark.parametrize("name", ["ab", "a" * 65, "under_score", "dot.ted"])
async def test_name(grid, name):
    await refused(grid, name)


async def test_schema_that_a_system_topic_does_not_have(grid):
    await refused(grid, event_delivery_schema="CustomInputSchema")


async def test_subscription_of_a_resource_that_does_not_exist(grid, hook):
    grid.resource = new_name()
    body = EventSubscription(destination=web_hook(hook))
    begin = grid.subscriptions.begin_create_or_update
    await expect_error(attempted_operation(begin, grid.scope, "orders", body), 404)
    assert not hook.received


async def test_full_url_of_a_subscription_that_does_not_exist(grid):
    await expect_error(attempted(grid.subscriptions.get_full_url, grid.scope, "nobody"), 404)


async def test_strict_server_takes_no_http_and_no_private_address(server, event_grid_of):
    with running_server(test_clock=True, settings="[events]\nallow_http = false\nallowed_networks = []\n") as strict:
        grid: EventGrid = event_grid_of(strict)
        message = await refused(grid, destination=web_hook("http://hook.example/x?code=top-secret"))
        assert "https" in message and "top-secret" not in message
        for host in ("127.0.0.1:9", "localhost", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]"):
            # Where a name leads is seen when it is called.
            with hurrying_clock(strict), pytest.raises(HttpResponseError, match="no address that may be called"):
                await grid.subscribe("private", web_hook(f"https://{host}/hook"))
