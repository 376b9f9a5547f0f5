"""ChatThread_ListChatReadReceipts: `list_read_receipts`."""

from chat import missing
from sdk import Responses, expect_error


async def test_nobody_has_read_a_new_thread(thread):
    responses = Responses()
    assert await thread.list_read_receipts(**responses.hook) == []
    assert responses.last.status_code == 200


async def test_receipts_come_in_pages_and_can_be_skipped(people):
    everybody = await people(5)
    thread_id = await everybody[0].open_thread(*everybody[1:])
    sent = await everybody[0].within(thread_id).send_message("hello")
    for person in everybody:
        await person.within(thread_id).send_read_receipt(sent.id)
    thread = everybody[0].within(thread_id)
    pages = [page async for page in thread.pages("list_read_receipts", results_per_page=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    readers = [receipt.sender.raw_id for page in pages for receipt in page]
    assert sorted(readers) == sorted(person.raw_id for person in everybody)
    skipped = [page async for page in thread.pages("list_read_receipts", results_per_page=2, skip=1)]
    assert [receipt.sender.raw_id for page in skipped for receipt in page] == readers[1:]


async def test_receipt_of_somebody_removed_is_not_listed(shared, person, other):
    mine, theirs = shared
    sent = await mine.send_message("x")
    await theirs.send_read_receipt(sent.id)
    await mine.send_read_receipt(sent.id)
    await mine.remove_participant(other.user)
    assert [receipt.sender.raw_id for receipt in await mine.list_read_receipts()] == [person.raw_id]


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    await expect_error(other.within(thread_id).list_read_receipts(), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(other.within(thread_id).list_read_receipts(), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).list_read_receipts(), 404)
