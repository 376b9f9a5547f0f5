"""ChatThread_GetChatMessage: `get_message`."""

import pytest

from chat import system_messages
from sdk import Responses, expect_error


async def test_own_and_others_messages_are_shown(shared):
    mine, theirs = shared
    sent = await mine.send_message("hello")
    for thread in shared:
        responses = Responses()
        assert (await thread.get_message(sent.id, **responses.hook)).content.message == "hello"
        assert responses.last.status_code == 200


async def test_message_of_the_thread_itself_is_shown(thread):
    for listed in system_messages(await thread.list_messages()):
        read = await thread.get_message(listed.id)
        assert (read.type, read.sequence_id) == (listed.type, listed.sequence_id)


@pytest.mark.parametrize("message_id", ["1", "0", "-1", "abc", "1.5", "9" * 14, "9" * 40, "ü", "a/b"])
async def test_unknown_message_is_not_found(thread, message_id):
    error = await expect_error(thread.get_message(message_id), 404)
    assert error.error.target == "chatMessageId"


async def test_message_of_another_thread_is_not_found(person):
    here, there = person.within(await person.open_thread()), person.within(await person.open_thread())
    sent = await there.send_message("x")
    assert sent.id not in {message.id for message in await here.list_messages()}
    await expect_error(here.get_message(sent.id), 404)


async def test_strangers_are_refused(thread, person, other):
    sent = await thread.send_message("secret")
    stranger = other.within((await thread.get_properties()).id)
    error = await expect_error(stranger.get_message(sent.id), 403)
    assert "secret" not in str(error)
