"""CommunicationIdentity_IssueAccessToken: `get_token`."""

import asyncio
from datetime import timedelta
from itertools import combinations

import pytest
from azure.communication.identity import CommunicationTokenScope, CommunicationUserIdentifier

from sdk import ALL_SCOPES, Responses, assert_lifetime, claims_of, expect_client_error, expect_error, new_identifier

PAIRS = list(combinations(ALL_SCOPES, 2))


@pytest.mark.parametrize("scope", list(CommunicationTokenScope), ids=lambda scope: scope.value)
async def test_token_has_the_one_scope_asked_for(client, scope):
    user = await client.create_user()
    responses = Responses()
    token = await client.get_token(user, [scope], **responses.hook)
    assert responses.last.status_code == 200
    claims = claims_of(token.token)
    assert claims["acsScope"] == scope.value
    assert claims["skypeid"] == user.raw_id.removeprefix("8:")
    assert_lifetime(token, 1440)


@pytest.mark.parametrize("scopes", [*PAIRS, ALL_SCOPES], ids="+".join)
async def test_token_has_all_scopes_asked_for(client, scopes):
    token = await client.get_token(await client.create_user(), list(scopes))
    assert set(claims_of(token.token)["acsScope"].split(",")) == set(scopes)


async def test_one_user_may_hold_several_tokens(client):
    user = await client.create_user()
    tokens = await asyncio.gather(*(client.get_token(user, [scope]) for scope in ALL_SCOPES))
    assert {claims_of(token.token)["acsScope"] for token in tokens} == set(ALL_SCOPES)
    assert {claims_of(token.token)["skypeid"] for token in tokens} == {user.raw_id.removeprefix("8:")}


@pytest.mark.parametrize("minutes", [60, 61, 720, 1440])
async def test_token_lives_as_long_as_asked(connect, real_time_server, minutes):
    client = connect(real_time_server)
    user = await client.create_user()
    assert_lifetime(await client.get_token(user, ["voip"], token_expires_in=timedelta(minutes=minutes)), minutes)


@pytest.mark.parametrize("minutes", [-60, 0, 59, 1441])
async def test_lifetime_out_of_range_is_refused(client, minutes):
    user = await client.create_user()
    await expect_error(client.get_token(user, ["voip"], token_expires_in=timedelta(minutes=minutes)), 400)


@pytest.mark.parametrize("scopes", [[], ["chat", "paint"], [""]], ids=repr)
async def test_missing_or_unknown_scopes_are_refused(client, scopes):
    user = await client.create_user()
    await expect_error(client.get_token(user, scopes), 400)


async def test_unknown_user_is_not_found(client, server):
    user = CommunicationUserIdentifier(new_identifier(server.resource_id))
    await expect_error(client.get_token(user, ["chat"]), 404)


@pytest.mark.parametrize(
    "raw_id",
    [
        new_identifier("00000000-0000-4000-8000-000000000000"),
        "8:acs:nonsense",
        "8:orgid:00000000-0000-4000-8000-000000000001",
        "4:+15550100",
        "%",
        "a b/../c",
    ],
)
async def test_identifier_of_another_kind_or_resource_is_refused(client, raw_id):
    await expect_client_error(client.get_token(CommunicationUserIdentifier(raw_id), ["chat"]))
