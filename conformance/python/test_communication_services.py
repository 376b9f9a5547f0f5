"""CommunicationServices_* and what belongs to them: a resource's whole life, driven by the management clients."""

import json
import uuid

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from management import Arm, new_name
from sdk import assert_identifier, collected, completed, expect_error, settled

HUB = (
    "/subscriptions/{subscription}/resourceGroups/hubs/providers/Microsoft.NotificationHubs/namespaces/push"
    "/notificationHubs/calls"
)
DOMAIN = (
    "/subscriptions/{subscription}/resourceGroups/mail/providers/Microsoft.Communication/emailServices/contoso"
    "/domains/mail.contoso.com"
)
HUB_SECRET = "Endpoint=sb://push.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0"


@pytest.fixture
def arm(opened, real_time_server, directory):
    """The management clients of an application that owns everything."""
    application = directory.application("owner")
    credential = opened(
        "azure.identity", "ClientSecretCredential",
        directory.tenant_id, application["clientId"], directory.secret(application["clientId"]),
        authority=directory.authority, disable_instance_discovery=True,
    )
    return Arm(opened, real_time_server, credential)


@pytest.fixture
async def group(arm):
    """A resource group of its own for one test."""
    name = new_name("group")
    await settled(arm.resources.resource_groups.create_or_update(name, {"location": "westeurope"}))
    return name


@pytest.fixture
async def resource(arm, group):
    """A resource of its own for one test."""
    return await arm.create(new_name(), group, tags={"stage": "test"})


def is_valid(server, token: str) -> bool:
    """Whether the server takes a user token for good: no operation of these SDKs shows it."""
    return server.operate("POST", "/trunkline/tokens/:inspect", {"token": token})["isValid"]


async def availability_of(arm, name: str):
    """The answer to a name check."""
    request = {"name": name, "type": "Microsoft.Communication/CommunicationServices"}
    return await settled(arm.services.check_name_availability(request))


async def test_whole_life_of_a_resource(arm, connect, real_time_server):
    group, name = new_name("group"), new_name()
    made = await settled(arm.resources.resource_groups.create_or_update(group, {"location": "westeurope"}))
    assert made.properties.provisioning_state == "Succeeded"
    assert (await availability_of(arm, name)).name_available

    created = await arm.create(name, group, tags={"stage": "test"})

    assert created.name == name
    assert created.id.lower() == (
        f"/subscriptions/{real_time_server.subscription_id}/resourcegroups/{group}"
        f"/providers/microsoft.communication/communicationservices/{name}"
    )
    assert created.type.lower() == "microsoft.communication/communicationservices"
    assert created.location.lower() == "global"
    assert created.tags == {"stage": "test"}
    assert created.properties.provisioning_state == "Succeeded"
    assert created.properties.data_location == "Europe"
    assert created.properties.host_name
    immutable_id = created.properties.immutable_resource_id
    assert str(uuid.UUID(immutable_id)) == immutable_id
    assert created.system_data.created_at

    taken = await availability_of(arm, name)
    assert (taken.name_available, taken.reason) == (False, "AlreadyExists")
    assert taken.message

    updated = await arm.update(name, {"tags": {"stage": "live", "team": "calls"}}, group)
    assert updated.tags == {"stage": "live", "team": "calls"}
    read = await arm.get(name, group)
    assert (read.tags, read.properties.immutable_resource_id) == (updated.tags, immutable_id)

    keys = await arm.list_keys(name, group)
    for connection_string in (keys.primary_connection_string, keys.secondary_connection_string):
        user = await connect(real_time_server, connection_string=connection_string).create_user()
        assert_identifier(user.raw_id, immutable_id)

    client = connect(real_time_server, connection_string=keys.primary_connection_string)
    await arm.delete(name, group)
    with pytest.raises(ResourceNotFoundError):
        await arm.get(name, group)
    with pytest.raises(HttpResponseError) as raised:
        await client.create_user()
    assert raised.value.status_code in (401, 404)
    await completed(arm.resources.resource_groups.begin_delete(group))
    assert not await settled(arm.resources.resource_groups.check_existence(group))


async def test_lists_hold_the_resource(arm, group, resource):
    assert [item.id for item in await collected(arm.services.list_by_resource_group(group))] == [resource.id]
    assert resource.id in [item.id for item in await collected(arm.list_by_subscription())]


@pytest.mark.parametrize(("which", "other"), [("Primary", "secondary"), ("Secondary", "primary")])
async def test_regenerated_key_ends_signatures_and_tokens_at_once(
    arm, connect, real_time_server, group, resource, which, other
):
    which_field = which.lower()
    before = await arm.list_keys(resource.name, group)
    clients = {
        name: connect(real_time_server, connection_string=getattr(before, f"{name}_connection_string"))
        for name in (which_field, other)
    }
    tokens = {name: (await client.create_user_and_token(["chat"]))[1].token for name, client in clients.items()}
    assert all(is_valid(real_time_server, token) for token in tokens.values())

    after = await arm.regenerate_key(resource.name, which, group)

    assert getattr(after, f"{which_field}_key") != getattr(before, f"{which_field}_key")
    assert getattr(after, f"{other}_key") == getattr(before, f"{other}_key")
    await expect_error(clients[which_field].create_user(), 401, kind=ClientAuthenticationError)
    assert await clients[other].create_user()
    assert not is_valid(real_time_server, tokens[which_field])
    assert is_valid(real_time_server, tokens[other])
    renewed = getattr(after, f"{which_field}_connection_string")
    assert await connect(real_time_server, connection_string=renewed).create_user()
    assert await arm.list_keys(resource.name, group) == after


