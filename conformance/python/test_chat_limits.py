"""The bounds of chat: ACS's own under `limits = "acs"`, and the wider ones without."""

import asyncio

import pytest
from azure.core.exceptions import HttpResponseError

from chat import TOPIC, Plain
from harness import running_server
from sdk import Responses, expect_error

ACS = 'limits = "acs"\n'


@pytest.fixture(scope="module")
def acs_server(shared_servers):
    """A server with ACS's limits; its clock stands, so that no rate is ever renewed."""
    with running_server(test_clock=True, settings=ACS) as running:
        yield running


async def fill(person, count, people, of):
    """A thread of `count` participants, added in batches; returns its id."""
    others = await people(count - 1, of=of)
    made = await person.chat.create_chat_thread(TOPIC, thread_participants=[each.named() for each in others[:200]])
    assert made.errors == []
    for start in range(200, len(others), 200):
        batch = [each.named() for each in others[start : start + 200]]
        assert await person.within(made.chat_thread.id).add_participants(batch) == []
    return made.chat_thread.id, others


async def test_251st_participant_is_refused_by_acs_limits(people, acs_server):
    person, late = await people(2, of=acs_server)
    thread_id, _ = await fill(person, 250, people, acs_server)
    thread = person.within(thread_id)
    error = await expect_error(thread.add_participants([late.named()]), 400)
    assert error.error.code == "ThreadParticipantLimitExceeded"
    assert "250" in error.message
    assert len(await thread.list_participants()) == 250
    await expect_error(late.within(thread_id).get_properties(), 403)


async def test_251st_participant_is_welcome_otherwise(people, server):
    person = (await people())[0]
    thread_id, others = await fill(person, 251, people, server)
    pages = [len(page) async for page in others[-1].within(thread_id).pages("list_participants")]
    assert pages == [200, 51]


@pytest.mark.parametrize("count", [20, 21])
async def test_receipts_end_above_twenty_participants_under_acs_limits(people, acs_server, count):
    person = (await people(of=acs_server))[0]
    thread_id, others = await fill(person, count, people, acs_server)
    sent = await person.within(thread_id).send_message("hello")
    reader = others[0].within(thread_id)
    await reader.send_read_receipt(sent.id)
    await reader.send_typing_notification()
    receipts = await person.within(thread_id).list_read_receipts()
    assert len(receipts) == (1 if count == 20 else 0)


async def test_receipts_do_not_end_otherwise(people, server):
    person = (await people())[0]
    thread_id, others = await fill(person, 21, people, server)
    sent = await person.within(thread_id).send_message("hello")
    await others[0].within(thread_id).send_read_receipt(sent.id)
    assert len(await person.within(thread_id).list_read_receipts()) == 1


async def test_metadata_of_a_message_is_smaller_under_acs_limits(people, acs_server, server):
    for of, allowed in ((acs_server, False), (server, True)):
        person = (await people(of=of))[0]
        thread = person.within(await person.open_thread())
        await thread.send_message("x", metadata={"a": "x" * 1023})
        call = thread.send_message("x", metadata={"a": "x" * 1024})
        if allowed:
            await call
        else:
            await expect_error(call, 400)


@pytest.mark.parametrize("days", [29, 91])
async def test_days_of_retention_are_acs_own_under_its_limits(people, acs_server, server, days):
    body = {"topic": TOPIC, "retentionPolicy": {"kind": "threadCreationDate", "deleteThreadAfterDays": days}}
    for of, status in ((acs_server, 400), (server, 201)):
        answer = await Plain((await people(of=of))[0])("POST", "/chat/threads", body)
        assert answer.status_code == status, answer.text


async def test_eleventh_message_of_ten_seconds_is_refused_by_acs_limits(people, acs_server):
    person, other = await people(2, of=acs_server, retry_total=0)
    thread_id = await person.open_thread(other)
    thread = person.within(thread_id)
    for number in range(10):
        await thread.send_message(str(number))
    for late in (thread, other.within(thread_id)):  # The limit is the thread's.
        responses = Responses()
        with pytest.raises(HttpResponseError) as raised:
            await late.send_message("one too many", **responses.hook)
        assert raised.value.status_code == 429
        assert raised.value.error.code == "TooManyRequests"
        assert int(raised.value.response.headers["Retry-After"]) >= 1
    elsewhere = person.within(await person.open_thread())
    await elsewhere.send_message("another thread has its own")


async def test_hundred_messages_at_once_are_taken_otherwise(person):
    thread = person.within(await person.open_thread())
    sent = await asyncio.gather(*(thread.send_message(str(number)) for number in range(100)))
    assert len({each.id for each in sent}) == 100
