"""Calls by a client that was made from docs/signalling.md alone, with another WebRTC stack than the browsers'."""

import asyncio
import uuid

import pytest
from azure.communication.identity import CommunicationIdentityClient

from signalling_client import PICTURE, Refused, connected

LOW_HZ, HIGH_HZ = 440, 790
ENOUGH = 10


@pytest.fixture
def people(real_time_server):
    """Two users with a token each."""
    identities = CommunicationIdentityClient.from_connection_string(real_time_server.connection_string)
    with identities._identity_service_client:
        return [identities.create_user_and_token(["voip"]) for _ in range(2)]


async def notice_each_other(low, high):
    """Waits until each has the other's pictures and beeps; nobody hears himself."""
    await asyncio.gather(
        low.notices(lambda noticed: noticed.pictures.get(PICTURE, 0) > ENOUGH and noticed.beeps[HIGH_HZ] > ENOUGH),
        high.notices(lambda noticed: noticed.pictures.get(PICTURE, 0) > ENOUGH and noticed.beeps[LOW_HZ] > ENOUGH),
    )
    assert low.noticed.beeps[LOW_HZ] == high.noticed.beeps[HIGH_HZ] == 0


async def test_two_clients_meet_in_a_group(real_time_server, people):
    group = str(uuid.uuid4())
    both = (LOW_HZ, HIGH_HZ)
    async with (
        connected(real_time_server, people[0][1].token, "Low", LOW_HZ, both) as low,
        connected(real_time_server, people[1][1].token, "High", HIGH_HZ, both) as high,
    ):
        first = await low.join(group)
        second = await high.join(group)
        assert first["call"] == second["call"]
        assert first["p"] != second["p"]
        await low.hears("leg", lambda leg: leg["state"] == "connected")
        seen = await low.hears("participants", lambda those: any(each["p"] == second["p"] for each in those["set"]))
        assert [each["name"] for each in seen["set"] if each["p"] == second["p"]] == ["High"]
        await notice_each_other(low, high)

        await high.ask("call.hangUp")
        over = await high.hears("leg.over")
        assert (over["reason"]["code"], over["reason"]["subCode"]) == (0, 0)
        await low.hears("participants", lambda those: second["p"] in those["gone"])


async def test_a_client_calls_another(real_time_server, people):
    both = (LOW_HZ, HIGH_HZ)
    async with (
        connected(real_time_server, people[0][1].token, "Low", LOW_HZ, both) as low,
        connected(real_time_server, people[1][1].token, "High", HIGH_HZ, both) as high,
    ):
        started = await low.start(people[1][0].properties["id"])
        assert started["kind"] == "oneToOne"
        accepted = await high.accept()
        assert accepted["call"] == started["call"]
        await asyncio.gather(*(each.hears("leg", lambda leg: leg["state"] == "connected") for each in (low, high)))
        await notice_each_other(low, high)
        with pytest.raises(Refused) as refused:
            await low.session.ask("call.mute", leg=high.leg, muted=True)
        assert refused.value.name == "unknownCall"

        await low.ask("call.hangUp")
        for each in (low, high):
            over = await each.hears("leg.over")
            assert (over["reason"]["code"], over["reason"]["subCode"]) == (0, 0)
