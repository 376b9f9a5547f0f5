"""ChatThread_ListChatParticipants: `list_participants`."""

from chat import missing
from sdk import Responses, expect_error


async def test_everybody_is_listed_in_the_order_of_joining(people):
    everybody = await people(5)
    thread_id = await everybody[0].open_thread(*everybody[1:])
    responses = Responses()
    listed = await everybody[4].within(thread_id).list_participants(**responses.hook)
    assert [each.identifier.raw_id for each in listed] == [person.raw_id for person in everybody]
    assert all(each.display_name is None for each in listed)


async def test_participants_come_in_pages_and_can_be_skipped(people):
    everybody = await people(5)
    ids = [person.raw_id for person in everybody]
    thread = everybody[0].within(await everybody[0].open_thread(*everybody[1:]))
    pages = [page async for page in thread.pages("list_participants", results_per_page=2)]
    assert [[each.identifier.raw_id for each in page] for page in pages] == [ids[:2], ids[2:4], ids[4:]]
    skipped = [page async for page in thread.pages("list_participants", results_per_page=2, skip=3)]
    assert [each.identifier.raw_id for page in skipped for each in page] == ids[3:]


async def test_people_who_come_and_go_between_pages_neither_shift_nor_repeat(people):
    everybody = await people(6)
    thread = everybody[0].within(await everybody[0].open_thread(*everybody[1:5]))
    seen = []
    async for page in thread.pages("list_participants", results_per_page=2):
        seen += [each.identifier.raw_id for each in page]
        await thread.remove_participant(everybody[1].user)
        await thread.add_participants([everybody[5].named()])
    assert seen == [person.raw_id for person in everybody]


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    await expect_error(other.within(thread_id).list_participants(), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(other.within(thread_id).list_participants(), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).list_participants(), 404)
