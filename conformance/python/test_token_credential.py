"""`CommunicationTokenCredential` with tokens and refreshers of a server on real time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from azure.communication.chat import CommunicationTokenCredential
from azure.communication.chat.aio import CommunicationTokenCredential as AsyncCommunicationTokenCredential
from azure.communication.identity import CommunicationIdentityClient

from sdk import as_refreshed, claims_of, handmade_token

REFRESH_DEADLINE_SECONDS = 30


@pytest.fixture
def real_time_client(connect, real_time_server):
    """An identity client of a server without a test clock: the credential compares expiry with the machine's time."""
    return connect(real_time_server)


@pytest.fixture
def identity_client(real_time_server):
    """The synchronous client itself, for refreshers that the credential calls from its own threads."""
    client = CommunicationIdentityClient.from_connection_string(
        real_time_server.connection_string, connection_verify=real_time_server.ca_file
    )
    yield client
    client._identity_service_client.close()


class Refresher:
    """Fetches a new token of one user each time it is asked, and counts."""

    def __init__(self, client, user, scopes):
        self._client, self._user, self._scopes = client, user, scopes
        self.calls = 0

    async def __call__(self):
        self.calls += 1
        token = await self._client.get_token(self._user, self._scopes, token_expires_in=timedelta(minutes=60))
        return as_refreshed(token.token)


async def test_fixed_token_is_used_as_it_is(real_time_client):
    _, token = await real_time_client.create_user_and_token(["chat"])
    read = CommunicationTokenCredential(token.token).get_token()
    assert (read.token, read.expires_on) == (token.token, claims_of(token.token)["exp"])


@pytest.mark.parametrize("lifetime_seconds", [-3600, 60], ids=["expired", "expiring"])
async def test_credential_replaces_a_token_that_ends_soon_and_keeps_the_new_one(real_time_client, lifetime_seconds):
    user = await real_time_client.create_user()
    refresher = Refresher(real_time_client, user, ["chat"])
    async with AsyncCommunicationTokenCredential(
        handmade_token(lifetime_seconds), token_refresher=refresher
    ) as credential:
        first = await credential.get_token()
        second = await credential.get_token()
    assert refresher.calls == 1
    assert first.token == second.token
    assert claims_of(first.token)["skypeid"] == user.raw_id.removeprefix("8:")


async def test_fresh_token_is_not_refreshed(real_time_client):
    user, token = await real_time_client.create_user_and_token(["chat"], token_expires_in=timedelta(minutes=60))
    refresher = Refresher(real_time_client, user, ["chat"])
    async with AsyncCommunicationTokenCredential(token.token, token_refresher=refresher) as credential:
        assert (await credential.get_token()).token == token.token
    assert refresher.calls == 0


def test_threads_at_once_share_one_refresh(identity_client):
    """Threads only: tasks that meet in the asynchronous credential spin on its lock and stop the event loop."""
    user, calls = identity_client.create_user(), []

    def refresh():
        calls.append(user.raw_id)
        return as_refreshed(identity_client.get_token(user, ["voip"]).token)

    with CommunicationTokenCredential(handmade_token(-60), token_refresher=refresh) as credential:
        with ThreadPoolExecutor(5) as threads:
            tokens = list(threads.map(lambda _: credential.get_token(), range(5)))
    assert len(calls) == 1
    assert len({token.token for token in tokens}) == 1


def test_proactive_refresh_happens_without_being_asked(identity_client):
    """The synchronous credential refreshes in a thread of its own, here within a second of a token's last two."""
    user, refreshed = identity_client.create_user(), threading.Event()

    def refresh():
        token = as_refreshed(identity_client.get_token(user, ["chat"]).token)
        refreshed.set()
        return token

    with CommunicationTokenCredential(
        handmade_token(2), token_refresher=refresh, proactive_refresh=True
    ) as credential:
        assert refreshed.wait(REFRESH_DEADLINE_SECONDS)
        token = credential.get_token()
    assert claims_of(token.token)["skypeid"] == user.raw_id.removeprefix("8:")
