"""The user token as the SDKs, and applications that peek into it, read it."""

import time
from datetime import timedelta

import pytest

from sdk import ALL_SCOPES, as_refreshed, claims_of, expiry_of, header_of

# How long a request may take on a busy machine.
CLOCK_TOLERANCE_SECONDS = 60


async def test_token_has_every_claim_of_an_acs_token(connect, real_time_server):
    user, token = await connect(real_time_server).create_user_and_token(["chat", "voip"])
    claims = claims_of(token.token)
    assert claims["skypeid"] == user.raw_id.removeprefix("8:")
    assert isinstance(claims["scp"], int)
    assert isinstance(claims["csi"], str) and claims["csi"].isdigit()
    assert claims["resourceId"] == real_time_server.resource_id
    assert type(claims["iat"]) is int and type(claims["exp"]) is int
    assert abs(claims["iat"] - time.time()) < CLOCK_TOLERANCE_SECONDS
    assert claims["exp"] - claims["iat"] == 24 * 60 * 60
    assert claims["iss"].startswith("https://")
    assert real_time_server.resource_id in claims["aud"]


async def test_header_names_a_signing_key(client):
    _, token = await client.create_user_and_token(["chat"])
    header = header_of(token.token)
    assert header["alg"] == "ES256"
    assert header["typ"] == "JWT"
    assert header["kid"]


async def test_expiry_is_the_same_in_the_answer_and_in_the_token(client):
    user = await client.create_user()
    token = await client.get_token(user, ["chat"], token_expires_in=timedelta(minutes=90))
    assert int(expiry_of(token).timestamp()) == claims_of(token.token)["exp"]


@pytest.mark.parametrize("count", range(1, len(ALL_SCOPES) + 1))
async def test_sdk_reads_tokens_of_any_length(client, count):
    """The Python SDKs decode with the standard alphabet, so whether a token is readable can hang on its bytes."""
    user = await client.create_user()
    for minutes in (60, 61, 62, 63, 1439, 1440):
        token = await client.get_token(user, list(ALL_SCOPES[:count]), token_expires_in=timedelta(minutes=minutes))
        assert as_refreshed(token.token).expires_on == claims_of(token.token)["exp"]
