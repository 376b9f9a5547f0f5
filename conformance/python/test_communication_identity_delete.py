"""CommunicationIdentity_Delete: `delete_user`."""

import asyncio

from azure.core.exceptions import HttpResponseError

from sdk import Responses, expect_error


async def test_deletion_answers_without_content(client):
    user = await client.create_user()
    responses = Responses()
    assert await client.delete_user(user, **responses.hook) is None
    assert responses.last.status_code == 204
    assert "Content-Type" not in responses.last.headers


async def test_deleted_user_is_not_found(client):
    user, _ = await client.create_user_and_token(["chat"])
    await client.delete_user(user)
    await expect_error(client.get_token(user, ["chat"]), 404)
    await expect_error(client.revoke_tokens(user), 404)


async def test_deletion_leaves_other_users_alone(client):
    gone, kept = await client.create_user(), await client.create_user()
    await client.delete_user(gone)
    assert (await client.get_token(kept, ["chat"])).token


async def test_deleting_at_once_from_many_sides_ends_with_the_user_gone(client):
    """ACS does not say what a second deletion answers, so done and not found are both right; nothing else is."""
    user = await client.create_user()
    answers = await asyncio.gather(*(client.delete_user(user) for _ in range(8)), return_exceptions=True)
    assert None in answers
    refusals = [answer for answer in answers if answer is not None]
    assert all(isinstance(refusal, HttpResponseError) and refusal.status_code == 404 for refusal in refusals), refusals
    await expect_error(client.get_token(user, ["chat"]), 404)


async def test_deletion_and_new_tokens_at_once_leave_no_user(client):
    """A token is issued before the deletion or refused after it; no third outcome, and no user left behind."""
    user = await client.create_user()
    calls = [client.get_token(user, ["chat"]) for _ in range(8)]
    calls.insert(4, client.delete_user(user))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(refusal, HttpResponseError) and refusal.status_code == 404 for refusal in refusals), refusals
    await expect_error(client.get_token(user, ["chat"]), 404)
