"""CommunicationNetworkTraversal_IssueRelayConfiguration: `get_relay_configuration`, and the relay it leads to."""

from datetime import datetime, timedelta, timezone

import pytest
from aioice import Connection, TransportPolicy
from azure.communication.identity import CommunicationUserIdentifier
from azure.communication.networktraversal import CommunicationRelayClient
from azure.communication.networktraversal.aio import CommunicationRelayClient as AsyncCommunicationRelayClient
from azure.core.credentials import AzureKeyCredential

from sdk import expect_error, new_identifier, settled

ROUTES = ("any", "nearest")
# What ACS gives at most, which is also what the SDK asks for by itself.
TTL_MAX_SECONDS = 172_800


@pytest.fixture
async def relays(flavour, real_time_server):
    """The SDK's client, made with a key."""
    client_class = CommunicationRelayClient if flavour == "sync" else AsyncCommunicationRelayClient
    client = client_class(real_time_server.endpoint, AzureKeyCredential(real_time_server.access_key))
    yield client
    # The synchronous one has no public way to be closed.
    inner = client._network_traversal_service_client
    await settled(inner.close())


async def configuration(relays, **options):
    """A relay configuration."""
    return await settled(relays.get_relay_configuration(**options))


def assert_expires_in(issued, seconds):
    """Checks `expires_on` within a minute."""
    left = issued.expires_on - datetime.now(timezone.utc)
    assert abs(left - timedelta(seconds=seconds)) < timedelta(minutes=1), left


async def test_there_is_a_server_for_each_route(relays):
    issued = await configuration(relays)
    assert_expires_in(issued, TTL_MAX_SECONDS)
    assert sorted(each.route_type for each in issued.ice_servers) == sorted(ROUTES)
    for each in issued.ice_servers:
        assert {address.partition(":")[0] for address in each.urls} >= {"turn"}
        assert each.username
        assert each.credential


@pytest.mark.parametrize("route", ROUTES)
async def test_one_route_can_be_asked_for(relays, route):
    issued = await configuration(relays, route_type=route)
    assert [each.route_type for each in issued.ice_servers] == [route]


@pytest.mark.parametrize(("ttl", "given"), [(60, 60), (TTL_MAX_SECONDS + 1, TTL_MAX_SECONDS)])
async def test_a_lifetime_is_given_up_to_the_longest(relays, ttl, given):
    assert_expires_in(await configuration(relays, ttl=ttl), given)


async def test_it_can_be_for_a_user_of_the_resource(relays, connect, real_time_server):
    user = await connect(real_time_server).create_user()
    assert (await configuration(relays, user=user)).ice_servers
    stranger = CommunicationUserIdentifier(new_identifier(real_time_server.resource_id))
    await expect_error(configuration(relays, user=stranger), 400)


async def test_the_relay_takes_the_credential_and_no_other(relays):
    [server] = (await configuration(relays, route_type="any")).ice_servers
    host, _, port = turn_address(server, "udp").rpartition(":")
    relayed = await candidates(host, int(port), server.username, server.credential)
    assert [each.type for each in relayed] == ["relay"]
    assert await candidates(host, int(port), server.username, "another") == []


def turn_address(server, transport: str) -> str:
    """Host and port of the relay by a transport."""
    end = f"?transport={transport}"
    [address] = [each for each in server.urls if each.startswith("turn:") and each.endswith(end)]
    return address.removeprefix("turn:").removesuffix(end)


async def candidates(host: str, port: int, username: str, password: str) -> list:
    """What an ICE client that uses nothing else gets of a relay."""
    connection = Connection(
        ice_controlling=True, components=1, turn_server=(host, port), turn_username=username, turn_password=password,
        turn_transport="udp", transport_policy=TransportPolicy.RELAY, use_ipv6=False,
    )
    try:
        await connection.gather_candidates()
        return connection.local_candidates
    finally:
        await connection.close()
