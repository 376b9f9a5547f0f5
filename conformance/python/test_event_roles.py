"""What an application may see and change of subscriptions, by the roles it has."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.eventgrid.models import EventSubscription, EventSubscriptionUpdateParameters

from event_grid import attempted, attempted_operation, web_hook
from sdk import expect_error, settled


@pytest.fixture
def as_role(grid, directory, event_grid_of, real_time_server):
    """A function that sees the same resource with another role, on it or on another resource."""

    def make(role, on=None):
        application = directory.application(role, resource=on or grid.resource) if role else directory.application(None)
        return event_grid_of(real_time_server, application, grid.resource)

    return make


async def test_reader_sees_and_changes_nothing(grid, hook, as_role):
    await grid.subscribe("orders", web_hook(hook, "?code=very-secret"))
    reader = as_role("reader")
    seen = await reader.get("orders")
    assert seen.destination.endpoint_base_url == hook.url
    assert [item.name for item in await reader.listed()] == ["orders"]
    calls, body = reader.subscriptions, EventSubscription(destination=web_hook(hook))
    change = EventSubscriptionUpdateParameters(labels=["x"])
    for refused in (
        attempted(calls.get_full_url, reader.scope, "orders"),
        attempted_operation(calls.begin_create_or_update, reader.scope, "mine", body),
        attempted_operation(calls.begin_update, reader.scope, "orders", change),
        attempted_operation(calls.begin_delete, reader.scope, "orders"),
    ):
        error = await expect_error(refused, 403)
        assert "very-secret" not in str(error)
    assert not (await grid.get("orders")).labels
    assert len(hook.received) == 1


async def test_contributor_subscribes(hook, as_role):
    contributor = as_role("contributor")
    made = await contributor.subscribe("orders", web_hook(hook, "?code=1"))
    assert made.provisioning_state == "Succeeded"
    full = await settled(contributor.subscriptions.get_full_url(contributor.scope, "orders"))
    assert full.endpoint_url == f"{hook.url}?code=1"
    await contributor.delete("orders")


@pytest.mark.parametrize("role", ["owner", None], ids=["owner of another resource", "no role"])
async def test_stranger_sees_nothing(grid, hook, as_role, event_grid_of, real_time_server, role):
    await grid.subscribe("orders", hook)
    other = event_grid_of(real_time_server)
    stranger = as_role(role, on=other.resource)
    for refused in (stranger.get("orders"), stranger.listed(), stranger.subscribe("mine", hook)):
        with pytest.raises(HttpResponseError) as raised:
            await refused
        assert raised.value.status_code in (403, 404)
    assert len(hook.received) == 1
