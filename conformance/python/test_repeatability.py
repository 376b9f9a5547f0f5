"""Repeatability headers: the same request under the same id is done once.

The identity SDK sends none by itself; a caller adds them with the `headers` option every method has.
"""

import asyncio
import uuid
from datetime import datetime, timezone
from email.utils import format_datetime

from faults import AsyncFaultyTransport, Fault, FaultyTransport
from sdk import expect_error
from signing import resign


def repeatable(first_sent: datetime | None = None) -> dict:
    """The option that carries a fresh repeatability id."""
    moment = format_datetime(first_sent or datetime.now(timezone.utc), usegmt=True)
    return {"headers": {"repeatability-request-id": str(uuid.uuid4()), "repeatability-first-sent": moment}}


def copy(options: dict) -> dict:
    """A copy for one call: the SDK empties the headers it is given."""
    return {"headers": dict(options["headers"])}


async def test_same_id_gives_the_same_user(client):
    options = repeatable()
    first, second = await client.create_user(**copy(options)), await client.create_user(**copy(options))
    assert first.raw_id == second.raw_id


async def test_same_id_gives_the_same_user_with_a_token(client):
    options = repeatable()
    first, token = await client.create_user_and_token(["chat"], **copy(options))
    second, other = await client.create_user_and_token(["chat"], **copy(options))
    assert first.raw_id == second.raw_id
    assert token.token and other.token


async def test_callers_at_once_with_one_id_get_one_user(client):
    options = repeatable()
    users = await asyncio.gather(*(client.create_user(**copy(options)) for _ in range(8)))
    assert len({user.raw_id for user in users}) == 1


async def test_other_ids_give_other_users(client):
    users = [await client.create_user(**repeatable()) for _ in range(3)]
    assert len({user.raw_id for user in users}) == 3


async def test_other_body_under_the_same_id_is_refused(client):
    options = repeatable()
    await client.create_user_and_token(["chat"], **copy(options))
    await expect_error(client.create_user_and_token(["voip"], **copy(options)), 400)
    await expect_error(client.create_user(**copy(options)), 400)


async def test_refused_request_leaves_its_id_usable_for_the_same_refusal(client):
    options = repeatable()
    await expect_error(client.create_user_and_token(["paint"], **copy(options)), 400)
    await expect_error(client.create_user_and_token(["paint"], **copy(options)), 400)


async def test_lost_answer_makes_no_second_user(connect, flavour, server, fault_server):
    faults = [Fault(500, answer_lost=True), Fault(503), Fault(500, answer_lost=True)]
    transport = (FaultyTransport if flavour == "sync" else AsyncFaultyTransport)(fault_server, faults)
    options = repeatable()
    through_failures = await connect(server, transport=transport).create_user(**copy(options))
    assert len(transport.script.attempts) == 4
    straight = await connect(server).create_user(**copy(options))
    assert through_failures.raw_id == straight.raw_id


async def test_id_of_one_resource_means_nothing_to_another(connect, server, own_server):
    options = repeatable()
    here = await connect(server).create_user(**copy(options))
    there = await connect(own_server).create_user(**copy(options))
    assert here.raw_id != there.raw_id


async def test_id_is_remembered_for_most_of_a_day(connect, own_server):
    client, options = connect(own_server), repeatable()
    first = await client.create_user(**copy(options))
    server_time = own_server.advance_clock(23 * 60 * 60)
    second = await client.create_user(**copy(options), **resign(own_server.access_key, date=server_time))
    assert first.raw_id == second.raw_id
