"""The ways to make a client: connection string, endpoint and key, and what they do to the endpoint's form."""

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError

from sdk import BearerCredential, claims_of, expect_error, handmade_token


async def test_endpoint_and_key_make_a_client(connect, server):
    client = connect(server, endpoint=server.endpoint.rstrip("/"), credential=AzureKeyCredential(server.access_key))
    assert await client.create_user()


async def test_trailing_slash_of_the_endpoint_is_harmless(connect, server):
    """The SDK signs the slash as part of the host and asks for `//identities`."""
    client = connect(server, endpoint=server.endpoint.rstrip("/") + "/")
    user = await client.create_user()
    await client.get_token(user, ["chat"])
    await client.delete_user(user)


async def test_endpoint_without_scheme_means_https(connect, server):
    client = connect(server, endpoint=server.host)
    assert await client.create_user()


@pytest.mark.parametrize(
    "form",
    [
        "endpoint=https://{host}/;accesskey={key}",
        "endpoint=https://{host};accesskey={key}",
        "endpoint=http://{host}/;accesskey={key}",
        "accesskey={key};endpoint=https://{host}/",
        "Endpoint=https://{host}/;AccessKey={key}",
    ],
)
async def test_every_form_of_connection_string_works(connect, server, form):
    client = connect(server, connection_string=form.format(host=server.host, key=server.access_key))
    assert await client.create_user()


async def test_one_client_serves_many_calls(client):
    for _ in range(10):
        user, token = await client.create_user_and_token(["chat"])
        assert claims_of(token.token)["skypeid"] == user.raw_id.removeprefix("8:")


async def test_unsigned_bearer_token_is_refused(connect, flavour, server):
    client = connect(server, credential=BearerCredential(flavour, handmade_token(3600)))
    await expect_error(client.create_user(), 401, kind=ClientAuthenticationError)


async def test_user_token_cannot_manage_identities(connect, flavour, server):
    _, token = await connect(server).create_user_and_token(["chat", "voip"])
    client = connect(server, credential=BearerCredential(flavour, token.token))
    await expect_error(client.create_user(), 401, 403)
