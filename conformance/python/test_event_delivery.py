"""How events reach a hook: headers, filters, attributes, repetition, dead letters, replay, the log."""

import json
from datetime import datetime, timedelta

import pytest
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from azure.mgmt.eventgrid.models import (
    BoolEqualsAdvancedFilter,
    DynamicDeliveryAttributeMapping,
    EventSubscriptionFilter,
    IsNotNullAdvancedFilter,
    IsNullOrUndefinedAdvancedFilter,
    NumberGreaterThanOrEqualsAdvancedFilter,
    NumberInAdvancedFilter,
    NumberInRangeAdvancedFilter,
    NumberLessThanAdvancedFilter,
    NumberNotInAdvancedFilter,
    RetryPolicy,
    StaticDeliveryAttributeMapping,
    StorageBlobDeadLetterDestination,
    StringBeginsWithAdvancedFilter,
    StringContainsAdvancedFilter,
    StringEndsWithAdvancedFilter,
    StringInAdvancedFilter,
    StringNotContainsAdvancedFilter,
    StringNotInAdvancedFilter,
)

from event_grid import CALL, CLOUD_EVENTS, SMS, hurrying_clock, sms, web_hook

DEAD_LETTERS = StorageBlobDeadLetterDestination(resource_id="/storage", blob_container_name="lost")


async def test_headers_of_a_delivery(grid, hook):
    await grid.subscribe("orders", hook)
    [sent] = grid.send_test(SMS)
    [request] = await hook.wait_for_notifications(1)
    headers = request.headers
    assert (request.method, request.path) == ("POST", "/hook")
    assert headers["aeg-event-type"] == "Notification"
    assert headers["aeg-subscription-name"] == "ORDERS"
    assert headers["aeg-delivery-count"] == "0"
    assert headers["aeg-data-version"] == "1.0"
    assert headers["aeg-metadata-version"] == "1"
    assert headers["aeg-output-event-id"] == sent
    assert headers["User-Agent"].startswith("trunkline/")


async def test_headers_of_a_cloud_event(grid, hook):
    await grid.subscribe("clouds", hook, event_delivery_schema=CLOUD_EVENTS)
    grid.send_test(SMS)
    [request] = await hook.wait_for_notifications(1)
    assert request.headers["aeg-metadata-version"] == "1.0"
    assert request.headers["WebHook-Request-Origin"] == "eventgrid.azure.net"


async def test_delivery_attributes_become_headers(grid, hook):
    mappings = [
        StaticDeliveryAttributeMapping(name="X-Open", value="seen", is_secret=False),
        StaticDeliveryAttributeMapping(name="Authorization", value="Bearer top-secret", is_secret=True),
        DynamicDeliveryAttributeMapping(name="X-From", source_field="data.from"),
        DynamicDeliveryAttributeMapping(name="X-Missing", source_field="data.nothing"),
    ]
    await grid.subscribe("orders", web_hook(hook, "?code=1", delivery_attribute_mappings=mappings))
    grid.send_test(SMS, data=sms())
    [request] = await hook.wait_for_notifications(1)
    assert request.path == "/hook?code=1"
    assert request.headers["X-Open"] == "seen"
    assert request.headers["Authorization"] == "Bearer top-secret"
    assert request.headers["X-From"] == "+4930123"
    assert request.headers["X-Missing"] is None


async def test_failed_delivery_is_repeated(own_grid, hook):
    await own_grid.subscribe("orders", hook)
    hook.statuses = [500, 503]
    [sent] = own_grid.send_test(SMS)
    with hurrying_clock(own_grid.server):
        requests = await hook.wait_for_notifications(3)
    assert [request.headers["aeg-delivery-count"] for request in requests] == ["0", "1", "2"]
    assert {event["id"] for event in hook.events} == {sent}
    assert len({request.body for request in requests}) == 1, "a repetition is the same to the byte"


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_refused_delivery_is_not_repeated(own_grid, hook, status):
    await own_grid.subscribe("orders", hook)
    hook.statuses = [status]
    own_grid.send_test(SMS)
    await hook.wait_for_notifications(1)
    own_grid.server.advance_clock(60)
    [later] = own_grid.send_test(SMS)
    await hook.wait_for_events(2)
    own_grid.server.advance_clock(3_600)
    [last] = own_grid.send_test(SMS)
    await hook.wait_for_events(3)
    assert [event["id"] for event in hook.events][1:] == [later, last]


