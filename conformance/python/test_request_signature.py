"""The signature of a request: what it must cover, and how far clocks may differ."""

from datetime import datetime, timedelta, timezone

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.policies import SansIOHTTPPolicy

from sdk import claims_of, expect_error
from signing import resign, with_authorization


class AddQuery(SansIOHTTPPolicy):
    """Adds to the query of every request, before the SDK signs it."""

    def __init__(self, query: str):
        self._query = query

    def on_request(self, request):
        """Changes the address."""
        request.http_request.url += f"&{self._query}"


def shifted(minutes: float) -> datetime:
    """A time that many minutes from now."""
    return datetime.now(timezone.utc) + timedelta(minutes=minutes)


async def test_signature_made_by_the_test_itself_is_accepted(client, server):
    """The control of this file: without it the refusals below could have another reason."""
    assert await client.create_user(**resign(server.access_key))


@pytest.mark.parametrize("minutes", [-14, -1, 1, 14])
async def test_small_difference_of_clocks_is_tolerated(connect, real_time_server, minutes):
    signature = resign(real_time_server.access_key, date=shifted(minutes))
    assert await connect(real_time_server).create_user(**signature)


@pytest.mark.parametrize("minutes", [-60 * 24 * 365, -16, 16, 60 * 24 * 365])
async def test_clock_off_by_more_than_fifteen_minutes_is_refused(connect, real_time_server, minutes):
    signature = resign(real_time_server.access_key, date=shifted(minutes))
    call = connect(real_time_server).create_user(**signature)
    await expect_error(call, 401, kind=ClientAuthenticationError)


async def test_server_clock_decides(connect, own_server):
    client = connect(own_server)
    await client.create_user()
    server_time = own_server.advance_clock(20 * 60)
    await expect_error(client.create_user(), 401, kind=ClientAuthenticationError)
    assert await client.create_user(**resign(own_server.access_key, date=server_time))


async def test_tokens_follow_the_server_clock(connect, own_server):
    server_time = own_server.advance_clock(7 * 24 * 60 * 60)
    _, token = await connect(own_server).create_user_and_token(
        ["chat"], **resign(own_server.access_key, date=server_time)
    )
    assert abs(claims_of(token.token)["iat"] - server_time.timestamp()) < 60


@pytest.mark.parametrize("host", ["other.example", "localhost", "localhost:1"])
async def test_signature_for_another_host_is_refused(client, server, host):
    await expect_error(client.create_user(**resign(server.access_key, host=host)), 401, kind=ClientAuthenticationError)


async def test_signature_over_another_body_is_refused(client, server):
    call = client.create_user_and_token(["chat"], **resign(server.access_key, body="{}"))
    await expect_error(call, 401, kind=ClientAuthenticationError)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value[:-1],
        lambda value: value[:-20],
        lambda value: value.replace("Signature=", "Signature=A"),
        lambda value: value.partition("&")[0],
        lambda value: value.replace("HMAC-SHA256", "HMAC-SHA1"),
        lambda value: "HMAC-SHA256",
        lambda value: "Basic dHJ1bms6bGluZQ==",
        lambda value: None,
    ],
    ids=["one short", "truncated", "one more", "missing", "other algorithm", "bare", "basic", "none"],
)
async def test_damaged_authorization_is_refused(client, change):
    await expect_error(client.create_user(**with_authorization(change)), 401, kind=ClientAuthenticationError)


@pytest.mark.parametrize("query", ["tag=New%20York", "tag=a+b", "tag=%C3%A9%F0%9F%98%80", "tag=x%2Fy%3Fz", "tag="])
async def test_signature_covers_the_query_as_sent(connect, server, query):
    """The server knows no such parameter, but its signature must hold it."""
    client = connect(server, per_call_policies=[AddQuery(query)])
    assert await client.create_user()
