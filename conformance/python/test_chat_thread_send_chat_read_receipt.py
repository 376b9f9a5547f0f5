"""ChatThread_SendChatReadReceipt: `send_read_receipt`."""

import pytest

from chat import missing
from sdk import Responses, expect_error


async def test_receipt_names_reader_message_and_time(shared, other):
    mine, theirs = shared
    sent = await mine.send_message("hello")
    assert await mine.list_read_receipts() == []
    responses = Responses()
    assert await theirs.send_read_receipt(sent.id, **responses.hook) is None
    assert responses.last.status_code == 200
    for thread in shared:
        (receipt,) = await thread.list_read_receipts()
        assert (receipt.sender.raw_id, receipt.chat_message_id) == (other.raw_id, sent.id)
        assert receipt.read_on.tzinfo is not None


async def test_newest_read_message_counts(shared):
    mine, theirs = shared
    first, second = await mine.send_message("1"), await mine.send_message("2")
    await theirs.send_read_receipt(second.id)
    await theirs.send_read_receipt(first.id)
    assert [receipt.chat_message_id for receipt in await mine.list_read_receipts()] == [second.id]


async def test_own_message_can_be_read_and_everybody_has_one_receipt(shared, person, other):
    mine, theirs = shared
    sent = await mine.send_message("1")
    for thread in (mine, theirs, mine):
        await thread.send_read_receipt(sent.id)
    receipts = await mine.list_read_receipts()
    assert {receipt.sender.raw_id for receipt in receipts} == {person.raw_id, other.raw_id}
    assert len(receipts) == 2


@pytest.mark.parametrize("message_id", ["1", "abc", "-1", "9" * 30])
async def test_unknown_message_is_not_found(thread, message_id):
    await expect_error(thread.send_read_receipt(message_id), 404)


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    sent = await person.within(thread_id).send_message("x")
    stranger = other.within(thread_id)
    await expect_error(stranger.send_read_receipt(sent.id), 403)
    await person.within(thread_id).add_participants([other.named()])
    await person.within(thread_id).remove_participant(other.user)
    await expect_error(stranger.send_read_receipt(sent.id), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).send_read_receipt("1"), 404)
