"""ChatThread_AddChatParticipants: `add_participants`."""

import uuid
from datetime import timedelta

import pytest
from azure.communication.chat import ChatParticipant, CommunicationUserIdentifier

from chat import contents, missing, system_messages
from sdk import Responses, expect_error, new_identifier


async def test_added_participant_takes_part_and_the_thread_says_so(thread, person, other):
    since = (await thread.get_properties()).created_on - timedelta(days=1)
    responses = Responses()
    assert await thread.add_participants([other.named("Bob", since)], **responses.hook) == []
    assert responses.last.status_code == 201
    listed = (await thread.list_participants())[1]
    assert (listed.identifier.raw_id, listed.display_name) == (other.raw_id, "Bob")
    assert abs(listed.share_history_time - since) < timedelta(milliseconds=1)
    newest = system_messages(await thread.list_messages())[0]
    assert (newest.type, newest.content.initiator.raw_id) == ("participantAdded", person.raw_id)
    assert [each.identifier.raw_id for each in newest.content.participants] == [other.raw_id]
    await other.within((await thread.get_properties()).id).send_message("here")


async def test_participants_who_cannot_be_added_are_named_and_the_others_added(thread, other, server):
    strangers = {new_identifier(server.resource_id): "404", new_identifier(str(uuid.uuid4())): "403"}
    participants = [ChatParticipant(identifier=CommunicationUserIdentifier(raw_id)) for raw_id in strangers]
    errors = await thread.add_participants([*participants, other.named()])
    assert {participant.identifier.raw_id: error.code for participant, error in errors} == strangers
    assert len(await thread.list_participants()) == 2


async def test_adding_somebody_again_changes_the_name_and_says_nothing(shared, other):
    mine, theirs = shared
    before = len(await mine.list_messages())
    assert await mine.add_participants([other.named("Robert")]) == []
    assert [each.display_name for each in await mine.list_participants()] == [None, "Robert"]
    assert len(await mine.list_messages()) == before


async def test_removed_participant_can_come_back(person, other):
    thread_id = await person.open_thread(other)
    mine, theirs = person.within(thread_id), other.within(thread_id)
    await mine.remove_participant(other.user)
    await mine.send_message("meanwhile")
    await mine.add_participants([other.named()])
    await theirs.send_message("back")
    assert contents(await theirs.list_messages()) == ["back", "meanwhile"]
    assert [thread.id for thread in await other.chat.list_chat_threads()] == [thread_id]


async def test_any_participant_may_add(shared, people):
    third = (await people())[0]
    await shared[1].add_participants([third.named()])
    assert len(await shared[0].list_participants()) == 3


@pytest.mark.parametrize("raw_id", ["nonsense", "8:acs:x"])
async def test_identifier_of_no_known_form_is_named(thread, raw_id):
    errors = await thread.add_participants([ChatParticipant(identifier=CommunicationUserIdentifier(raw_id))])
    assert [error.code for _, error in errors] == ["403"]
    assert len(await thread.list_participants()) == 1


async def test_more_at_once_than_a_batch_are_refused(thread, server):
    users = (CommunicationUserIdentifier(new_identifier(server.resource_id)) for _ in range(201))
    participants = [ChatParticipant(identifier=user) for user in users]
    error = await expect_error(thread.add_participants(participants), 400)
    assert error.error.target == "participants"
    assert len(await thread.add_participants(participants[:200])) == 200


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    stranger = other.within(thread_id)
    await expect_error(stranger.add_participants([other.named()]), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(stranger.add_participants([other.named()]), 403)


async def test_missing_thread_is_not_found(person, other):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).add_participants([other.named()]), 404)
