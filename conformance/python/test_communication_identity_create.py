"""CommunicationIdentity_Create: `create_user` and `create_user_and_token`."""

import asyncio
from datetime import timedelta
from itertools import combinations

import pytest
from azure.communication.identity import CommunicationTokenScope

from sdk import ALL_SCOPES, Responses, assert_identifier, assert_lifetime, claims_of, expect_error

PAIRS = list(combinations(ALL_SCOPES, 2))


async def test_user_has_an_identifier_of_this_resource(client, server):
    responses = Responses()
    user = await client.create_user(**responses.hook)
    assert responses.last.status_code == 201
    assert_identifier(user.raw_id, server.resource_id)
    assert user.properties["id"] == user.raw_id


async def test_users_made_at_once_are_all_different(client):
    users = await asyncio.gather(*(client.create_user() for _ in range(20)))
    assert len({user.raw_id for user in users}) == 20


@pytest.mark.parametrize("scope", list(CommunicationTokenScope), ids=lambda scope: scope.value)
async def test_token_has_the_one_scope_asked_for(client, server, scope):
    user, token = await client.create_user_and_token([scope])
    assert_identifier(user.raw_id, server.resource_id)
    assert claims_of(token.token)["acsScope"] == scope.value
    assert_lifetime(token, 1440)


@pytest.mark.parametrize("scopes", [*PAIRS, ALL_SCOPES], ids="+".join)
async def test_token_has_all_scopes_asked_for(client, scopes):
    _, token = await client.create_user_and_token(list(scopes))
    assert set(claims_of(token.token)["acsScope"].split(",")) == set(scopes)


@pytest.mark.parametrize("minutes", [60, 61, 720, 1440])
async def test_token_lives_as_long_as_asked(connect, real_time_server, minutes):
    client = connect(real_time_server)
    _, token = await client.create_user_and_token(["chat"], token_expires_in=timedelta(minutes=minutes))
    assert_lifetime(token, minutes)


@pytest.mark.parametrize("minutes", [-60, 0, 59, 1441])
async def test_lifetime_out_of_range_is_refused(client, minutes):
    await expect_error(client.create_user_and_token(["chat"], token_expires_in=timedelta(minutes=minutes)), 400)


@pytest.mark.parametrize("scopes", [["chat", "paint"], [""], ["CHAT JOIN"]], ids=repr)
async def test_unknown_scope_is_refused(client, scopes):
    await expect_error(client.create_user_and_token(scopes), 400)
