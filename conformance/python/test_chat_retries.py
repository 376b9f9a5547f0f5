"""The chat SDK's retries when attempts fail on the way, with the server behind them."""

import pytest
from azure.core.exceptions import HttpResponseError

from chat import TOPIC, contents
from faults import AsyncFaultyTransport, Fault, FaultyTransport


@pytest.fixture
def faulty(flavour, fault_server):
    """A function that makes the transport whose first attempts fail as listed."""

    def make(*faults):
        return (FaultyTransport if flavour == "sync" else AsyncFaultyTransport)(fault_server, faults)

    return make


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_message_arrives_once_after_failures_on_the_way(person, faulty, status):
    thread_id = await person.open_thread()
    transport = faulty(Fault(status), Fault(status), Fault(status))
    await person.within(thread_id, transport=transport).send_message("hello")
    assert len(transport.script.attempts) == 4
    assert contents(await person.within(thread_id).list_messages()) == ["hello"]


async def test_lost_answer_makes_no_second_thread(person, faulty):
    transport = faulty(Fault(503, answer_lost=True), Fault(500), Fault(504, answer_lost=True))
    made = await person.client(transport=transport).create_chat_thread(TOPIC)
    attempts = transport.script.attempts
    assert len(attempts) == 4
    assert len({attempt["repeatability-request-id"] for attempt in attempts}) == 1
    assert [thread.id for thread in await person.chat.list_chat_threads()] == [made.chat_thread.id]


async def test_work_done_before_the_failure_does_no_harm(person, other, faulty):
    """The server did it and the answer was lost: asking again must find a state it can work with."""
    thread_id = await person.open_thread()
    sent = await person.within(thread_id).send_message("x")
    for name, arguments in (
        ("update_topic", ["Dinner"]), ("update_message", [sent.id, "y"]), ("send_read_receipt", [sent.id]),
        ("send_typing_notification", []), ("add_participants", [[other.named()]]),
        ("remove_participant", [other.user]), ("delete_message", [sent.id]),
    ):
        transport = faulty(Fault(503, answer_lost=True))
        await getattr(person.within(thread_id, transport=transport), name)(*arguments)
        assert len(transport.script.attempts) == 2, name


async def test_waits_the_server_asks_for_are_kept(person, faulty):
    thread_id = await person.open_thread()
    transport = faulty(Fault(429, retry_after="7"), Fault(503, retry_after="2"))
    await person.within(thread_id, transport=transport).send_message("hello")
    assert transport.script.waits_seconds == [7, 2]


async def test_errors_without_end_reach_the_caller(person, faulty):
    thread_id = await person.open_thread()
    transport = faulty(*[Fault(503)] * 10)
    with pytest.raises(HttpResponseError) as raised:
        await person.within(thread_id, transport=transport).send_message("hello")
    assert raised.value.status_code == 503
    assert contents(await person.within(thread_id).list_messages()) == []


async def test_permanent_refusal_is_asked_for_once(person, other, faulty):
    thread_id = await other.open_thread()
    transport = faulty()
    with pytest.raises(HttpResponseError) as raised:
        await person.within(thread_id, transport=transport).send_message("hello")
    assert (raised.value.status_code, len(transport.script.attempts)) == (403, 1)
