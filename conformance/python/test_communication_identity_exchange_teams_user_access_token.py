"""CommunicationIdentity_ExchangeTeamsUserAccessToken: `get_token_for_teams_user`.

Without a configured issuer there is nobody whose word could be taken, and the answer is a clear refusal. With one, its
documents are fetched over the network and its tokens exchanged.
"""

from datetime import datetime, timezone

import pytest
from azure.core.exceptions import ClientAuthenticationError

from harness import running_server
from issuer import Issuer
from sdk import claims_of, expect_client_error, expect_error, handmade_token

APPLICATION = "00000000-0000-4000-8000-00000000000a"
OBJECT = "00000000-0000-4000-8000-00000000000b"


@pytest.mark.parametrize("token", [handmade_token(3600), "nonsense", ""], ids=["unsigned", "nonsense", "empty"])
async def test_token_of_an_unknown_issuer_is_refused(client, token):
    await expect_client_error(client.get_token_for_teams_user(token, APPLICATION, OBJECT))


@pytest.mark.parametrize(("application", "user"), [("", OBJECT), (APPLICATION, ""), ("x", "y")])
async def test_incomplete_request_is_refused(client, application, user):
    await expect_client_error(client.get_token_for_teams_user(handmade_token(3600), application, user))


async def test_our_own_user_token_cannot_be_exchanged(client):
    _, token = await client.create_user_and_token(["voip"])
    await expect_client_error(client.get_token_for_teams_user(token.token, APPLICATION, OBJECT))


@pytest.fixture(scope="module")
def directory(server):
    """An issuer, and a server that takes its word."""
    with Issuer() as issuer, running_server(test_clock=False, settings=issuer.settings()) as running:
        yield issuer, running


async def test_token_of_a_configured_issuer_is_exchanged(connect, directory):
    issuer, own = directory
    before = datetime.now(timezone.utc).timestamp()
    token = await connect(own).get_token_for_teams_user(issuer.token(APPLICATION, OBJECT), APPLICATION, OBJECT)
    claims = claims_of(token.token)
    assert claims["skypeid"] == f"orgid:{OBJECT}"
    assert set(claims["acsScope"].split(",")) == {"chat", "voip"}
    assert before + 3590 <= claims["exp"] <= before + 3660


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "somebody-else"},
        {"tid": "00000000-0000-4000-8000-0000000000cc"},
        {"oid": "00000000-0000-4000-8000-0000000000cc"},
        {"appid": "00000000-0000-4000-8000-0000000000cc"},
        {"iss": "https://login.example.com/other/v2.0"},
        {"exp": 1},
        {"nbf": 4_000_000_000},
    ],
    ids=["audience", "tenant", "user", "application", "issuer", "expired", "not yet valid"],
)
async def test_directory_token_that_does_not_fit_is_refused(connect, directory, changes):
    issuer, own = directory
    token = issuer.token(APPLICATION, OBJECT, **changes)
    call = connect(own).get_token_for_teams_user(token, APPLICATION, OBJECT)
    await expect_error(call, 401, kind=ClientAuthenticationError)


async def test_directory_token_of_another_key_is_refused(connect, directory):
    issuer, own = directory
    with Issuer() as forger:
        token = forger.token(APPLICATION, OBJECT, iss=issuer.url)
    call = connect(own).get_token_for_teams_user(token, APPLICATION, OBJECT)
    await expect_error(call, 401, kind=ClientAuthenticationError)
