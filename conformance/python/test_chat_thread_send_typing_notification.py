"""ChatThread_SendTypingNotification: `send_typing_notification`."""

from chat import missing
from sdk import Responses, expect_error


async def test_typing_is_taken_and_leaves_nothing(shared):
    mine, theirs = shared
    before = [message.id for message in await theirs.list_messages()]
    for options in ({}, {"sender_display_name": "Ada"}):
        responses = Responses()
        assert await mine.send_typing_notification(**options, **responses.hook) is None
        assert responses.last.status_code == 200
    assert [message.id for message in await theirs.list_messages()] == before


async def test_name_that_is_too_long_is_refused(thread):
    await expect_error(thread.send_typing_notification(sender_display_name="x" * 257), 400)


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    await expect_error(other.within(thread_id).send_typing_notification(), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(other.within(thread_id).send_typing_notification(), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).send_typing_notification(), 404)
