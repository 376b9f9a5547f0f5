"""SystemTopics_* and SystemTopicEventSubscriptions_*: the other way ACS customers subscribe, as the portal does it."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.eventgrid.models import (
    EventSubscription,
    EventSubscriptionFilter,
    EventSubscriptionUpdateParameters,
    StaticDeliveryAttributeMapping,
    SystemTopicUpdateParameters,
)

from event_grid import SMS, TOPIC_TYPE, attempted_operation, shown, web_hook
from management import new_name
from sdk import collected, completed, expect_error, settled


@pytest.fixture
async def topic(grid):
    """A system topic of the resource."""
    return await grid.make_topic(new_name("topic"), tags={"stage": "test"})


async def subscribe(grid, topic, name: str, hook, **fields):
    """A subscription of a system topic, once its handshake has ended."""
    fields.setdefault("destination", web_hook(hook))
    return await completed(
        grid.topic_subscriptions.begin_create_or_update(grid.group, topic.name, name, EventSubscription(**fields))
    )


async def test_life_of_a_system_topic(grid, topic):
    assert topic.id.lower() == (
        f"/subscriptions/{grid.server.subscription_id}/resourcegroups/{grid.group}"
        f"/providers/microsoft.eventgrid/systemtopics/{topic.name}"
    )
    assert topic.type == "Microsoft.EventGrid/systemTopics"
    assert topic.source.lower() == grid.scope.lower()
    assert topic.topic_type.lower() == TOPIC_TYPE.lower()
    assert topic.provisioning_state == "Succeeded"
    assert topic.tags == {"stage": "test"}
    assert shown(await settled(grid.topics.get(grid.group, topic.name))) == shown(topic)

    change = SystemTopicUpdateParameters(tags={"stage": "live"})
    changed = await completed(grid.topics.begin_update(grid.group, topic.name, change))
    assert changed.tags == {"stage": "live"}

    for listed in (grid.topics.list_by_subscription(), grid.topics.list_by_resource_group(grid.group)):
        assert topic.id in [item.id for item in await collected(listed)]

    await completed(grid.topics.begin_delete(grid.group, topic.name))
    with pytest.raises(ResourceNotFoundError):
        await settled(grid.topics.get(grid.group, topic.name))


async def test_life_of_a_subscription_on_a_topic(grid, topic, hook):
    mappings = [StaticDeliveryAttributeMapping(name="X-Hidden", value="top-secret", is_secret=True)]
    destination = web_hook(hook, "?code=1", delivery_attribute_mappings=mappings)
    made = await subscribe(grid, topic, "orders", hook, destination=destination)
    assert made.provisioning_state == "Succeeded"
    assert made.id.lower() == f"{topic.id}/eventSubscriptions/orders".lower()
    calls, place = grid.topic_subscriptions, (grid.group, topic.name)
    assert shown(await settled(calls.get(*place, "orders"))) == shown(made)
    assert (await settled(calls.get_full_url(*place, "orders"))).endpoint_url == f"{hook.url}?code=1"
    [attribute] = (await settled(calls.get_delivery_attributes(*place, "orders"))).value
    assert (attribute.name, attribute.value) == ("X-Hidden", None)
    assert [item.id for item in await collected(calls.list_by_system_topic(*place))] == [made.id]

    [sent] = grid.send_test(SMS)
    [event] = await hook.wait_for_events(1)
    assert event["id"] == sent
    assert event["topic"].lower() == grid.scope.lower()

    change = EventSubscriptionUpdateParameters(filter=EventSubscriptionFilter(included_event_types=[SMS]))
    changed = await completed(calls.begin_update(*place, "orders", change))
    assert changed.filter.included_event_types == [SMS]

    await completed(calls.begin_delete(*place, "orders"))
    assert not await collected(calls.list_by_system_topic(*place))


async def test_names_on_a_topic_and_on_its_resource_are_apart(grid, topic, hook, other_hook):
    await subscribe(grid, topic, "orders", hook)
    await grid.subscribe("orders", other_hook)
    grid.send_test(SMS)
    await hook.wait_for_notifications(1)
    await other_hook.wait_for_notifications(1)
    await grid.delete("orders")
    assert (await settled(grid.topic_subscriptions.get(grid.group, topic.name, "orders"))).name == "orders"


async def test_second_topic_of_a_resource_is_refused(grid, topic):
    with pytest.raises(HttpResponseError) as raised:
        await grid.make_topic(new_name("topic"))
    assert raised.value.status_code in (400, 409)
    assert topic.name in str(raised.value), "the customer is told which one there is"


async def test_topic_with_subscriptions_is_not_deleted(grid, topic, hook):
    await subscribe(grid, topic, "orders", hook)
    await expect_error(attempted_operation(grid.topics.begin_delete, grid.group, topic.name), 400, 409)
    assert (await settled(grid.topics.get(grid.group, topic.name))).name == topic.name


async def test_topic_of_a_resource_that_does_not_exist(grid):
    grid.resource = new_name()
    with pytest.raises(HttpResponseError) as raised:
        await grid.make_topic(new_name("topic"))
    assert raised.value.status_code in (400, 404)
