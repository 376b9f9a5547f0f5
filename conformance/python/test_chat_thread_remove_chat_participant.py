"""ChatThread_RemoveChatParticipant: `remove_participant`."""

from azure.communication.chat import CommunicationUserIdentifier

from chat import missing, system_messages
from sdk import Responses, expect_error, new_identifier


async def test_removed_participant_is_gone_and_the_thread_says_so(shared, person, other):
    mine, theirs = shared
    responses = Responses()
    assert await mine.remove_participant(other.user, **responses.hook) is None
    assert responses.last.status_code == 204
    assert [each.identifier.raw_id for each in await mine.list_participants()] == [person.raw_id]
    newest = system_messages(await mine.list_messages())[0]
    assert (newest.type, newest.content.initiator.raw_id) == ("participantRemoved", person.raw_id)
    assert [each.identifier.raw_id for each in newest.content.participants] == [other.raw_id]
    await expect_error(theirs.send_message("x"), 403)


async def test_one_can_leave(shared, person, other):
    mine, theirs = shared
    await theirs.remove_participant(other.user)
    assert [each.identifier.raw_id for each in await mine.list_participants()] == [person.raw_id]
    await expect_error(theirs.send_message("x"), 403)


async def test_creator_can_be_removed(shared, person, other):
    mine, theirs = shared
    await theirs.remove_participant(person.user)
    await expect_error(mine.send_message("x"), 403)
    assert (await theirs.get_properties()).created_by.raw_id == person.raw_id


async def test_removing_somebody_who_is_not_there_changes_nothing(shared, other, server):
    mine, _ = shared
    await mine.remove_participant(other.user)
    before = len(await mine.list_messages())
    await mine.remove_participant(other.user)
    await mine.remove_participant(CommunicationUserIdentifier(new_identifier(server.resource_id)))
    assert len(await mine.list_messages()) == before


async def test_strangers_are_refused(thread, person, other):
    stranger = other.within((await thread.get_properties()).id)
    await expect_error(stranger.remove_participant(person.user), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).remove_participant(person.user), 404)
