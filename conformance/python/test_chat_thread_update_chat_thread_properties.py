"""ChatThread_UpdateChatThreadProperties: `update_topic`. Metadata and retention have no method in this SDK."""

import pytest

from chat import missing, system_messages
from sdk import Responses, expect_error


async def test_topic_changes_and_the_thread_says_so(shared, person, other):
    mine, theirs = shared
    responses = Responses()
    assert await theirs.update_topic("Dinner 😀", **responses.hook) is None
    assert responses.last.status_code == 204
    assert responses.last_request.headers["Content-Type"] == "application/merge-patch+json"
    assert (await mine.get_properties()).topic == "Dinner 😀"
    newest = system_messages(await mine.list_messages())[0]
    assert (newest.type, newest.content.topic) == ("topicUpdated", "Dinner 😀")
    assert newest.content.initiator.raw_id == other.raw_id
    assert (await person.chat.list_chat_threads())[0].topic == "Dinner 😀"


@pytest.mark.parametrize("topic", ["", " ", "x" * 1001], ids=["empty", "blank", "long"])
async def test_topic_that_says_nothing_or_too_much_is_refused(thread, topic):
    error = await expect_error(thread.update_topic(topic), 400)
    assert error.error.target == "topic"


async def test_nothing_to_change_changes_nothing(thread):
    before = [message.id for message in await thread.list_messages()]
    await thread.update_topic()
    assert [message.id for message in await thread.list_messages()] == before


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    await expect_error(other.within(thread_id).update_topic("x"), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(other.within(thread_id).update_topic("x"), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).update_topic("x"), 404)
