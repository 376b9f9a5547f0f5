"""Chat_DeleteChatThread: `delete_chat_thread`."""

from chat import missing
from sdk import Responses, expect_error


async def test_deleted_thread_is_gone_for_everybody(person, other):
    thread_id = await person.open_thread(other)
    sent = await person.within(thread_id).send_message("hello")
    responses = Responses()
    assert await person.chat.delete_chat_thread(thread_id, **responses.hook) is None
    assert responses.last.status_code == 204
    for someone in (person, other):
        thread = someone.within(thread_id)
        for call in (
            thread.get_properties(), thread.list_messages(), thread.get_message(sent.id), thread.send_message("x"),
            thread.list_participants(), thread.list_read_receipts(), thread.update_topic("x"),
            thread.send_typing_notification(), someone.chat.delete_chat_thread(thread_id),
        ):
            error = await expect_error(call, 404)
            assert error.error.target == "chatThreadId"
        assert await someone.chat.list_chat_threads() == []


async def test_any_participant_may_delete(person, other):
    thread_id = await person.open_thread(other)
    await other.chat.delete_chat_thread(thread_id)
    await expect_error(person.within(thread_id).get_properties(), 404)


async def test_stranger_and_removed_participant_may_not(person, other):
    thread_id = await person.open_thread()
    await expect_error(other.chat.delete_chat_thread(thread_id), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(other.chat.delete_chat_thread(thread_id), 403)
    assert (await person.within(thread_id).get_properties()).id == thread_id


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.chat.delete_chat_thread(thread_id), 404)
