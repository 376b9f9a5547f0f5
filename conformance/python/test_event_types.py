"""Every event type there is: listed by the management client, sent to a hook, read by `azure-eventgrid`."""

import json
import uuid
from datetime import datetime, timezone

import pytest
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, SystemEventNames

from event_grid import CLOUD_EVENTS, SMS, TOPIC_TYPE, hurrying_clock, sms, web_hook
from sdk import collected, settled

# Two names that the SDK keeps for programs of old; the service sends the newer ones.
RETIRED = {
    "Microsoft.Communication.ChatMemberAddedToThreadWithUser",
    "Microsoft.Communication.ChatMemberRemovedFromThreadWithUser",
}
NAMES = sorted({name.value for name in SystemEventNames if name.value.startswith("Microsoft.Communication.")} - RETIRED)
BATCH = 10


def read_time(text: str) -> datetime:
    """A time as a customer reads it, who insists on an offset."""
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return moment


async def test_topic_types_name_ours(grid):
    types = grid.client.topic_types
    listed = await collected(types.list())
    [ours] = [item for item in listed if item.name.lower() == TOPIC_TYPE.lower()]
    read = await settled(types.get(TOPIC_TYPE))
    for topic_type in (ours, read):
        assert topic_type.provider == "Microsoft.Communication"
        assert topic_type.provisioning_state == "Succeeded"
        assert topic_type.display_name and topic_type.description


async def test_event_types_are_those_of_the_sdk(grid):
    listed = await collected(grid.client.topic_types.list_event_types(TOPIC_TYPE))
    assert sorted(item.name for item in listed) == NAMES
    assert len(NAMES) == 53
    for item in listed:
        assert item.display_name and item.description and item.schema_url
        assert item.is_in_default_set


async def test_operations_are_listed(grid):
    names = [item.name for item in await collected(grid.client.operations.list())]
    assert any("eventSubscriptions/write" in name for name in names)


@pytest.mark.parametrize("in_batches", [False, True], ids=["alone", "in batches"])
async def test_every_type_is_read_from_the_event_grid_schema(grid, hook, in_batches):
    batch = {"max_events_per_batch": 100} if in_batches else {}
    await grid.subscribe("every", web_hook(hook, **batch))
    ids = {name: grid.send_test(name)[0] for name in NAMES}

    await hook.wait_for_events(len(NAMES))

    read = {}
    for request in hook.notifications:
        assert request.headers["Content-Type"] == "application/json; charset=utf-8"
        assert isinstance(json.loads(request.body), list), "also one event is an array"
        for content in json.loads(request.body):
            event = EventGridEvent.from_json(json.dumps(content))
            read[SystemEventNames(event.event_type).value] = event
    assert sorted(read) == NAMES
    for name, event in read.items():
        assert event.id == ids[name]
        assert event.topic.lower() == grid.scope.lower()
        assert event.subject, name
        assert event.data, name
        assert event.data_version == "1.0"
        assert event.metadata_version == "1"
        age = datetime.now(timezone.utc) - event.event_time
        assert abs(age.total_seconds()) < 600, name


@pytest.mark.parametrize("in_batches", [False, True], ids=["alone", "in batches"])
async def test_every_type_is_read_as_a_cloud_event(grid, hook, in_batches):
    batch = {"max_events_per_batch": 100} if in_batches else {}
    await grid.subscribe("every", web_hook(hook, **batch), event_delivery_schema=CLOUD_EVENTS)
    ids = {name: grid.send_test(name)[0] for name in NAMES}

    await hook.wait_for_events(len(NAMES))

    read = {}
    kind = "application/cloudevents-batch+json" if in_batches else "application/cloudevents+json"
    for request in hook.notifications:
        assert request.headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert isinstance(json.loads(request.body), list) == in_batches
        for content in request.events:
            assert read_time(content["time"])
            event = CloudEvent.from_dict(content)
            read[SystemEventNames(event.type).value] = event
    assert sorted(read) == NAMES
    for name, event in read.items():
        assert event.id == ids[name]
        assert event.source.lower() == grid.scope.lower()
        assert event.subject and event.data, name
        assert not event.extensions, name


@pytest.mark.parametrize("schema", ["EventGridSchema", CLOUD_EVENTS])
async def test_waiting_events_come_in_one_batch(own_grid, hook, schema):
    await own_grid.subscribe("batch", web_hook(hook, max_events_per_batch=BATCH), event_delivery_schema=schema)
    # Refused once, the events wait and are due together.
    hook.statuses = [500] * BATCH
    sent = own_grid.send_test(SMS, count=BATCH)
    await hook.wait_for_events(BATCH)
    hook.statuses = []
    failed = len(hook.notifications)
    with hurrying_clock(own_grid.server):
        await hook.wait_for(
            lambda hook: {e["id"] for r in hook.notifications[failed:] for e in r.events} >= set(sent), "all again"
        )
    again = hook.notifications[failed:]
    assert max(len(request.events) for request in again) > 1
    for request in again:
        read = EventGridEvent.from_dict if schema != CLOUD_EVENTS else CloudEvent.from_dict
        assert all(read(content).id in sent for content in request.events)


async def test_id_is_the_same_in_both_schemas(grid, hook, other_hook):
    await grid.subscribe("grid", hook)
    await grid.subscribe("clouds", other_hook, event_delivery_schema=CLOUD_EVENTS)
    [sent] = grid.send_test(SMS, subject="/phonenumber/1", data=sms())
    [first], [second] = await hook.wait_for_events(1), await other_hook.wait_for_events(1)
    assert first["id"] == second["id"] == sent == str(uuid.UUID(sent))
    assert first["data"] == second["data"]
    assert first["subject"] == second["subject"] == "/phonenumber/1"
    assert first["eventType"] == second["type"] == SMS
    assert first["topic"] == second["source"]
    assert read_time(first["eventTime"]) == read_time(second["time"])
