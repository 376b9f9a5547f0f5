"""`azure-identity` gets tokens of the built-in directory in each of its ways, and identity clients work with them."""

from datetime import timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from directory import DATA_SCOPE, MANAGEMENT_SCOPE, directory_claims_of, make_certificate
from issuer import Issuer
from sdk import BearerCredential, assert_identifier, expect_error, settled

SUBJECT = "system:serviceaccount:shop:calls"


@pytest.fixture(scope="module")
def cluster():
    """The issuer of a Kubernetes cluster, whose tokens a workload finds in a file."""
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def entra(opened, directory):
    """A function that makes credentials for the built-in directory, which no SDK knows without being told."""

    def make(name, *arguments, **options):
        options = {"authority": directory.authority, "disable_instance_discovery": True, **options}
        return opened("azure.identity", name, *arguments, **options)

    return make


@pytest.fixture
def by_secret(entra, directory):
    """A function that makes a credential of an application by a secret."""

    def make(application, secret=None, tenant=None):
        secret = secret or directory.secret(application["clientId"])
        return entra("ClientSecretCredential", tenant or directory.tenant_id, application["clientId"], secret)

    return make


async def assert_works(connect, server, directory, application, credential):
    """Checks the token of a credential, then has an identity client work with it."""
    token = await settled(credential.get_token(DATA_SCOPE))
    claims = directory_claims_of(token.token)
    assert claims["aud"].rstrip("/") == "https://communication.azure.com"
    assert (claims["tid"], claims["iss"]) == (directory.tenant_id, server.issuer)
    assert (claims["oid"], claims["appid"]) == (application["objectId"], application["clientId"])
    assert claims["ver"] == "2.0"
    assert claims["idtyp"] == "app"
    assert abs(token.expires_on - claims["exp"]) <= 5
    client = connect(server, endpoint=server.endpoint, credential=credential)
    user, _ = await client.create_user_and_token(["chat"])
    assert_identifier(user.raw_id, server.resource_id)
    await client.delete_user(user)


async def test_client_secret(connect, real_time_server, directory, by_secret):
    application = directory.application()
    await assert_works(connect, real_time_server, directory, application, by_secret(application))


async def test_certificate(connect, real_time_server, directory, entra):
    application = directory.application()
    data = directory.certificate(application["clientId"])
    credential = entra(
        "CertificateCredential", directory.tenant_id, application["clientId"], certificate_data=data
    )
    await assert_works(connect, real_time_server, directory, application, credential)


@pytest.fixture(params=["EnvironmentCredential", "DefaultAzureCredential"])
def by_environment(request, monkeypatch, entra, directory):
    """A function that makes a credential which reads an application's variables.

    The options of `entra` have no variables; the SDK has to be given them.
    """

    def make(application, **variables):
        variables |= {"AZURE_TENANT_ID": directory.tenant_id, "AZURE_CLIENT_ID": application["clientId"]}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return entra(request.param)

    return make


async def test_client_secret_in_the_environment(connect, real_time_server, directory, by_environment):
    application = directory.application()
    credential = by_environment(application, AZURE_CLIENT_SECRET=directory.secret(application["clientId"]))
    await assert_works(connect, real_time_server, directory, application, credential)


async def test_certificate_in_the_environment(tmp_path, connect, real_time_server, directory, by_environment):
    application, file = directory.application(), tmp_path / "client.pem"
    file.write_bytes(directory.certificate(application["clientId"]))
    credential = by_environment(application, AZURE_CLIENT_CERTIFICATE_PATH=str(file))
    await assert_works(connect, real_time_server, directory, application, credential)


async def test_assertion_that_the_program_fetches(connect, real_time_server, directory, entra, cluster):
    application = directory.application()
    directory.federate(application["clientId"], cluster.url, SUBJECT)
    credential = entra(
        "ClientAssertionCredential", directory.tenant_id, application["clientId"],
        lambda: cluster.workload_token(SUBJECT),
    )
    await assert_works(connect, real_time_server, directory, application, credential)


