"""EventSubscriptions_*: the life of a subscription on a communication resource, by the management client."""

from datetime import datetime, timedelta, timezone

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.eventgrid.models import (
    DynamicDeliveryAttributeMapping,
    EventSubscriptionFilter,
    EventSubscriptionUpdateParameters,
    NumberInRangeAdvancedFilter,
    RetryPolicy,
    StaticDeliveryAttributeMapping,
    StorageBlobDeadLetterDestination,
    StringBeginsWithAdvancedFilter,
)

from event_grid import CALL, CLOUD_EVENTS, SMS, TOPIC_TYPE, shown, web_hook
from management import new_name
from sdk import collected, settled


def same_id(left: str, right: str) -> bool:
    """Whether two ARM ids name the same thing, which does not depend on case."""
    return left.lower() == right.lower()


async def test_create_answers_the_handshake_and_returns_what_was_asked_for(grid, hook):
    made = await grid.subscribe(
        "orders",
        web_hook(hook, "?code=very-secret", max_events_per_batch=10, preferred_batch_size_in_kilobytes=64),
        filter=EventSubscriptionFilter(
            included_event_types=[SMS, CALL],
            subject_begins_with="/phonenumber/",
            subject_ends_with="5",
            is_subject_case_sensitive=True,
            enable_advanced_filtering_on_arrays=True,
            advanced_filters=[
                StringBeginsWithAdvancedFilter(key="data.from", values=["+49", "+43"]),
                NumberInRangeAdvancedFilter(key="data.segmentCount", values=[[1, 2], [5, 9.5]]),
            ],
        ),
        labels=["billing", "test"],
        retry_policy=RetryPolicy(max_delivery_attempts=7, event_time_to_live_in_minutes=90),
        dead_letter_destination=StorageBlobDeadLetterDestination(resource_id="/storage", blob_container_name="lost"),
        expiration_time_utc=datetime.now(timezone.utc) + timedelta(days=3),
    )

    assert [request.kind for request in hook.received] == ["SubscriptionValidation"]
    validation = hook.received[0]
    assert validation.path == "/hook?code=very-secret"
    assert validation.headers["aeg-subscription-name"] == "ORDERS"
    [event] = validation.events
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert event["subject"] == ""
    assert same_id(event["topic"], grid.scope)
    assert event["data"]["validationUrl"].startswith(grid.server.endpoint)

    assert made.name == "orders"
    assert same_id(made.id, f"{grid.scope}/providers/Microsoft.EventGrid/eventSubscriptions/orders")
    assert made.type == "Microsoft.EventGrid/eventSubscriptions"
    assert same_id(made.topic, grid.scope)
    assert made.provisioning_state == "Succeeded"
    assert made.labels == ["billing", "test"]
    assert made.event_delivery_schema == "EventGridSchema"
    assert (made.retry_policy.max_delivery_attempts, made.retry_policy.event_time_to_live_in_minutes) == (7, 90)
    assert made.dead_letter_destination.blob_container_name == "lost"
    assert made.expiration_time_utc > datetime.now(timezone.utc)
    assert made.system_data.created_at
    destination = made.destination
    assert destination.endpoint_type == "WebHook"
    assert (destination.max_events_per_batch, destination.preferred_batch_size_in_kilobytes) == (10, 64)
    # The query may hold a secret, so only the call made for it gives it back.
    assert destination.endpoint_base_url == hook.url
    assert destination.endpoint_url is None
    kept = made.filter
    assert sorted(kept.included_event_types) == sorted([SMS, CALL])
    assert (kept.subject_begins_with, kept.subject_ends_with) == ("/phonenumber/", "5")
    assert kept.is_subject_case_sensitive and kept.enable_advanced_filtering_on_arrays
    text, numbers = kept.advanced_filters
    assert (text.key, text.operator_type, text.values) == ("data.from", "StringBeginsWith", ["+49", "+43"])
    assert (numbers.key, numbers.operator_type, numbers.values) == (
        "data.segmentCount", "NumberInRange", [[1, 2], [5, 9.5]],
    )
    assert shown(await grid.get("orders")) == shown(made)


async def test_defaults_are_those_of_the_documentation(grid, hook):
    made = await grid.subscribe("plain", hook)
    assert len(made.filter.included_event_types) == 53
    assert made.event_delivery_schema == "EventGridSchema"
    assert (made.retry_policy.max_delivery_attempts, made.retry_policy.event_time_to_live_in_minutes) == (30, 1440)
    assert made.dead_letter_destination is None
    assert made.expiration_time_utc is None


