"""Chat_CreateChatThread: `create_chat_thread`."""

import asyncio
import re
import uuid
from datetime import datetime, timezone
from urllib.parse import quote

import pytest
from azure.communication.chat import ChatParticipant, CommunicationUserIdentifier

from chat import TOPIC, contents, system_messages
from sdk import Responses, expect_error, new_identifier

ALL_HISTORY = datetime(1970, 1, 1, tzinfo=timezone.utc)


async def test_thread_has_what_was_asked_for(person, server):
    responses = Responses()
    made = await person.chat.create_chat_thread("Mittag für 3 😀", **responses.hook)
    assert responses.last.status_code == 201
    thread = made.chat_thread
    assert re.fullmatch(r"19:[A-Za-z0-9_-]{43}1@thread\.v2", thread.id)
    assert thread.topic == "Mittag für 3 😀"
    assert thread.created_by.raw_id == person.raw_id
    assert thread.created_on.tzinfo is not None
    assert made.errors == []
    expected = f"{server.endpoint.rstrip('/')}/chat/threads/{quote(thread.id, safe='')}"
    assert responses.last.headers["Location"] == expected


async def test_creator_takes_part_with_the_name_of_their_own_entry(person, other):
    made = await person.chat.create_chat_thread(
        TOPIC, thread_participants=[other.named("Bob"), person.named("Ada")]
    )
    participants = await person.within(made.chat_thread.id).list_participants()
    seen = [(each.identifier.raw_id, each.display_name, each.share_history_time) for each in participants]
    assert seen == [(person.raw_id, "Ada", ALL_HISTORY), (other.raw_id, "Bob", ALL_HISTORY)]


async def test_thread_begins_with_what_happened(person, other):
    thread_id = await person.open_thread(other)
    messages = await other.within(thread_id).list_messages()
    assert contents(messages) == []
    topic, added = system_messages(messages)
    assert (topic.type, topic.sequence_id, topic.content.topic) == ("topicUpdated", "2", TOPIC)
    assert (added.type, added.sequence_id) == ("participantAdded", "1")
    assert {each.identifier.raw_id for each in added.content.participants} == {person.raw_id, other.raw_id}
    for message in (topic, added):
        assert message.content.initiator.raw_id == person.raw_id
        assert (message.sender, message.sender_display_name) == (None, None)


async def test_participants_who_cannot_be_added_are_named_and_the_others_added(person, other, server):
    strangers = {
        new_identifier(server.resource_id): "404",
        new_identifier(str(uuid.uuid4())): "403",
    }
    unknown = [ChatParticipant(identifier=CommunicationUserIdentifier(raw_id)) for raw_id in strangers]
    made = await person.chat.create_chat_thread(TOPIC, thread_participants=[*unknown, other.named()])
    found = {participant.identifier.raw_id: error for participant, error in made.errors}
    assert {raw_id: error.code for raw_id, error in found.items()} == strangers
    assert all(error.message for error in found.values())
    listed = await person.within(made.chat_thread.id).list_participants()
    assert [each.identifier.raw_id for each in listed] == [person.raw_id, other.raw_id]


async def test_same_token_gives_the_same_thread(person):
    token = str(uuid.uuid4())
    first = await person.chat.create_chat_thread(TOPIC, idempotency_token=token)
    second = await person.chat.create_chat_thread(TOPIC, idempotency_token=token)
    assert second.chat_thread.id == first.chat_thread.id
    assert len(await person.chat.list_chat_threads()) == 1
    assert (await person.within(first.chat_thread.id).list_messages())[0].sequence_id == "2"


async def test_callers_at_once_with_one_token_get_one_thread(person):
    token = str(uuid.uuid4())
    calls = (person.chat.create_chat_thread(TOPIC, idempotency_token=token) for _ in range(6))
    made = await asyncio.gather(*calls)
    assert len({each.chat_thread.id for each in made}) == 1


async def test_other_tokens_and_other_people_get_other_threads(person, other):
    token = str(uuid.uuid4())
    made = [
        await person.chat.create_chat_thread(TOPIC, idempotency_token=token),
        await person.chat.create_chat_thread(TOPIC, idempotency_token=str(uuid.uuid4())),
        await person.chat.create_chat_thread(TOPIC),
        await other.chat.create_chat_thread(TOPIC, idempotency_token=token),
    ]
    assert len({each.chat_thread.id for each in made}) == 4


async def test_other_body_under_the_same_token_is_refused(person):
    token = str(uuid.uuid4())
    await person.chat.create_chat_thread(TOPIC, idempotency_token=token)
    await expect_error(person.chat.create_chat_thread("Dinner", idempotency_token=token), 400)


@pytest.mark.parametrize("topic", [" ", "\t\n", "x" * 1001], ids=["blank", "lines", "long"])
async def test_topic_that_says_nothing_or_too_much_is_refused(person, topic):
    error = await expect_error(person.chat.create_chat_thread(topic), 400)
    assert error.error.target == "topic"


async def test_more_participants_at_once_than_a_batch_are_refused(person, server):
    users = (CommunicationUserIdentifier(new_identifier(server.resource_id)) for _ in range(201))
    participants = [ChatParticipant(identifier=user) for user in users]
    error = await expect_error(person.chat.create_chat_thread(TOPIC, thread_participants=participants), 400)
    assert error.error.target == "participants"
    assert await person.chat.list_chat_threads() == []
    assert len((await person.chat.create_chat_thread(TOPIC, thread_participants=participants[:200])).errors) == 200


async def test_name_that_is_too_long_is_refused(person, other):
    for name, allowed in (("ü" * 256, True), ("ü" * 257, False)):
        call = person.chat.create_chat_thread(TOPIC, thread_participants=[other.named(name)])
        if allowed:
            assert (await call).errors == []
        else:
            await expect_error(call, 400)