@pytest.mark.parametrize(
    "scope",
    [
        "https://communication.azure.com//.default",
        "https://communication.azure.com/.default",
        "https://communication.azure.us/.default",
    ],
)
async def test_scopes_of_the_communication_clients(connect, flavour, real_time_server, directory, by_secret, scope):
    token = await settled(by_secret(directory.application()).get_token(scope))
    client = connect(
        real_time_server, endpoint=real_time_server.endpoint, credential=BearerCredential(flavour, token.token)
    )
    assert await client.create_user()


@pytest.fixture
def workload(tmp_path, entra, directory, cluster):
    """A function that makes a workload's credential, from the cluster's token in a file."""

    def make(application, assertion, **options):
        file = tmp_path / "token"
        file.write_text(assertion, "ascii")
        return entra(
            "WorkloadIdentityCredential",
            tenant_id=directory.tenant_id,
            client_id=application["clientId"],
            token_file_path=str(file),
            **options,
        )

    return make


async def test_workload_identity(connect, real_time_server, directory, cluster, workload):
    application = directory.application()
    directory.federate(application["clientId"], cluster.url, SUBJECT)
    await assert_works(
        connect, real_time_server, directory, application, workload(application, cluster.workload_token(SUBJECT))
    )


@pytest.mark.parametrize(
    "changes",
    [{"sub": "system:serviceaccount:shop:other"}, {"aud": "somebody-else"}, {"exp": 1}, {"nbf": 4_000_000_000}],
    ids=["subject", "audience", "expired", "not yet valid"],
)
async def test_workload_token_that_does_not_fit_is_refused(directory, cluster, workload, changes):
    application = directory.application()
    directory.federate(application["clientId"], cluster.url, SUBJECT)
    credential = workload(application, cluster.workload_token(SUBJECT, **changes))
    await expect_refusal(credential, "AADSTS")


async def test_workload_token_of_another_key_is_refused(directory, cluster, workload):
    application = directory.application()
    directory.federate(application["clientId"], cluster.url, SUBJECT)
    with Issuer() as forger:
        credential = workload(application, forger.workload_token(SUBJECT, iss=cluster.url))
    await expect_refusal(credential, "AADSTS")


@pytest.fixture(params=["IMDS", "App Service"])
def managed_identity_environment(request, monkeypatch, real_time_server):
    """What a virtual machine or an App Service has in its environment."""
    origin = real_time_server.managed_identity_endpoint
    if request.param == "IMDS":
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", origin)
    else:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{origin.rstrip('/')}/metadata/identity/oauth2/token")
        monkeypatch.setenv("IDENTITY_HEADER", "any")


@pytest.mark.usefixtures("managed_identity_environment")
async def test_managed_identity_of_the_system(connect, real_time_server, directory, opened):
    """Without a client id the server answers for the application it made at its first start."""
    application = directory.operate("GET", f"/applications/{real_time_server.client_id}")
    credential = opened("azure.identity", "ManagedIdentityCredential")
    await assert_works(connect, real_time_server, directory, application, credential)


@pytest.mark.usefixtures("managed_identity_environment")
async def test_managed_identity_of_a_user(connect, real_time_server, directory, opened):
    application = directory.application(isManagedIdentity=True)
    credential = opened("azure.identity", "ManagedIdentityCredential", client_id=application["clientId"])
    await assert_works(connect, real_time_server, directory, application, credential)


@pytest.mark.usefixtures("managed_identity_environment")
async def test_application_that_is_no_managed_identity_is_refused(directory, opened):
    application = directory.application()
    credential = opened("azure.identity", "ManagedIdentityCredential", client_id=application["clientId"])
    with pytest.raises((CredentialUnavailableError, ClientAuthenticationError)):
        await settled(credential.get_token(DATA_SCOPE))


async def expect_refusal(credential, *words, scope=DATA_SCOPE) -> ClientAuthenticationError:
    """Asks for a token, which must be refused in these words."""
    with pytest.raises(ClientAuthenticationError) as raised:
        await settled(credential.get_token(scope))
    for word in words:
        assert word in str(raised.value), str(raised.value)
    return raised.value


