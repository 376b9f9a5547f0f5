"""ChatThread_ListChatMessages: `list_messages`."""

from datetime import timedelta

import pytest

from chat import contents, missing, system_messages
from sdk import expect_error


async def test_newest_comes_first(thread):
    for number in range(5):
        await thread.send_message(str(number))
    messages = await thread.list_messages()
    assert contents(messages) == ["4", "3", "2", "1", "0"]
    assert [message.sequence_id for message in messages] == ["7", "6", "5", "4", "3", "2", "1"]


@pytest.mark.parametrize("size", [1, 3, 200])
async def test_every_page_has_what_was_asked_for(thread, size):
    for number in range(7):
        await thread.send_message(str(number))
    pages = [page async for page in thread.pages("list_messages", results_per_page=size)]
    assert [len(page) for page in pages] == [size] * (9 // size) + ([9 % size] if 9 % size else [])
    assert contents(message for page in pages for message in page) == ["6", "5", "4", "3", "2", "1", "0"]


async def test_messages_sent_between_pages_neither_shift_nor_repeat(shared):
    mine, theirs = shared
    for number in range(9):
        await mine.send_message(str(number))
    seen = []
    async for page in mine.pages("list_messages", results_per_page=2):
        seen += page
        await theirs.send_message("meanwhile")
        await theirs.send_message("and once more")
    assert contents(seen) == [str(number) for number in range(8, -1, -1)]
    assert len({message.id for message in seen}) == len(seen)


async def test_edits_between_pages_lose_nothing(shared):
    """An edited message moves to the front, behind the reader: it comes again rather than never."""
    mine, theirs = shared
    sent = [(await mine.send_message(str(number))).id for number in range(9)]
    seen = []
    async for page in theirs.pages("list_messages", results_per_page=2):
        seen += page
        if len(seen) == 2:
            await mine.update_message(sent[0], "edited")
            await mine.delete_message(sent[1])
    assert set(sent) <= {message.id for message in seen}
    newest = {message.id: message for message in sorted(seen, key=lambda message: int(message.version))}
    assert newest[sent[0]].content.message == "edited"
    assert newest[sent[1]].deleted_on is not None
    untouched = [message.id for message in seen if message.id in sent[2:]]
    assert untouched == sent[:1:-1]


async def test_start_time_leaves_out_what_is_older(people, own_server):
    person = (await people(of=own_server))[0]
    thread = person.within(await person.open_thread())
    old = await thread.send_message("old")
    now = own_server.advance_clock(3600)
    await thread.send_message("new")
    listed = await thread.list_messages(start_time=now - timedelta(minutes=1))
    assert contents(listed) == ["new"]
    assert system_messages(listed) == []
    await thread.update_message(old.id, "old, edited now")
    assert contents(await thread.list_messages(start_time=now - timedelta(minutes=1))) == ["old, edited now", "new"]
    assert len(await thread.list_messages(start_time=now - timedelta(hours=2))) == 4


async def test_history_begins_with_what_is_shared(people, own_server):
    person, late, later = await people(3, of=own_server)
    thread = person.within(await person.open_thread())
    before = await thread.send_message("before")
    joined = own_server.advance_clock(60)
    await thread.send_message("after")
    await thread.add_participants([late.named(since=joined), later.named()])
    seen = late.within((await thread.get_properties()).id)
    assert contents(await seen.list_messages()) == ["after"]
    await expect_error(seen.get_message(before.id), 404)
    everything = later.within((await thread.get_properties()).id)
    assert contents(await everything.list_messages()) == ["after", "before"]


async def test_removed_participant_keeps_what_they_saw(person, other):
    thread_id = await person.open_thread(other)
    mine, theirs = person.within(thread_id), other.within(thread_id)
    before = await mine.send_message("before")
    await mine.remove_participant(other.user)
    after = await mine.send_message("after")
    assert contents(await theirs.list_messages()) == ["before"]
    assert (await theirs.get_message(before.id)).content.message == "before"
    await expect_error(theirs.get_message(after.id), 404)


async def test_strangers_are_refused(thread, other):
    stranger = other.within((await thread.get_properties()).id)
    await expect_error(stranger.list_messages(), 403)


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).list_messages(), 404)


@pytest.mark.parametrize("size", [0, -1])
async def test_page_of_nothing_is_refused(thread, size):
    await expect_error(thread.list_messages(results_per_page=size), 400)
