"""The two keys of a resource: both work, wrong ones do not, and a regenerated one stops at once."""

import base64

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError

from sdk import expect_error


def keys_of(server) -> dict:
    """Both keys, in the shape ACS's management API gives them."""
    return server.command("key", "show", "--resource", server.resource_name)


@pytest.mark.parametrize("which", ["primaryKey", "secondaryKey"])
async def test_both_keys_work(connect, server, which):
    client = connect(server, credential=AzureKeyCredential(keys_of(server)[which]))
    assert await client.create_user()


@pytest.mark.parametrize("which", ["primaryConnectionString", "secondaryConnectionString"])
async def test_both_connection_strings_work(connect, server, which):
    client = connect(server, connection_string=keys_of(server)[which])
    assert await client.create_user()


async def test_ready_file_gives_the_primary_key(server):
    assert keys_of(server)["primaryKey"] == server.access_key


@pytest.mark.parametrize(
    "key",
    [base64.b64encode(bytes(64)).decode(), base64.b64encode(b"\xff" * 32).decode(), "pw=="],
    ids=["zeros", "other length", "one byte"],
)
async def test_wrong_key_is_refused(connect, server, key):
    client = connect(server, credential=AzureKeyCredential(key))
    error = await expect_error(client.create_user(), 401, kind=ClientAuthenticationError)
    assert key not in str(error)


async def test_key_of_another_resource_is_refused(connect, server, own_server):
    client = connect(server, credential=AzureKeyCredential(own_server.access_key))
    await expect_error(client.create_user(), 401, kind=ClientAuthenticationError)


@pytest.mark.parametrize(("which", "other"), [("primary", "secondary"), ("secondary", "primary")])
async def test_regenerated_key_replaces_the_old_one_at_once(connect, own_server, which, other):
    before = keys_of(own_server)
    clients = {
        name: connect(own_server, credential=AzureKeyCredential(before[f"{name}Key"])) for name in (which, other)
    }
    for client in clients.values():
        await client.create_user()

    after = own_server.command("key", "regenerate", which, "--yes", "--resource", own_server.resource_name)

    await expect_error(clients[which].create_user(), 401, kind=ClientAuthenticationError)
    assert await clients[other].create_user()
    assert after[f"{which}Key"] != before[f"{which}Key"]
    assert after[f"{other}Key"] == before[f"{other}Key"]
    assert await connect(own_server, credential=AzureKeyCredential(after[f"{which}Key"])).create_user()
    assert keys_of(own_server) == after


async def test_key_can_be_replaced_in_a_living_client(connect, own_server):
    """`AzureKeyCredential.update` is how a service rotates without a restart."""
    credential = AzureKeyCredential(own_server.access_key)
    client = connect(own_server, credential=credential)
    await client.create_user()
    after = own_server.command("key", "regenerate", "primary", "--yes", "--resource", own_server.resource_name)
    credential.update(after["primaryKey"])
    assert await client.create_user()
