"""Helpers around the SDKs: one calling convention for both, what to expect of errors, and reading tokens."""

import asyncio
import base64
import inspect
import json
import re
import uuid
from datetime import datetime, timezone
from http.client import responses as reason_phrases

import isodate
import pytest
from azure.communication.chat import CommunicationTokenCredential
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

ALL_SCOPES = ("chat", "chat.join", "chat.join.limited", "voip", "voip.join")

GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class SyncAsAsync:
    """The synchronous client with awaitable methods, so that a test is written once for both SDKs."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        method = getattr(self._client, name)

        async def call(*arguments, **options):
            return await asyncio.to_thread(method, *arguments, **options)

        return call

    async def __aexit__(self, *details):
        self._client._identity_service_client.close()  # This SDK's outer class has no public way to be closed.


async def settled(value):
    """What a call of either SDK comes to, whether it must be awaited or not."""
    return await value if inspect.isawaitable(value) else value


async def completed(begun):
    """The result of a long-running operation: of the poller, or of what must be awaited to get the poller."""
    poller = await settled(begun)
    return await settled(poller.result())


async def collected(pages) -> list:
    """All items of a paged answer of either SDK."""
    return [item async for item in pages] if hasattr(pages, "__aiter__") else list(pages)


class BearerCredential:
    """Sends one token as it is, to the synchronous and the asynchronous client alike."""

    def __init__(self, flavour: str, token: str):
        self._token = AccessToken(token, 2**31)
        self.get_token = self._get_token if flavour == "sync" else self._get_token_async

    def _get_token(self, *scopes, **options):
        return self._token

    async def _get_token_async(self, *scopes, **options):
        return self._token


class Responses:
    """Collects the raw answers of a call: pass `**responses.hook` to any SDK method."""

    def __init__(self):
        self._seen = []

    @property
    def hook(self) -> dict:
        """The option that has the SDK report its answers here."""
        return {"raw_response_hook": self._seen.append}

    @property
    def last(self):
        """The newest answer."""
        return self._seen[-1].http_response

    @property
    def last_request(self):
        """The request that got the newest answer."""
        return self._seen[-1].http_request


async def expect_error(awaitable, *statuses: int, kind=HttpResponseError) -> HttpResponseError:
    """Awaits a call that must fail with one of `statuses`, in the one shape every error has."""
    with pytest.raises(kind) as raised:
        await awaitable
    error = raised.value
    assert error.status_code in statuses, str(error)
    # 413 got a new name in RFC 9110, which Python has since 3.13.
    assert error.status_code == 413 or error.reason == reason_phrases[error.status_code]
    assert error.error is not None, "the body has no error object the SDK can read"
    assert error.error.code, "the error has no code"
    assert error.error.message, "the error has no message"
    headers = error.response.headers
    assert headers["Content-Type"].startswith("application/json")
    assert headers["x-ms-error-code"] == error.error.code
    # azure-core retries every 4xx that carries Retry-After, so a permanent error must not.
    assert "Retry-After" not in headers
    return error


async def expect_client_error(awaitable) -> HttpResponseError:
    """Awaits a call that must fail by the caller's own fault, where ACS does not publish which status it gives."""
    return await expect_error(awaitable, 400, 401, 403, 404, 422)


def new_identifier(resource_id: str) -> str:
    """A well-formed identifier that no server has handed out."""
    return f"8:acs:{resource_id}_{uuid.uuid4()}"


def assert_identifier(raw_id: str, resource_id: str) -> None:
    """Checks the documented form, whose two parts hold no further `_` (three would be another kind)."""
    assert re.fullmatch(rf"8:acs:{re.escape(resource_id)}_{GUID}", raw_id), raw_id


def claims_of(token: str) -> dict:
    """Reads the claims exactly as the Python SDKs do: standard alphabet, two paddings, ASCII.

    Characters outside the standard alphabet would be dropped in silence there, hence the check before it.
    """
    payload = token.split(".")[1]
    assert not set(payload) & set("-_"), "the payload needs the URL-safe alphabet, which the SDKs do not read"
    return json.loads(base64.b64decode(payload + "==").decode("ascii"))


def header_of(token: str) -> dict:
    """The token's protected header."""
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def expiry_of(access_token) -> datetime:
    """`expires_on` of the identity SDK's answer as an aware time; that SDK gives it as text."""
    moment = access_token.expires_on
    if isinstance(moment, str):
        moment = isodate.parse_datetime(moment)
    assert moment.tzinfo is not None, "expiresOn has no offset"
    return moment


def as_refreshed(token: str):
    """What a token refresher must return: the same token with its expiry in seconds, read by the SDK itself."""
    return CommunicationTokenCredential(token).get_token()


def handmade_token(lifetime_seconds: int) -> str:
    """A token no server signed, for what the SDKs only look at on their own side: its expiry."""
    claims = {"exp": int(datetime.now(timezone.utc).timestamp()) + lifetime_seconds}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(base64.b64encode(part).decode().rstrip("=") for part in parts), "unsigned"])


def assert_lifetime(access_token, minutes: int, now: datetime | None = None) -> None:
    """Checks `expires_on` within five per cent of what was asked for, which is what ACS's own suites allow."""
    lifetime = expiry_of(access_token) - (now or datetime.now(timezone.utc))
    assert abs(lifetime.total_seconds() / 60 - minutes) <= minutes * 0.05