async def test_notification_hub_is_linked_and_its_secret_kept(arm, real_time_server, group, resource):
    hub = HUB.format(subscription=real_time_server.subscription_id)
    linked = await settled(
        arm.services.link_notification_hub(
            group, resource.name, {"resourceId": hub, "connectionString": HUB_SECRET}
        )
    )
    assert linked.resource_id == hub
    read = await arm.get(resource.name, group)
    assert read.properties.notification_hub_id == hub
    assert "c2VjcmV0" not in json.dumps(read.as_dict())


async def test_domains_are_linked_and_unlinked(arm, real_time_server, group, resource):
    domain = DOMAIN.format(subscription=real_time_server.subscription_id)
    linked = await arm.update(resource.name, {"properties": {"linkedDomains": [domain]}}, group)
    assert linked.properties.linked_domains == [domain]
    kept = await arm.update(resource.name, {"tags": {"stage": "live"}}, group)
    assert (kept.properties.linked_domains, kept.tags) == ([domain], {"stage": "live"})
    await arm.update(resource.name, {"properties": {"linkedDomains": []}}, group)
    assert not (await arm.get(resource.name, group)).properties.linked_domains


async def test_local_keys_can_be_switched_off(arm, connect, real_time_server, group, resource):
    keys = await arm.list_keys(resource.name, group)
    client = connect(real_time_server, connection_string=keys.primary_connection_string)
    assert await client.create_user()
    changed = await arm.update(resource.name, {"properties": {"disableLocalAuth": True}}, group)
    assert changed.properties.disable_local_auth
    await expect_error(client.create_user(), 401, 403)


async def test_creating_again_keeps_data_and_keys(arm, group, resource):
    keys = await arm.list_keys(resource.name, group)
    again = await arm.create(resource.name, group, tags={"stage": "again"})
    assert again.tags == {"stage": "again"}
    assert again.properties.immutable_resource_id == resource.properties.immutable_resource_id
    assert await arm.list_keys(resource.name, group) == keys


async def test_data_location_cannot_be_changed(arm, group, resource):
    with pytest.raises(HttpResponseError) as raised:
        await arm.create(resource.name, group, properties={"dataLocation": "Africa"})
    assert raised.value.status_code in (400, 409)
    assert (await arm.get(resource.name, group)).properties.data_location == "Europe"


async def test_names_are_found_in_any_case(arm, group, resource):
    assert (await arm.get(resource.name.upper(), group.upper())).name == resource.name


@pytest.mark.parametrize("name", ["a_b", "-a", "a-", "a b", "a.b", "x" * 64])
async def test_forbidden_name_is_refused(arm, group, name):
    answer = await availability_of(arm, name)
    assert (answer.name_available, answer.reason) == (False, "Invalid")
    with pytest.raises(HttpResponseError) as raised:
        await arm.create(name, group)
    assert raised.value.status_code == 400


async def test_missing_things_are_not_found(arm, group):
    resource, other_group = new_name(), new_name("group")
    for absent, code in (
        (arm.get(resource, group), "ResourceNotFound"),
        (arm.list_keys(resource, group), "ResourceNotFound"),
        (arm.create(resource, other_group), "ResourceGroupNotFound"),
    ):
        with pytest.raises(ResourceNotFoundError) as raised:
            await absent
        assert raised.value.error.code == code


async def test_deleting_what_is_not_there_is_done(arm, group):
    await arm.delete(new_name(), group)


async def test_operations_are_listed(arm):
    operations = await collected(arm.communication.operations.list())
    names = {operation.name.lower() for operation in operations}
    assert "microsoft.communication/communicationservices/listkeys/action" in names
    assert all(operation.display.operation for operation in operations)


async def test_life_of_a_resource_group(arm):
    groups, name = arm.resources.resource_groups, new_name("Group")
    assert not await settled(groups.check_existence(name))
    created = await settled(groups.create_or_update(name, {"location": "westeurope", "tags": {"a": "b"}}))
    assert (created.name, created.location, created.tags) == (name, "westeurope", {"a": "b"})
    assert await settled(groups.check_existence(name.lower()))
    assert (await settled(groups.get(name.upper()))).id == created.id
    assert name in [each.name for each in await collected(groups.list())]
    assert (await settled(groups.update(name, {"tags": {"c": "d"}}))).tags == {"c": "d"}
    resource = await arm.create(new_name(), name)

    await completed(groups.begin_delete(name))

    assert not await settled(groups.check_existence(name))
    assert resource.id not in [each.id for each in await collected(arm.list_by_subscription())]


async def test_subscription_and_tenant_are_shown(arm, real_time_server):
    listed = [each.subscription_id for each in await collected(arm.subscriptions.subscriptions.list())]
    assert listed == [real_time_server.subscription_id]
    read = await settled(arm.subscriptions.subscriptions.get(real_time_server.subscription_id))
    assert read.state == "Enabled"
    tenants = [each.tenant_id for each in await collected(arm.subscriptions.tenants.list())]
    assert tenants == [real_time_server.tenant_id]


async def test_provider_is_registered(arm):
    provider = await settled(arm.resources.providers.get("Microsoft.Communication"))
    assert provider.registration_state == "Registered"
    assert "communicationservices" in [each.resource_type.lower() for each in provider.resource_types]
    assert (await settled(arm.resources.providers.register("Microsoft.Communication"))).namespace == provider.namespace
