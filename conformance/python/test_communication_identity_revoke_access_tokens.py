"""CommunicationIdentity_RevokeAccessTokens: `revoke_tokens`."""

from azure.communication.identity import CommunicationUserIdentifier

from sdk import Responses, claims_of, expect_error, new_identifier


async def test_revocation_answers_without_content(client):
    user, _ = await client.create_user_and_token(["chat", "voip"])
    responses = Responses()
    assert await client.revoke_tokens(user, **responses.hook) is None
    assert responses.last.status_code == 204
    assert "Content-Type" not in responses.last.headers


async def test_user_without_tokens_can_be_revoked_again_and_again(client):
    user = await client.create_user()
    for _ in range(3):
        await client.revoke_tokens(user)


async def test_user_gets_new_tokens_after_revocation(client):
    user, before = await client.create_user_and_token(["chat"])
    await client.revoke_tokens(user)
    after = await client.get_token(user, ["chat"])
    assert after.token != before.token
    assert claims_of(after.token)["skypeid"] == claims_of(before.token)["skypeid"]


async def test_unknown_user_is_not_found(client, server):
    await expect_error(client.revoke_tokens(CommunicationUserIdentifier(new_identifier(server.resource_id))), 404)
