"""The relay and coturn's client: another implementation of RFC 8656, over UDP, TCP and TLS."""

import asyncio
import re

import pytest
from azure.communication.networktraversal import CommunicationRelayClient
from azure.core.credentials import AzureKeyCredential


@pytest.fixture
def configuration(real_time_server):
    """Ten minutes of the relay."""
    key = AzureKeyCredential(real_time_server.access_key)
    return CommunicationRelayClient(real_time_server.endpoint, key).get_relay_configuration(ttl=600)


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