async def test_wrong_secret_is_refused(flavour, directory, by_secret):
    application = directory.application()
    directory.secret(application["clientId"])
    error = await expect_refusal(by_secret(application, "wrong"), "AADSTS7000215")
    assert flavour == "sync" or error.response.status_code == 401


async def test_secret_of_another_application_is_refused(directory, by_secret):
    other = directory.secret(directory.application()["clientId"])
    await expect_refusal(by_secret(directory.application(), other), "AADSTS7000215")


async def test_removed_secret_is_refused(directory, by_secret):
    application = directory.application()
    secret = directory.secret(application["clientId"])
    await settled(by_secret(application, secret).get_token(DATA_SCOPE))
    held = directory.operate("GET", f"/applications/{application['clientId']}")["credentials"]
    directory.operate("DELETE", f"/applications/{application['clientId']}/credentials/{held[0]['id']}")
    await expect_refusal(by_secret(application, secret), "AADSTS7000215")


async def test_unknown_application_is_refused(by_secret):
    stranger = {"clientId": "00000000-0000-4000-8000-0000000000ee"}
    await expect_refusal(by_secret(stranger, "any"), "AADSTS700016")


async def test_unknown_tenant_is_refused(flavour, directory, by_secret):
    """The synchronous SDK asks for discovery first and has words of its own for its failure."""
    credential = by_secret(directory.application(), tenant="00000000-0000-4000-8000-0000000000ee")
    await expect_refusal(credential, "AADSTS90002" if flavour == "async" else "double check your tenant name or GUID")


async def test_unregistered_certificate_is_refused(directory, entra):
    application = directory.application()
    directory.certificate(application["clientId"])
    pem, key = make_certificate()
    credential = entra(
        "CertificateCredential", directory.tenant_id, application["clientId"], certificate_data=key + pem
    )
    await expect_refusal(credential, "AADSTS")


async def test_unknown_resource_is_refused(directory, by_secret):
    credential = by_secret(directory.application())
    await expect_refusal(credential, "AADSTS500011", scope="https://graph.microsoft.com/.default")


async def test_expired_secret_is_refused(connect, own_directory, opened, own_server):
    application = own_directory.application()
    expiry = own_server.advance_clock(1) + timedelta(hours=1)
    secret = own_directory.secret(application["clientId"], expiresOn=expiry.isoformat())

    def credential():
        return opened(
            "azure.identity", "ClientSecretCredential", own_directory.tenant_id, application["clientId"], secret,
            authority=own_directory.authority, disable_instance_discovery=True, connection_verify=own_server.ca_file,
        )

    held = credential()
    client = connect(own_server, endpoint=own_server.endpoint, credential=held)
    assert await client.create_user()
    own_server.advance_clock(3601)
    await expect_refusal(credential(), "AADSTS7000222")
    # The SDK still takes its token for good by the machine's clock; the server knows better.
    await expect_error(client.create_user(), 401, kind=ClientAuthenticationError)


async def test_deleted_application_ends_with_its_tokens(connect, real_time_server, directory, by_secret):
    application = directory.application()
    secret = directory.secret(application["clientId"])
    client = connect(
        real_time_server, endpoint=real_time_server.endpoint, credential=by_secret(application, secret)
    )
    assert await client.create_user()
    directory.operate("DELETE", f"/applications/{application['clientId']}")
    await expect_error(client.create_user(), 401, kind=ClientAuthenticationError)
    await expect_refusal(by_secret(application, secret), "AADSTS700016")


async def test_management_token_does_not_fit_the_data_plane(connect, flavour, real_time_server, directory, by_secret):
    token = await settled(by_secret(directory.application()).get_token(MANAGEMENT_SCOPE))
    client = connect(
        real_time_server, endpoint=real_time_server.endpoint, credential=BearerCredential(flavour, token.token)
    )
    await expect_error(client.create_user(), 401, kind=ClientAuthenticationError)