async def test_full_url_and_delivery_attributes(grid, hook):
    mappings = [
        StaticDeliveryAttributeMapping(name="X-Open", value="seen", is_secret=False),
        StaticDeliveryAttributeMapping(name="X-Hidden", value="top-secret", is_secret=True),
        DynamicDeliveryAttributeMapping(name="X-From", source_field="data.from"),
    ]
    made = await grid.subscribe("orders", web_hook(hook, "?code=1", delivery_attribute_mappings=mappings))
    assert "top-secret" not in str(shown(made))

    full = await settled(grid.subscriptions.get_full_url(grid.scope, "orders"))
    assert full.endpoint_url == f"{hook.url}?code=1"

    attributes = await settled(grid.subscriptions.get_delivery_attributes(grid.scope, "orders"))
    by_name = {item.name: item for item in attributes.value}
    assert by_name["X-Open"].value == "seen"
    assert by_name["X-Hidden"].is_secret and by_name["X-Hidden"].value is None
    assert by_name["X-From"].source_field == "data.from"
    # The secret reached the handshake all the same.
    assert hook.received[0].headers["X-Hidden"] == "top-secret"


async def test_update_changes_what_it_names(grid, hook, other_hook):
    before = await grid.subscribe("orders", hook, labels=["first"])

    after = await grid.update("orders", EventSubscriptionUpdateParameters(labels=["second"]))
    assert (after.labels, after.provisioning_state) == (["second"], "Succeeded")
    assert shown(after.filter) == shown(before.filter)
    assert len(hook.received) == 1, "a label needs no new handshake"

    wanted = EventSubscriptionFilter(included_event_types=[SMS])
    after = await grid.update("orders", EventSubscriptionUpdateParameters(filter=wanted))
    assert (after.filter.included_event_types, after.labels) == ([SMS], ["second"])

    moved = EventSubscriptionUpdateParameters(destination=web_hook(other_hook, "?b=2"))
    after = await grid.update("orders", moved)
    assert after.destination.endpoint_base_url == other_hook.url
    assert [request.kind for request in other_hook.received] == ["SubscriptionValidation"]
    assert after.filter.included_event_types == [SMS]

    grid.send_test(SMS)
    await other_hook.wait_for_notifications(1)
    assert not hook.notifications


async def test_create_again_replaces(grid, hook):
    await grid.subscribe("orders", hook, labels=["first"], filter=EventSubscriptionFilter(subject_begins_with="a"))
    again = await grid.subscribe("orders", hook)
    assert not again.labels
    assert not again.filter.subject_begins_with
    assert [item.name for item in await grid.listed()] == ["orders"]


async def test_delete_ends_delivery(grid, hook, other_hook):
    await grid.subscribe("orders", hook)
    await grid.subscribe("other", other_hook)
    await grid.delete("orders")
    with pytest.raises(ResourceNotFoundError):
        await grid.get("orders")
    assert [item.name for item in await grid.listed()] == ["other"]
    grid.send_test(SMS)
    await other_hook.wait_for_notifications(1)
    assert not hook.notifications
    await grid.delete("orders")


async def test_lists_by_resource_filter_and_page(grid, hook):
    names = [f"{kind}-{number}" for kind in ("orders", "bills") for number in range(3)]
    for name in names:
        await grid.subscribe(name, hook)
    assert sorted(item.name for item in await grid.listed()) == sorted(names)
    assert sorted(item.name for item in await grid.listed(top=2)) == sorted(names), "pages are followed"
    found = await grid.listed(filter="contains(name,'bills')")
    assert sorted(item.name for item in found) == sorted(name for name in names if "bills" in name)
    assert [item.name for item in await grid.listed(filter="name eq 'orders-1'")] == ["orders-1"]


@pytest.mark.parametrize("where", ["global", "topic type", "group", "group and type", "location", "every location"])
async def test_wider_lists_hold_the_subscription(grid, hook, where):
    name = new_name("wide")
    made = await grid.subscribe(name, hook)
    calls = grid.subscriptions
    lists = {
        "global": lambda: calls.list_global_by_subscription(),
        "topic type": lambda: calls.list_global_by_subscription_for_topic_type(TOPIC_TYPE),
        "group": lambda: calls.list_global_by_resource_group(grid.group),
        "group and type": lambda: calls.list_global_by_resource_group_for_topic_type(grid.group, TOPIC_TYPE),
        "location": lambda: calls.list_regional_by_subscription("global"),
        "every location": lambda: calls.list_regional_by_resource_group_for_topic_type(
            grid.group, "global", TOPIC_TYPE
        ),
    }
    assert made.id in [item.id for item in await collected(lists[where]())]


async def test_cloud_events_are_kept_as_the_schema(grid, hook):
    made = await grid.subscribe("clouds", hook, event_delivery_schema=CLOUD_EVENTS)
    assert made.event_delivery_schema == CLOUD_EVENTS


async def test_end_of_a_subscription_can_be_set(own_grid, hook, other_hook):
    ends = own_grid.server.advance_clock(0) + timedelta(hours=1)
    await own_grid.subscribe("short", hook, expiration_time_utc=ends)
    await own_grid.subscribe("long", other_hook)
    own_grid.send_test(SMS)
    await hook.wait_for_notifications(1)
    await other_hook.wait_for_notifications(1)
    own_grid.server.advance_clock(3_601)
    own_grid.send_test(SMS)
    await other_hook.wait_for_notifications(2)
    assert len(hook.notifications) == 1
