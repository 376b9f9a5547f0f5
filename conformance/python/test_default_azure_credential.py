"""A service that signs in with `DefaultAzureCredential` runs here by environment variables alone.

Each test starts the service as a program of its own, which knows its endpoint and nothing of Trunkline.
"""

import os
import subprocess
import sys

import pytest

from issuer import Issuer
from sdk import assert_identifier

SERVICE = """
import os
from azure.communication.identity import CommunicationIdentityClient
from azure.identity import DefaultAzureCredential

client = CommunicationIdentityClient(os.environ["ACS_ENDPOINT"], DefaultAzureCredential())
user, token = client.create_user_and_token(["chat"])
print(user.raw_id)
"""

ASYNC_SERVICE = """
import asyncio, os
from azure.communication.identity.aio import CommunicationIdentityClient
from azure.identity.aio import DefaultAzureCredential

async def main():
    async with DefaultAzureCredential() as credential:
        async with CommunicationIdentityClient(os.environ["ACS_ENDPOINT"], credential) as client:
            user, token = await client.create_user_and_token(["chat"])
            print(user.raw_id)

asyncio.run(main())
"""

DEADLINE_SECONDS = 60
# The environment of a process that found its SDKs and trusts the server; no variable of another directory.
KEPT = ("PATH", "HOME", "LANG", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture
def run_service(flavour, real_time_server):
    """A function that runs the service with further variables and returns the user it made."""

    def run(**environment):
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        finished = subprocess.run(
            [sys.executable, "-c", SERVICE if flavour == "sync" else ASYNC_SERVICE],
            env={**kept, "ACS_ENDPOINT": real_time_server.endpoint, **environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.strip()

    return run


def test_managed_identity_of_a_virtual_machine(real_time_server, run_service):
    user = run_service(AZURE_POD_IDENTITY_AUTHORITY_HOST=real_time_server.managed_identity_endpoint)
    assert_identifier(user, real_time_server.resource_id)


def test_managed_identity_of_an_app_service(real_time_server, run_service):
    origin = real_time_server.managed_identity_endpoint.rstrip("/")
    user = run_service(IDENTITY_ENDPOINT=f"{origin}/metadata/identity/oauth2/token", IDENTITY_HEADER="any")
    assert_identifier(user, real_time_server.resource_id)


def test_managed_identity_chosen_by_client_id(real_time_server, directory, run_service):
    application = directory.application("contributor", isManagedIdentity=True)
    user = run_service(
        AZURE_POD_IDENTITY_AUTHORITY_HOST=real_time_server.managed_identity_endpoint,
        AZURE_CLIENT_ID=application["clientId"],
    )
    assert_identifier(user, real_time_server.resource_id)


def test_workload_identity(tmp_path, real_time_server, directory, run_service):
    application, file = directory.application("contributor"), tmp_path / "token"
    with Issuer() as cluster:
        directory.federate(application["clientId"], cluster.url, "workload")
        file.write_text(cluster.workload_token("workload"), "ascii")
        user = run_service(
            AZURE_AUTHORITY_HOST=directory.authority,
            AZURE_TENANT_ID=directory.tenant_id,
            AZURE_CLIENT_ID=application["clientId"],
            AZURE_FEDERATED_TOKEN_FILE=str(file),
        )
    assert_identifier(user, real_time_server.resource_id)
