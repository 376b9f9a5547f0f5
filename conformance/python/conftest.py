"""Fixtures every suite shares: running servers, and SDK clients in their two forms."""

import importlib
import importlib.metadata
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from azure.communication.identity import CommunicationIdentityClient
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncCommunicationIdentityClient
from azure.core.credentials import AzureKeyCredential

import browser
from faults import FaultServer
from directory import Directory
from harness import binary_path, running_server
from sdk import SyncAsAsync, settled

# Fixtures of the tests about events and about chat.
pytest_plugins = ["event_grid", "chat"]

SDK_PACKAGES = (
    "azure-communication-identity",
    "azure-communication-chat",
    "azure-communication-callautomation",
    "azure-communication-networktraversal",
    "azure-eventgrid",
    "azure-identity",
    "azure-mgmt-communication",
    "azure-mgmt-eventgrid",
    "azure-mgmt-resource",
    "msal",
    "azure-core",
    "requests",
    "aiohttp",
)

# The SDKs date their signatures by the machine's clock, which goes on while the shared server's stands.
ANY_DATE = "[limits]\nclock_skew_s = 86400\n"


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
def shared_servers():
    """Two servers for the whole run, by test clock and by the machine's, started side by side.

    Trust is set up as a customer does it: by the environment variables of the two HTTP clients. aiohttp reads its
    variable once, when it is imported, so that must not have happened yet.
    """
    assert "aiohttp" not in sys.modules, "a test module imports aiohttp at its top: SSL_CERT_FILE would come too late"
    with ExitStack() as stack:
        starting = [running_server(test_clock=True, settings=ANY_DATE), running_server(test_clock=False)]
        with ThreadPoolExecutor() as threads:
            running = list(threads.map(stack.enter_context, starting))
        authorities = Path(stack.enter_context(TemporaryDirectory(prefix="trunkline-trust-"))) / "ca.pem"
        authorities.write_text("".join(Path(server.ca_file).read_text("ascii") for server in running), "ascii")
        os.environ.update(
            REQUESTS_CA_BUNDLE=str(authorities),
            SSL_CERT_FILE=str(authorities),
            NO_PROXY="localhost,127.0.0.1",
            no_proxy="localhost,127.0.0.1",
        )
        for server in running:
            server.trusted_by_environment = True
        resolve_names_under_localhost()
        yield running


def resolve_names_under_localhost():
    """Has this process find further resources, whose names end in `.localhost`.

    RFC 6761 §6.3 wants them to be loopback, which systemd's resolver does and the C library alone does not.
    """
    genuine = socket.getaddrinfo

    def getaddrinfo(host, *arguments, **options):
        if isinstance(host, (str, bytes)):
            name = host.decode("ascii", "ignore") if isinstance(host, bytes) else host
            host = "localhost" if name.endswith(".localhost") else host
        return genuine(host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo


@pytest.fixture(scope="session")
def server(shared_servers):
    """The server most tests share. Nobody moves its clock, which stands still, or changes its keys.

    See `own_server` for that.
    """
    return shared_servers[0]


@pytest.fixture
def own_server(server):
    """A server for one test, whose clock may be moved and whose keys may be changed."""
    with running_server(test_clock=True) as running:
        yield running


@pytest.fixture(scope="session")
def real_time_server(shared_servers):
    """A server on the machine's own clock, for what the SDKs compare with theirs; its own keys are never changed."""
    return shared_servers[1]


@pytest.fixture(scope="session")
def directory(real_time_server):
    """The built-in directory of the server on the machine's clock, which dates the SDKs' assertions too."""
    return Directory(real_time_server)


@pytest.fixture
def own_directory(own_server):
    """The built-in directory of the test's own server."""
    return Directory(own_server)


@pytest.fixture(scope="session")
def page():
    """A browser; its absence is a failure, not a reason to skip."""
    with browser.chromium() as driver:
        yield driver


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


@pytest.fixture
async def opened(flavour):
    """A function that makes an object of the SDK under test and closes it at the end of the test.

    `opened("azure.identity", "ClientSecretCredential", …)` takes the class from `azure.identity.aio` where the
    asynchronous SDK is tested.
    """
    made = []

    def make(package: str, name: str, *arguments, **options):
        module = importlib.import_module(package if flavour == "sync" else f"{package}.aio")
        made.append(getattr(module, name)(*arguments, **options))
        return made[-1]

    make.flavour = flavour
    yield make
    for each in reversed(made):
        await settled(each.close())
