"""ChatThread_DeleteChatMessage: `delete_message`."""

import pytest

from chat import system_messages
from sdk import Responses, expect_error


async def test_deleted_message_stays_without_what_it_said(shared, person):
    mine, theirs = shared
    sent = await mine.send_message("secret", sender_display_name="Ada", metadata={"a": "1"})
    await theirs.send_message("after")
    responses = Responses()
    assert await mine.delete_message(sent.id, **responses.hook) is None
    assert responses.last.status_code == 204
    for thread in shared:
        for seen in ((await thread.list_messages())[0], await thread.get_message(sent.id)):
            assert (seen.id, seen.type, seen.content.message, seen.metadata) == (sent.id, "text", "", None)
            assert (seen.sender.raw_id, seen.deleted_on is None) == (person.raw_id, False)
            assert (int(seen.version) > int(sent.id), seen.sequence_id) == (True, "5")


async def test_deleting_again_is_harmless(thread):
    sent = await thread.send_message("x")
    await thread.delete_message(sent.id)
    once = await thread.get_message(sent.id)
    await thread.delete_message(sent.id)
    twice = await thread.get_message(sent.id)
    assert (twice.version, twice.deleted_on) == (once.version, once.deleted_on)


async def test_only_the_sender_may(shared):
    mine, theirs = shared
    sent = await mine.send_message("mine")
    await expect_error(theirs.delete_message(sent.id), 403)
    assert (await mine.get_message(sent.id)).content.message == "mine"


async def test_messages_of_the_thread_cannot_be_deleted(thread):
    for message in system_messages(await thread.list_messages()):
        await expect_error(thread.delete_message(message.id), 400)


@pytest.mark.parametrize("message_id", ["1", "abc"])
async def test_unknown_message_is_not_found(thread, message_id):
    await expect_error(thread.delete_message(message_id), 404)
