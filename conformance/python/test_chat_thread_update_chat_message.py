"""ChatThread_UpdateChatMessage: `update_message`."""

import pytest

from chat import system_messages
from sdk import Responses, expect_error


async def test_edited_message_has_a_new_version_at_the_front(shared):
    mine, theirs = shared
    sent = await mine.send_message("befor", sender_display_name="Ada", metadata={"keep": "1", "change": "2"})
    await theirs.send_message("between")
    before = await theirs.get_message(sent.id)
    responses = Responses()
    assert await mine.update_message(sent.id, "before", metadata={"change": "3"}, **responses.hook) is None
    assert responses.last.status_code == 204
    after = (await theirs.list_messages())[0]
    assert (after.id, after.content.message, after.created_on) == (sent.id, "before", before.created_on)
    assert (after.sender_display_name, after.metadata) == ("Ada", {"keep": "1", "change": "3"})
    assert int(after.version) > int(before.version)
    assert int(after.sequence_id) == int(before.sequence_id) + 2
    assert after.edited_on >= before.created_on


async def test_what_is_not_named_stays(thread):
    sent = await thread.send_message("text", metadata={"a": "1"})
    await thread.update_message(sent.id, metadata={"a": "2"})
    assert (await thread.get_message(sent.id)).content.message == "text"
    await thread.update_message(sent.id, "other")
    assert (await thread.get_message(sent.id)).metadata == {"a": "2"}


async def test_empty_value_takes_a_pair_away(thread):
    sent = await thread.send_message("text", metadata={"a": "1", "b": "2"})
    await thread.update_message(sent.id, metadata={"a": ""})
    assert (await thread.get_message(sent.id)).metadata == {"b": "2"}


async def test_html_is_cleaned_again(thread):
    sent = await thread.send_message("<b>x</b>", chat_message_type="html")
    await thread.update_message(sent.id, "<b>y</b><script>z</script>")
    read = await thread.get_message(sent.id)
    assert (read.type, read.content.message) == ("html", "<b>y</b>")


async def test_only_the_sender_may(shared):
    mine, theirs = shared
    sent = await mine.send_message("mine")
    error = await expect_error(theirs.update_message(sent.id, "not mine"), 403)
    assert "sender" in error.message
    assert (await mine.get_message(sent.id)).content.message == "mine"


async def test_not_any_more_once_removed(person, other):
    thread_id = await person.open_thread(other)
    sent = await other.within(thread_id).send_message("mine")
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(other.within(thread_id).update_message(sent.id, "x"), 403)


@pytest.mark.parametrize("content", ["", " "], ids=repr)
async def test_blank_content_is_refused(thread, content):
    sent = await thread.send_message("x")
    await expect_error(thread.update_message(sent.id, content), 400)


async def test_too_large_content_is_refused(thread):
    sent = await thread.send_message("x")
    error = await expect_error(thread.update_message(sent.id, "x" * (28 * 1024 + 1)), 413)
    assert error.error.code == "MessageSizeExceeded"


async def test_deleted_message_and_messages_of_the_thread_cannot_be_edited(thread):
    sent = await thread.send_message("x")
    await thread.delete_message(sent.id)
    await expect_error(thread.update_message(sent.id, "y"), 400)
    for message in system_messages(await thread.list_messages()):
        await expect_error(thread.update_message(message.id, "y"), 400)


@pytest.mark.parametrize("message_id", ["1", "abc"])
async def test_unknown_message_is_not_found(thread, message_id):
    await expect_error(thread.update_message(message_id, "y"), 404)
