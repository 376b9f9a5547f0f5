"""Tokens verified by a customer's own service: discovery document, key set, ES256."""

import base64
import json
import time

import jwt
import pytest
import requests

from sdk import claims_of, header_of

TIMEOUT_SECONDS = 10


def key_set_of(issuer: str) -> jwt.PyJWKSet:
    """Fetches the published keys the way any OpenID Connect library does."""
    discovery = requests.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=TIMEOUT_SECONDS)
    assert discovery.status_code == 200
    document = discovery.json()
    assert document["issuer"] == issuer
    keys = requests.get(document["jwks_uri"], timeout=TIMEOUT_SECONDS)
    assert keys.status_code == 200
    return jwt.PyJWKSet.from_dict(keys.json())


def verify(token: str, resource_id: str, **changes) -> dict:
    """Verifies a token as a careful service would."""
    key = key_set_of(claims_of(token)["iss"])[header_of(token)["kid"]].key
    expectations = {"algorithms": ["ES256"], "audience": resource_id, "issuer": claims_of(token)["iss"]} | changes
    return jwt.decode(token, key, options={"require": ["exp", "iat", "iss", "aud"]}, **expectations)


def with_claims(token: str, **changes) -> str:
    """The token with other claims under the old signature."""
    header, _, signature = token.split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims_of(token) | changes).encode()).decode().rstrip("=")
    return f"{header}.{payload}.{signature}"


async def test_published_key_verifies_a_token(client, server):
    user, token = await client.create_user_and_token(["chat"])
    assert verify(token.token, server.resource_id)["skypeid"] == user.raw_id.removeprefix("8:")


async def test_issuer_is_the_origin_the_client_talks_to(client, server):
    _, token = await client.create_user_and_token(["chat"])
    assert claims_of(token.token)["iss"].rstrip("/") == server.endpoint.rstrip("/")


async def test_changed_claims_do_not_verify(client, server):
    _, token = await client.create_user_and_token(["chat.join.limited"])
    for change in ({"acsScope": "chat"}, {"exp": int(time.time()) + 10**6}, {"skypeid": "acs:someone_else"}):
        with pytest.raises(jwt.InvalidSignatureError):
            verify(with_claims(token.token, **change), server.resource_id)


async def test_token_is_meant_for_its_resource_only(client):
    _, token = await client.create_user_and_token(["chat"])
    with pytest.raises(jwt.InvalidAudienceError):
        verify(token.token, "00000000-0000-4000-8000-000000000000")


async def test_key_set_holds_public_keys_only(client):
    _, token = await client.create_user_and_token(["chat"])
    issuer = claims_of(token.token)["iss"].rstrip("/")
    document = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=TIMEOUT_SECONDS).json()
    for key in requests.get(document["jwks_uri"], timeout=TIMEOUT_SECONDS).json()["keys"]:
        assert (key["kty"], key["crv"]) == ("EC", "P-256")
        assert "d" not in key
