"""Fixtures every suite shares: running servers, and SDK clients in their two forms."""

import importlib.metadata
import os
import sys

import pytest
from azure.communication.identity import CommunicationIdentityClient
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncCommunicationIdentityClient
from azure.core.credentials import AzureKeyCredential

from faults import FaultServer
from harness import binary_path, running_server
from sdk import SyncAsAsync

SDK_PACKAGES = ("azure-communication-identity", "azure-communication-chat", "azure-core", "requests", "aiohttp")


def pytest_configure(config):
    """Refuses to run without a server program: a suite that skips itself proves nothing."""
    try:
        config.trunkline_binary = binary_path()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_terminal_summary(terminalreporter, config):
    """Says which packages met which program."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in SDK_PACKAGES)
    terminalreporter.write_line(f"conformance/python: {versions}; Python {sys.version.split()[0]}")
    terminalreporter.write_line(f"conformance/python: server {config.trunkline_binary}")


@pytest.fixture(scope="session")
def server():
    """The server most tests share. Nobody moves its clock or changes its keys; see `own_server` for that.

    Trust is set up as a customer does it: by the environment variables of the two HTTP clients. aiohttp reads its
    variable once, when it is imported, so that must not have happened yet.
    """
    assert "aiohttp" not in sys.modules, "a test module imports aiohttp at its top: SSL_CERT_FILE would come too late"
    with running_server(test_clock=True) as running:
        running.trusted_by_environment = True
        os.environ.update(
            REQUESTS_CA_BUNDLE=running.ca_file,
            SSL_CERT_FILE=running.ca_file,
            NO_PROXY="localhost,127.0.0.1",
            no_proxy="localhost,127.0.0.1",
        )
        yield running


@pytest.fixture
def own_server(server):
    """A server for one test, whose clock may be moved and whose keys may be changed."""
    with running_server(test_clock=True) as running:
        yield running


@pytest.fixture(scope="session")
def real_time_server(server):
    """A server on the machine's own clock, for what the SDKs compare with theirs."""
    with running_server(test_clock=False) as running:
        yield running


@pytest.fixture(scope="session")
def fault_server():
    """Answers with the failures that `FaultyTransport` injects."""
    with FaultServer() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def flavour(request):
    """Runs a test twice: with the synchronous SDK (requests) and with the asynchronous one (aiohttp)."""
    return request.param


@pytest.fixture
async def connect(flavour):
    """A function that makes identity clients; their methods are awaited whichever SDK is behind them.

    `connect(server)` uses the connection string; `endpoint` and `credential` use the constructor; further options go
    to the SDK as they are. All clients are closed at the end of the test.
    """
    client_class = CommunicationIdentityClient if flavour == "sync" else AsyncCommunicationIdentityClient
    clients = []

    def make(server, *, connection_string=None, endpoint=None, credential=None, **options):
        if not server.trusted_by_environment:
            options.setdefault("connection_verify", server.ca_file)
        if endpoint or credential:
            credential = credential or AzureKeyCredential(server.access_key)
            client = client_class(endpoint or server.endpoint, credential, **options)
        else:
            client = client_class.from_connection_string(connection_string or server.connection_string, **options)
        clients.append(SyncAsAsync(client) if flavour == "sync" else client)
        return clients[-1]

    yield make
    for client in clients:
        await client.__aexit__(None, None, None)


@pytest.fixture
def client(connect, server):
    """An identity client of the shared server, made from its connection string."""
    return connect(server)