@pytest.mark.parametrize(
    ("schema", "read", "reason"),
    [("EventGridSchema", EventGridEvent.from_dict, "deadLetterReason"),
     (CLOUD_EVENTS, CloudEvent.from_dict, "deadletterreason")],
)
async def test_dead_letters_can_be_read(own_grid, hook, schema, read, reason):
    await own_grid.subscribe(
        "orders", hook, event_delivery_schema=schema, dead_letter_destination=DEAD_LETTERS,
        retry_policy=RetryPolicy(max_delivery_attempts=2),
    )
    hook.statuses = [500, 500]
    [sent] = own_grid.send_test(SMS)
    with hurrying_clock(own_grid.server):
        await hook.wait_for_notifications(2)
        # The blob is written five minutes after the last attempt.
        await hook.wait_for(lambda _: own_grid.operate("GET", "/deadLetters")["value"], "a dead letter")
    [entry] = own_grid.operate("GET", "/deadLetters")["value"]
    content = own_grid.operate("GET", f"/deadLetters/{entry['id']}")
    [event] = content["events"]
    assert (entry["subscription"], entry["eventCount"]) == ("orders", 1)
    assert event["id"] == sent
    assert event[reason] == "MaxDeliveryAttemptsExceeded"
    lower = schema == CLOUD_EVENTS
    assert event["deliveryattempts" if lower else "deliveryAttempts"] == 2
    assert event["lastdeliveryoutcome" if lower else "lastDeliveryOutcome"]
    assert event["lasthttpstatuscode" if lower else "lastHttpStatusCode"] == 500
    assert read(event).id == sent
    assert len(hook.notifications) == 2


async def test_included_types_subjects_and_case(grid, hook, other_hook):
    wanted = EventSubscriptionFilter(
        included_event_types=[SMS], subject_begins_with="/PhoneNumber/", subject_ends_with="99"
    )
    await grid.subscribe("some", hook, filter=wanted)
    exact = EventSubscriptionFilter(subject_begins_with="/PhoneNumber/", is_subject_case_sensitive=True)
    await grid.subscribe("exact", other_hook, filter=exact)
    grid.send_test(CALL, subject="/PhoneNumber/1")
    grid.send_test(SMS, subject="/phonenumber/1")
    [sent] = grid.send_test(SMS, subject="/phonenumber/199")
    [last] = grid.send_test(SMS, subject="/PhoneNumber/299")
    # Requests are under way side by side, so the order of their arrival is no promise.
    assert {event["id"] for event in await hook.wait_for_events(2)} == {sent, last}
    exact = await other_hook.wait_for_events(2)
    assert {event["subject"] for event in exact} == {"/PhoneNumber/1", "/PhoneNumber/299"}


