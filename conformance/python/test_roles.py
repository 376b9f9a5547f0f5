"""What an application may do by the roles it has, on the data plane and in the management of resources."""

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from directory import DATA_SCOPE
from management import Arm, new_name
from sdk import collected, expect_error


@pytest.fixture
def sign_in(opened, directory):
    """A function that makes a credential of an application."""

    def make(application):
        return opened(
            "azure.identity", "ClientSecretCredential",
            directory.tenant_id, application["clientId"], directory.secret(application["clientId"]),
            authority=directory.authority, disable_instance_discovery=True,
        )

    return make


@pytest.fixture
def identity_client(connect, real_time_server, sign_in):
    """A function that makes an identity client of the default resource for an application."""

    def make(application):
        return connect(real_time_server, endpoint=real_time_server.endpoint, credential=sign_in(application))

    return make


@pytest.fixture
def arm(opened, real_time_server, sign_in):
    """A function that makes the management clients for an application."""

    def make(application, **options):
        return Arm(opened, real_time_server, sign_in(application), **options)

    return make


@pytest.fixture
async def resource(arm, directory):
    """A resource of its own for one test."""
    owner = arm(directory.application("owner"))
    name = new_name()
    await owner.create(name)
    return name


@pytest.mark.parametrize("role", ["owner", "contributor"])
@pytest.mark.parametrize("on_resource", [False, True], ids=["on everything", "on the resource"])
async def test_role_that_may_manage_users(identity_client, real_time_server, directory, role, on_resource):
    where = real_time_server.resource_name if on_resource else None
    client = identity_client(directory.application(role, resource=where))
    user = await client.create_user()
    await client.get_token(user, ["voip"])
    await client.revoke_tokens(user)
    await client.delete_user(user)


@pytest.mark.parametrize(
    "role", [None, "reader", "sms-sender", "email-sender", "chat-sender", "messages-sender", "calling-sender"]
)
async def test_role_that_may_not_manage_users(identity_client, directory, role):
    await expect_error(identity_client(directory.application(role)).create_user(), 403)


async def test_role_on_another_resource_is_worth_nothing(identity_client, directory, resource):
    client = identity_client(directory.application("owner", resource=resource))
    await expect_error(client.create_user(), 403)


async def test_role_ends_at_once_when_it_is_taken_away(identity_client, directory):
    application = directory.application(None)
    client = identity_client(application)
    await expect_error(client.create_user(), 403)
    assignment = directory.assign(application["clientId"], "contributor")
    assert await client.create_user()
    directory.unassign(assignment)
    await expect_error(client.create_user(), 403)


async def test_data_token_cannot_list_keys(arm, directory, resource):
    client = arm(directory.application("owner"), credential_scopes=[DATA_SCOPE])
    error = await expect_error(client.list_keys(resource), 401, kind=ClientAuthenticationError)
    assert "primaryKey" not in str(error)


async def test_owner_lists_and_regenerates_keys(arm, directory, resource):
    client = arm(directory.application("owner", resource=resource))
    keys = await client.list_keys(resource)
    after = await client.regenerate_key(resource, "Primary")
    assert after.primary_key != keys.primary_key
    assert after.secondary_key == keys.secondary_key


async def test_reader_sees_a_resource_and_changes_nothing(arm, directory, resource):
    client = arm(directory.application("reader", resource=resource))
    assert (await client.get(resource)).name == resource
    for refused in (
        client.list_keys(resource),
        client.regenerate_key(resource, "Primary"),
        client.update(resource, {"tags": {"a": "b"}}),
        client.delete(resource),
    ):
        await expect_error(refused, 403)
    assert not (await client.get(resource)).tags


async def test_list_shows_only_what_the_application_may_see(arm, directory, resource):
    client = arm(directory.application("reader", resource=resource))
    assert [item.name for item in await collected(client.list_by_subscription())] == [resource]


async def test_application_without_a_role_sees_nothing(arm, directory, resource):
    client = arm(directory.application(None))
    with pytest.raises(HttpResponseError) as raised:
        await client.get(resource)
    assert raised.value.status_code in (403, 404)
    await expect_error(client.create(new_name()), 403)


async def test_sender_role_manages_nothing(arm, directory, resource):
    client = arm(directory.application("sms-sender", resource=resource))
    await expect_error(client.list_keys(resource), 403)
