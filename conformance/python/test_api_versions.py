"""Every api-version a customer can choose in the SDK, and what becomes of one nobody published."""

import pytest
from azure.communication.identity._api_versions import ApiVersion

from sdk import Responses, claims_of, expect_error


@pytest.mark.parametrize("version", [version.value for version in ApiVersion])
async def test_whole_life_of_a_user_in_every_version(connect, server, version):
    client = connect(server, api_version=version)
    responses = Responses()
    user = await client.create_user(**responses.hook)
    assert f"api-version={version}" in responses.last_request.url
    token = await client.get_token(user, ["chat", "voip"])
    assert claims_of(token.token)["skypeid"] == user.raw_id.removeprefix("8:")
    await client.revoke_tokens(user)
    await client.delete_user(user)
    other, _ = await client.create_user_and_token(["chat"])
    assert other.raw_id != user.raw_id


@pytest.mark.parametrize("version", ["1999-01-01", "nonsense"])
async def test_unpublished_version_is_refused(connect, server, version):
    await expect_error(connect(server, api_version=version).create_user(), 400)
