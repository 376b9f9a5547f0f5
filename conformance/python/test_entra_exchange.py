"""The exchanges of directory tokens against a configured issuer: what passes, and each thing that must not.

The issuer signs whatever a test asks of it, so that every claim can be wrong by itself.
"""

import pytest
from azure.communication.callautomation._shared.token_exchange import TokenExchangeClient
from azure.communication.callautomation._shared.token_exchange_async import (
    TokenExchangeClient as AsyncTokenExchangeClient,
)
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.transport import RequestsTransport

from directory import ENTRA_SCOPE
from harness import running_server
from issuer import Issuer
from sdk import BearerCredential, assert_identifier, claims_of, handmade_token, settled

APPLICATION = "00000000-0000-4000-8000-00000000000a"
USER = "00000000-0000-4000-8000-00000000000b"
AUDIENCE = "https://communication.azure.com/clients"


@pytest.fixture(scope="module")
def trusting(server):
    """An issuer, and a server that takes its word."""
    with Issuer() as issuer, running_server(test_clock=False, settings=issuer.settings()) as running:
        yield issuer, running


@pytest.fixture
async def exchange(flavour, trusting):
    """A function that exchanges one token with the SDK's own client."""
    _, running = trusting
    transports = []

    async def call(token: str) -> str:
        if flavour == "sync":
            kind, transport = TokenExchangeClient, RequestsTransport(connection_verify=running.ca_file)
        else:
            from azure.core.pipeline.transport import AioHttpTransport  # Imports aiohttp, which must come late.

            kind, transport = AsyncTokenExchangeClient, AioHttpTransport(connection_verify=running.ca_file)
        transports.append(transport)
        client = kind(running.endpoint, BearerCredential(flavour, token), [ENTRA_SCOPE], transport=transport)
        return (await settled(client.exchange_entra_token())).token

    yield call
    for transport in transports:
        await settled(transport.close())


async def refused(exchange, token: str) -> None:
    """Exchanges a token, which must be refused."""
    with pytest.raises(HttpResponseError) as raised:
        await exchange(token)
    assert raised.value.status_code in (401, 403), raised.value
    assert "Retry-After" not in raised.value.response.headers


async def test_identity_is_the_same_each_time(trusting, exchange):
    issuer, running = trusting
    tokens = [await exchange(issuer.token(APPLICATION, USER, aud=AUDIENCE)) for _ in range(2)]
    users = {claims_of(token)["skypeid"] for token in tokens}
    assert len(users) == 1
    assert_identifier(f"8:{users.pop()}", running.resource_id)


async def test_other_user_gets_another_identity(trusting, exchange):
    issuer, _ = trusting
    other = "00000000-0000-4000-8000-0000000000cc"
    tokens = [await exchange(issuer.token(APPLICATION, user, aud=AUDIENCE)) for user in (USER, other)]
    assert len({claims_of(token)["skypeid"] for token in tokens}) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://graph.microsoft.com"},
        {"aud": "https://communication.azure.com"},
        {"aud": "https://management.azure.com"},
        {"tid": "00000000-0000-4000-8000-0000000000cc"},
        {"iss": "https://login.example.com/other/v2.0"},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"idtyp": "app"},
    ],
    ids=["audience", "data audience", "management audience", "tenant", "issuer", "expired", "early", "application"],
)
async def test_token_that_does_not_fit_is_refused(trusting, exchange, changes):
    issuer, _ = trusting
    await refused(exchange, issuer.token(APPLICATION, USER, **{"aud": AUDIENCE, **changes}))


async def test_token_of_another_key_is_refused(trusting, exchange):
    issuer, _ = trusting
    with Issuer() as forger:
        await refused(exchange, forger.token(APPLICATION, USER, aud=AUDIENCE, iss=issuer.url))


async def test_unsigned_token_is_refused(exchange):
    await refused(exchange, handmade_token(3600))


async def test_user_token_cannot_be_exchanged_again(trusting, exchange):
    issuer, _ = trusting
    await refused(exchange, await exchange(issuer.token(APPLICATION, USER, aud=AUDIENCE)))
