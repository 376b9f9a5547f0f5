"""CommunicationIdentity_ExchangeTeamsUserAccessToken: `get_token_for_teams_user`.

Without a configured issuer there is nobody whose word could be taken, so what is tested is a clear refusal.
"""

import pytest

from sdk import expect_client_error, handmade_token

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
