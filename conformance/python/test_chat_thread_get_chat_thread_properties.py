"""ChatThread_GetChatThreadProperties: `get_properties`."""

from chat import TOPIC, missing
from sdk import Responses, expect_error


async def test_thread_is_what_it_was_made_as(person, other):
    made = (await person.chat.create_chat_thread(TOPIC, thread_participants=[other.named()])).chat_thread
    for someone in (person, other):
        responses = Responses()
        read = await someone.within(made.id).get_properties(**responses.hook)
        assert responses.last.status_code == 200
        assert (read.id, read.topic, read.created_on) == (made.id, TOPIC, made.created_on)
        assert read.created_by.raw_id == person.raw_id


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    await expect_error(other.within(thread_id).get_properties(), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(other.within(thread_id).get_properties(), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        error = await expect_error(person.within(thread_id).get_properties(), 404)
        assert error.error.target == "chatThreadId"


async def test_thread_of_another_resource_is_not_found(person, people, own_server):
    there = (await people(of=own_server))[0]
    thread_id = await there.open_thread()
    await expect_error(person.within(thread_id).get_properties(), 404)
