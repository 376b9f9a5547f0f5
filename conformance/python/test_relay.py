"""The relay and coturn's client: another implementation of RFC 8656, over UDP, TCP and TLS, and of RFC 6062."""

import asyncio
import re

import pytest
from azure.communication.networktraversal import CommunicationRelayClient
from azure.core.credentials import AzureKeyCredential
from harness import running_server

TCP = """
[relay]
tcp_allocations = true
"""


def configuration_of(server):
    """Ten minutes of the relay."""
    key = AzureKeyCredential(server.access_key)
    trust = {} if server.trusted_by_environment else {"connection_verify": server.ca_file}
    return CommunicationRelayClient(server.endpoint, key, **trust).get_relay_configuration(ttl=600)


@pytest.fixture
def configuration(real_time_server):
    return configuration_of(real_time_server)


@pytest.fixture(scope="module")
def tcp_configuration(shared_servers):
    """Of a server whose clients may have TCP connections with peers."""
    with running_server(test_clock=False, settings=TCP) as server:
        yield configuration_of(server)


async def relay(configuration, transport, *options, password=None):
    """Has coturn's client talk to itself through the relay; returns what it printed."""
    server = configuration.ice_servers[0]
    url = next(url for url in server.urls if url.startswith(transport))
    port = re.search(r":(\d+)\?", url).group(1)
    program = await asyncio.create_subprocess_exec(
        "turnutils_uclient", "-y", "-n", "20", "-m", "2", "-u", server.username, "-w", password or server.credential,
        "-p", port, *options, "127.0.0.1", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        output, _ = await program.communicate()
    return output.decode()


@pytest.mark.parametrize(
    "transport, options",
    [
        ("turn:", []),
        ("turn:", ["-t"]),
        ("turns:", ["-t", "-S"]),
        ("turn:", ["-s"]),
        ("turn:", ["-c"]),
        ("turn:", ["-t", "-s"]),
    ],
    ids=["udp", "tcp", "tls", "udp-send", "udp-single", "tcp-send"],
)
async def test_credentials_open_the_relay_for_another_implementation(configuration, transport, options):
    printed = await relay(configuration, transport, *options)
    assert "Total lost packets 0 (" in printed, printed


async def test_wrong_password_opens_nothing(configuration):
    printed = await relay(configuration, "turn:", password="wrong")
    assert "Cannot complete Allocation" in printed and "tot_recv_msgs" not in printed, printed


async def test_peers_are_reached_over_tcp_where_it_is_on(tcp_configuration):
    """One client connects, the other is told and takes it: both ways of RFC 6062."""
    printed = await relay(tcp_configuration, "turn:", "-T")
    assert "Total lost packets 0 (" in printed, printed


async def test_peers_over_tcp_are_an_unsupported_transport_where_it_is_off(configuration):
    printed = await relay(configuration, "turn:", "-T")
    assert "442" in printed and "tot_recv_msgs" not in printed, printed
