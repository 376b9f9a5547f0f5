"""A directory user signs in through the page in a real browser, by `msal` with a code and PKCE, and uses the tokens."""

import asyncio
import os
import tempfile
from pathlib import Path

import jwt
import msal
import pytest
import requests
from azure.communication.callautomation._shared.user_credential import CommunicationTokenCredential
from azure.communication.callautomation._shared.user_credential_async import (
    CommunicationTokenCredential as AsyncCommunicationTokenCredential,
)
from azure.communication.identity import CommunicationIdentityClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.core.rest import HttpRequest

import browser
from browser import Receiver, appearance, fill_in
from directory import (
    DATA_SCOPE,
    ENTRA_SCOPE,
    PASSWORD,
    TEAMS_EXTENSION_SCOPE,
    TEAMS_SCOPE,
    directory_claims_of,
)
from sdk import BearerCredential, assert_identifier, claims_of, expect_error

TIMEOUT_SECONDS = 10


@pytest.fixture(scope="module")
def pictures():
    """Where pictures of the page go: `CONFORMANCE_SCREENSHOTS`, or a new temporary folder."""
    folder = Path(os.environ.get("CONFORMANCE_SCREENSHOTS") or tempfile.mkdtemp(prefix="trunkline-sign-in-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"pictures of the sign-in page: {folder}")
    return folder


@pytest.fixture(scope="module")
def native(directory):
    """A native application: no secret, and an address on whatever port is free."""
    return directory.application(None, redirectUris=["http://localhost"])


@pytest.fixture
def application(native, directory):
    """`msal` as that application uses it, with an empty cache."""
    return public_application(native, directory)


def public_application(native, directory) -> msal.PublicClientApplication:
    """`msal` for a native application of the built-in directory."""
    return msal.PublicClientApplication(
        native["clientId"], authority=f"{directory.authority}/{directory.tenant_id}", instance_discovery=False
    )


def sign_in(page, application, user, *scopes, password=PASSWORD, **options) -> dict:
    """A sign-in from the first address to the tokens, as `msal` gives them."""
    with Receiver() as receiver:
        flow = application.initiate_auth_code_flow(list(scopes), redirect_uri=receiver.address, **options)
        page.get(flow["auth_uri"])
        fill_in(page, user["userName"], password)
        return application.acquire_token_by_auth_code_flow(flow, receiver.answer())


class SignedIn:
    """The signed-in user as a token credential, for the synchronous and the asynchronous SDK alike."""

    def __init__(self, flavour: str, application: msal.PublicClientApplication):
        self._application = application
        self.get_token = self._get_token if flavour == "sync" else self._get_token_async

    def _get_token(self, *scopes, **_):
        result = self._application.acquire_token_silent(list(scopes), self._application.get_accounts()[0])
        assert result and "access_token" in result, result
        return AccessToken(result["access_token"], 2**31)

    async def _get_token_async(self, *scopes, **_):
        return self._get_token(*scopes)

    async def close(self):
        """Nothing is open."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        """Nothing is open."""


def exchanged(flavour, server, credential, scope) -> str:
    """The user token the SDK's own credential gets in exchange for the directory's."""
    options = {"resource_endpoint": server.endpoint, "token_credential": credential, "scopes": [scope]}
    if flavour == "sync":
        with CommunicationTokenCredential(**options) as made:
            return made.get_token().token
    with asyncio.Runner() as runner:
        # The asynchronous credential runs the current event loop itself, when it is made.
        asyncio.set_event_loop(runner.get_loop())
        made = AsyncCommunicationTokenCredential(**options)
        return runner.run(token_of(made))


async def token_of(made) -> str:
    """The token of an asynchronous credential, which then is closed."""
    async with made:
        token = await made.get_token()
    # The SDK leaves its connections open: nothing of its own closes them.
    await made._token_exchange_client._pipeline._transport.close()
    return token.token


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [1280, 390])
def test_page_is_readable(page, pictures, application, directory, width_px, scheme):
    flow = application.initiate_auth_code_flow([TEAMS_SCOPE], redirect_uri="http://localhost:1")
    with appearance(page, width_px, scheme):
        page.get(flow["auth_uri"])
        browser.screenshot(page, pictures, f"sign-in-{width_px}-{scheme}")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width_px
        assert page.execute_script("return document.scripts.length") == 0
        assert page.execute_script("return document.documentElement.lang")
        for field in (browser.USER_NAME, browser.PASSWORD, browser.SUBMIT):
            element = page.find_element(*field)
            assert element.accessible_name, "a field has no label"
            assert element.rect["width"] >= 200 and element.rect["height"] >= 24
            assert float(element.value_of_css_property("font-size").removesuffix("px")) >= 16 or width_px > 600
        background = page.find_element("tag name", "body").value_of_css_property("background-color")
        assert brightness(background) > 128 if scheme == "light" else brightness(background) < 128, background
        fill_in(page, "nobody@example.com", "never-shown-again")
        assert browser.complaint(page)
        browser.screenshot(page, pictures, f"sign-in-{width_px}-{scheme}-refused")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width_px
        assert "never-shown-again" not in page.page_source
        forbidden = application.initiate_auth_code_flow([TEAMS_SCOPE], redirect_uri="https://attacker.example/")
        page.get(forbidden["auth_uri"])
        browser.screenshot(page, pictures, f"sign-in-{width_px}-{scheme}-impossible")
        assert page.execute_script("return document.documentElement.scrollWidth") <= width_px
    assert browser.complaints_of_the_browser(page) == []


def brightness(colour: str) -> float:
    """The mean of the parts of `rgb(…)`; a transparent page is white."""
    parts = [float(part) for part in colour[colour.index("(") + 1 : -1].split(",")]
    return 255 if len(parts) == 4 and parts[3] == 0 else sum(parts[:3]) / 3


def test_wrong_password_first(page, application, directory):
    user = directory.user()
    with Receiver() as receiver:
        flow = application.initiate_auth_code_flow([ENTRA_SCOPE], redirect_uri=receiver.address)
        page.get(flow["auth_uri"])
        fill_in(page, user["userName"], "wrong")
        first = browser.complaint(page)
        assert not receiver.has_answer()
        fill_in(page, "nobody@example.com", PASSWORD)
        assert browser.complaint(page) == first, "the page tells which user names exist"
        fill_in(page, user["userName"], PASSWORD)
        result = application.acquire_token_by_auth_code_flow(flow, receiver.answer())
    assert result["id_token_claims"]["oid"] == user["objectId"]


def test_tokens_of_a_signed_in_user(page, application, native, directory, real_time_server):
    user = directory.user()
    result = sign_in(page, application, user, ENTRA_SCOPE)
    claims = directory_claims_of(result["access_token"])
    assert (claims["oid"], claims["tid"]) == (user["objectId"], directory.tenant_id)
    assert (claims["appid"], claims["idtyp"]) == (native["clientId"], "user")
    assert claims["aud"] == "https://communication.azure.com/clients"
    assert claims["scp"] == "VoIP"
    assert (claims["preferred_username"], claims["name"]) == (user["userName"], user["displayName"])
    identity = verified(result["id_token"], real_time_server.issuer, native["clientId"])
    assert identity["oid"] == user["objectId"]
    account, = application.get_accounts()
    assert account["username"] == user["userName"]


def verified(token: str, issuer: str, audience: str) -> dict:
    """The claims of a token, verified by the published documents as any OpenID Connect library does."""
    document = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=TIMEOUT_SECONDS).json()
    assert document["issuer"] == issuer
    keys = jwt.PyJWKSet.from_dict(requests.get(document["jwks_uri"], timeout=TIMEOUT_SECONDS).json())
    key = keys[jwt.get_unverified_header(token)["kid"]].key
    return jwt.decode(token, key, algorithms=["ES256"], audience=audience, issuer=issuer)


def test_answer_in_a_form(page, application, directory):
    user = directory.user()
    result = sign_in(page, application, user, ENTRA_SCOPE, response_mode="form_post")
    assert result["id_token_claims"]["oid"] == user["objectId"]


def test_code_is_good_for_one_use(page, native, directory):
    user = directory.user()
    first, second = public_application(native, directory), public_application(native, directory)
    with Receiver() as receiver:
        flow = first.initiate_auth_code_flow([ENTRA_SCOPE], redirect_uri=receiver.address)
        page.get(flow["auth_uri"])
        fill_in(page, user["userName"], PASSWORD)
        answer = receiver.answer()
    assert "access_token" in first.acquire_token_by_auth_code_flow(dict(flow), answer)
    again = second.acquire_token_by_auth_code_flow(dict(flow), answer)
    assert again["error"] == "invalid_grant"
    assert "AADSTS" in again["error_description"]
    refreshed = first.acquire_token_silent_with_error(
        [ENTRA_SCOPE], first.get_accounts()[0], force_refresh=True
    )
    assert refreshed["error"] == "invalid_grant", "what came of a code that was used twice must end"


def test_code_without_its_verifier_is_refused(page, application, directory):
    user = directory.user()
    with Receiver() as receiver:
        flow = application.initiate_auth_code_flow([ENTRA_SCOPE], redirect_uri=receiver.address)
        page.get(flow["auth_uri"])
        fill_in(page, user["userName"], PASSWORD)
        forged = {**flow, "code_verifier": "x" * 43}
        result = application.acquire_token_by_auth_code_flow(forged, receiver.answer())
    assert result["error"] == "invalid_grant"


def test_address_that_is_not_registered_gets_nothing(page, application):
    with Receiver() as receiver:
        for address in (f"{receiver.address}/elsewhere", "https://attacker.example/"):
            flow = application.initiate_auth_code_flow([ENTRA_SCOPE], redirect_uri=address)
            page.get(flow["auth_uri"])
            assert "AADSTS50011" in page.page_source
            assert not page.find_elements(*browser.PASSWORD)
        assert not receiver.has_answer()


def test_refresh_token_gives_new_tokens(page, application, directory):
    user = directory.user()
    first = sign_in(page, application, user, ENTRA_SCOPE)
    account, = application.get_accounts()
    second = application.acquire_token_silent_with_error([ENTRA_SCOPE], account, force_refresh=True)
    assert second["access_token"] != first["access_token"]
    assert directory_claims_of(second["access_token"])["oid"] == user["objectId"]


def test_disabled_user_gets_nothing_more(page, application, directory):
    user = directory.user()
    sign_in(page, application, user, ENTRA_SCOPE)
    directory.operate("PATCH", f"/users/{user['objectId']}", {"isEnabled": False})
    account, = application.get_accounts()
    refused = application.acquire_token_silent_with_error([ENTRA_SCOPE], account, force_refresh=True)
    assert refused["error"] == "invalid_grant"


def test_token_is_exchanged_for_a_user_of_the_resource(page, flavour, application, directory, real_time_server):
    sign_in(page, application, directory.user(), ENTRA_SCOPE)
    credential = SignedIn(flavour, application)
    tokens = [exchanged(flavour, real_time_server, credential, ENTRA_SCOPE) for _ in range(2)]
    users = {claims_of(token)["skypeid"] for token in tokens}
    assert len(users) == 1, "the identity of a directory user is not stable"
    assert_identifier(f"8:{users.pop()}", real_time_server.resource_id)
    inspected = real_time_server.operate("POST", "/trunkline/tokens/:inspect", {"token": tokens[0]})
    assert inspected["isValid"], inspected


def test_token_is_exchanged_for_the_teams_extension(
    page, flavour, application, native, directory, real_time_server
):
    user = directory.user()
    sign_in(page, application, user, TEAMS_EXTENSION_SCOPE)
    assign_to_teams_extension(real_time_server, directory, user, native)
    token = exchanged(flavour, real_time_server, SignedIn(flavour, application), TEAMS_EXTENSION_SCOPE)
    inspected = real_time_server.operate("POST", "/trunkline/tokens/:inspect", {"token": token})
    assert inspected["isValid"], inspected


def assign_to_teams_extension(server, directory, user, native):
    """Lets a user of that application be exchanged.

    No released identity SDK has a method for it yet, so the client's own pipeline sends and signs the request.
    """
    with CommunicationIdentityClient.from_connection_string(server.connection_string)._identity_service_client as inner:
        request = HttpRequest(
            "PUT",
            f"{server.endpoint}/access/teamsExtension/tenants/{directory.tenant_id}/assignments/{user['objectId']}",
            params={"api-version": "2025-06-30"},
            json={"principalType": "user", "clientIds": [native["clientId"]]},
        )
        response = inner._client.send_request(request)
        assert response.status_code in (200, 201), response.text()


async def test_token_is_exchanged_for_a_teams_user(page, connect, application, native, directory, real_time_server):
    user = directory.user()
    result = sign_in(page, application, user, TEAMS_SCOPE)
    client = connect(real_time_server)
    token = await client.get_token_for_teams_user(result["access_token"], native["clientId"], user["objectId"])
    assert claims_of(token.token)["skypeid"] == f"orgid:{user['objectId']}"
    stranger = directory.user()["objectId"]
    refused = client.get_token_for_teams_user(result["access_token"], native["clientId"], stranger)
    await expect_error(refused, 401, kind=ClientAuthenticationError)


async def test_exchange_token_opens_nothing_else(page, connect, flavour, application, directory, real_time_server):
    """Not even to a user who may do everything with a token for the right audience."""
    user = directory.user()
    directory.assign(user["objectId"], "owner")
    result = sign_in(page, application, user, ENTRA_SCOPE)
    client = connect(
        real_time_server,
        endpoint=real_time_server.endpoint,
        credential=BearerCredential(flavour, result["access_token"]),
    )
    await expect_error(client.create_user(), 401, 403)


async def test_user_with_a_role_works_as_an_application_does(
    page, connect, flavour, application, directory, real_time_server
):
    user = directory.user()
    directory.assign(user["userName"], "contributor")
    result = sign_in(page, application, user, DATA_SCOPE)
    client = connect(
        real_time_server,
        endpoint=real_time_server.endpoint,
        credential=BearerCredential(flavour, result["access_token"]),
    )
    assert await client.create_user()
