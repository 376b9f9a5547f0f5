"""Chat_ListChatThreads: `list_chat_threads`."""

from datetime import timedelta

import pytest

from sdk import expect_error


async def test_threads_come_newest_first_with_their_last_message(person):
    ids = [await person.open_thread(topic=f"Topic {number}") for number in range(3)]
    await person.within(ids[0]).send_message("hello")
    listed = await person.chat.list_chat_threads()
    assert [thread.id for thread in listed] == ids[::-1]
    assert [thread.topic for thread in listed] == ["Topic 2", "Topic 1", "Topic 0"]
    for thread in listed:
        assert thread.deleted_on is None
        newest = (await person.within(thread.id).list_messages())[0]
        assert thread.last_message_received_on == newest.created_on


async def test_nobody_else_and_nobody_removed_sees_a_thread(person, other):
    kept, left = await person.open_thread(other), await person.open_thread(other)
    await person.open_thread()
    await person.within(left).remove_participant(other.user)
    assert [thread.id for thread in await other.chat.list_chat_threads()] == [kept]


async def test_deleted_thread_is_not_listed(person):
    kept, deleted = await person.open_thread(), await person.open_thread()
    await person.chat.delete_chat_thread(deleted)
    assert [thread.id for thread in await person.chat.list_chat_threads()] == [kept]


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_every_page_has_what_was_asked_for(person, size):
    ids = [await person.open_thread() for _ in range(5)]
    pages = [page async for page in person.chat.pages("list_chat_threads", results_per_page=size)]
    assert [len(page) for page in pages] == [size] * (5 // size) + ([5 % size] if 5 % size else [])
    assert [thread.id for page in pages for thread in page] == ids[::-1]


async def test_threads_made_and_joined_between_pages_neither_shift_nor_repeat(person, other):
    ids = [await person.open_thread() for _ in range(4)]
    seen = []
    async for page in person.chat.pages("list_chat_threads", results_per_page=1):
        seen += [thread.id for thread in page]
        await person.open_thread()
        await other.open_thread(person)
    assert seen == ids[::-1]


async def test_start_time_leaves_out_what_is_older(people, own_server):
    person = (await people(of=own_server))[0]
    quiet, lively = await person.open_thread(), await person.open_thread()
    now = own_server.advance_clock(3600)
    await person.within(lively).send_message("still here")
    new = await person.open_thread()
    listed = await person.chat.list_chat_threads(start_time=now - timedelta(minutes=5))
    assert [thread.id for thread in listed] == [new, lively]
    everything = await person.chat.list_chat_threads(start_time=now - timedelta(hours=2))
    assert [thread.id for thread in everything] == [new, lively, quiet]


@pytest.mark.parametrize("size", [0, -1])
async def test_page_of_nothing_is_refused(person, size):
    await expect_error(person.chat.list_chat_threads(results_per_page=size), 400)