MATCHING = sms(price=5.5, isPaid=True, tags=["red", "blue"])
OTHER = {**MATCHING, "from": "+1202555", "price": 99, "isPaid": False, "tags": ["green"], "extra": 1}
FILTERS = [
    NumberInAdvancedFilter(key="data.price", values=[5.5, 6]),
    NumberNotInAdvancedFilter(key="data.price", values=[99]),
    NumberLessThanAdvancedFilter(key="data.price", value=6),
    NumberInRangeAdvancedFilter(key="data.price", values=[[1, 2], [5, 6]]),
    BoolEqualsAdvancedFilter(key="data.isPaid", value=True),
    StringInAdvancedFilter(key="data.from", values=["+4930123"]),
    StringNotInAdvancedFilter(key="data.from", values=["+1202555"]),
    StringBeginsWithAdvancedFilter(key="data.from", values=["+43", "+49"]),
    StringEndsWithAdvancedFilter(key="data.from", values=["123"]),
    StringContainsAdvancedFilter(key="Data.From", values=["4930"]),
    StringNotContainsAdvancedFilter(key="data.from", values=["202"]),
    StringContainsAdvancedFilter(key="data.tags", values=["RED"]),
    IsNullOrUndefinedAdvancedFilter(key="data.extra"),
    IsNotNullAdvancedFilter(key="data.price"),
]


@pytest.mark.parametrize("test", FILTERS, ids=lambda test: f"{test.operator_type} {test.key}")
async def test_advanced_filter(grid, hook, test):
    advanced = [test, NumberGreaterThanOrEqualsAdvancedFilter(key="data.price", value=0)]
    wanted = EventSubscriptionFilter(advanced_filters=advanced, enable_advanced_filtering_on_arrays=True)
    await grid.subscribe("some", hook, filter=wanted)
    other = {**OTHER, "price": None} if test.operator_type == "IsNotNull" else OTHER
    grid.send_test(SMS, data=other)
    [sent] = grid.send_test(SMS, data=MATCHING)
    await hook.wait_for_events(1)
    grid.send_test(SMS, data=other)
    [last] = grid.send_test(SMS, data=MATCHING)
    assert [event["id"] for event in await hook.wait_for_events(2)] == [sent, last]


async def test_replay_sends_a_window_to_one_subscription(own_grid, hook, other_hook):
    start = own_grid.server.advance_clock(0)
    own_grid.send_test(SMS)
    own_grid.server.advance_clock(60)
    await own_grid.subscribe("late", hook)
    await own_grid.subscribe("other", other_hook)
    wanted = own_grid.send_test(SMS, count=3)
    await hook.wait_for_events(3)
    own_grid.server.advance_clock(60)
    [after] = own_grid.send_test(SMS)
    await hook.wait_for_events(4)
    # Only what is stored as delivered can be sent again.
    with hurrying_clock(own_grid.server):
        await hook.wait_for(lambda _: len(own_grid.attempts(subscription="late")) == 4, "the log")
    window = {"from": (start + timedelta(seconds=30)).isoformat(), "to": (start + timedelta(seconds=90)).isoformat()}

    own_grid.operate("POST", "/eventSubscriptions/late/:replay", window)

    events = await hook.wait_for_events(7)
    assert sorted(event["id"] for event in events[:3]) == sorted(wanted)
    assert events[3]["id"] == after
    assert sorted(event["id"] for event in events[4:]) == sorted(wanted)
    assert len(other_hook.events) == 4


async def test_log_shows_each_attempt(own_grid, hook):
    await own_grid.subscribe("orders", web_hook(hook, "?code=very-secret"))
    hook.statuses = [500, 503]
    [sent] = own_grid.send_test(SMS)
    with hurrying_clock(own_grid.server):
        log = await hook.wait_for(
            lambda _: len(found := own_grid.attempts(subscription="orders")) == 3 and found, "three lines in the log"
        )
    assert all(line["eventIds"] == [sent] and line["durationMs"] >= 0 for line in log)
    by_status = {line["status"]: line for line in log}

    def wait_after(status: int) -> float:
        at, due = by_status[status]["at"], by_status[status]["nextAttemptOn"]
        return (datetime.fromisoformat(due) - datetime.fromisoformat(at)).total_seconds()

    # The first step of the ladder, and for a busy endpoint half a minute at least; both with up to a tenth by chance.
    assert 10 <= wait_after(500) <= 11.1
    assert 30 <= wait_after(503) <= 33.1
    assert not by_status[200].get("nextAttemptOn")
    assert "very-secret" not in json.dumps(log)
