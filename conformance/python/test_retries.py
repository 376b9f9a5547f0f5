"""The SDK's retries when attempts fail on the way, with the server behind them."""

import pytest
from azure.core.exceptions import HttpResponseError

from faults import AsyncFaultyTransport, Fault, FaultyTransport
from sdk import assert_identifier


@pytest.fixture
def faulty(connect, flavour, server, fault_server):
    """A function that makes a client whose first attempts fail as listed, and the script that notes what happened."""

    def make(*faults):
        transport = (FaultyTransport if flavour == "sync" else AsyncFaultyTransport)(fault_server, faults)
        return connect(server, transport=transport), transport.script

    return make


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_call_succeeds_after_three_server_errors(faulty, server, status):
    client, script = faulty(*[Fault(status)] * 3)
    assert_identifier((await client.create_user()).raw_id, server.resource_id)
    assert len(script.attempts) == 4


@pytest.mark.parametrize("status", [429, 503])
async def test_wait_the_server_asked_for_is_kept(faulty, status):
    client, script = faulty(Fault(status, retry_after="7"), Fault(status, retry_after="2"))
    user, _ = await client.create_user_and_token(["chat"])
    assert user.raw_id
    assert script.waits_seconds == [7, 2]


async def test_every_attempt_of_one_call_has_the_same_request_id(faulty):
    client, script = faulty(Fault(500), Fault(503))
    await client.create_user()
    assert len(script.attempts) == 3
    assert len({attempt["x-ms-client-request-id"] for attempt in script.attempts}) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_deletion_is_retried_too(faulty, status):
    client, script = faulty()
    user = await client.create_user()
    before = len(script.attempts)
    again, script = faulty(Fault(status))
    await again.delete_user(user)
    assert (before, len(script.attempts)) == (1, 2)


async def test_errors_without_end_reach_the_caller(faulty):
    client, script = faulty(*[Fault(503)] * 10)
    with pytest.raises(HttpResponseError) as raised:
        await client.create_user()
    assert raised.value.status_code == 503
    assert len(script.attempts) == 4


async def test_work_done_before_the_failure_does_no_harm(faulty):
    """The server did it and the answer was lost: asking again must find a state it can work with."""
    client, _ = faulty()
    user = await client.create_user()
    for call in ("get_token", "revoke_tokens"):
        again, script = faulty(Fault(500, answer_lost=True))
        await getattr(again, call)(user, *([["chat"]] if call == "get_token" else []))
        assert len(script.attempts) == 2


async def test_permanent_refusal_is_asked_for_once(faulty):
    client, script = faulty()
    with pytest.raises(HttpResponseError):
        await client.create_user_and_token(["paint"])
    assert len(script.attempts) == 1
