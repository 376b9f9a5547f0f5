"""Retention and metadata of threads, which this language's SDK has no method for."""

import pytest

from chat import Plain, path_of, until
from sdk import expect_error

MERGE_PATCH = "application/merge-patch+json"
DAY_SECONDS = 24 * 60 * 60


def after(days) -> dict:
    """The policy that deletes a thread so many days after it was made."""
    return {"kind": "threadCreationDate", "deleteThreadAfterDays": days}


async def test_metadata_is_merged_and_retention_replaced(person):
    plain = Plain(person)
    body = {"topic": "Lunch", "metadata": {"keep": "1", "change": "2", "empty": "3", "null": "4"}}
    made = (await plain("POST", "/chat/threads", body)).json()["chatThread"]
    assert made["retentionPolicy"] == {"kind": "none"}
    path = path_of(made["id"])
    patch = {"metadata": {"change": "x", "empty": "", "null": None, "new": "y"}}
    assert (await plain("PATCH", path, patch, kind=MERGE_PATCH)).status_code == 204
    assert (await plain("PATCH", path, {"retentionPolicy": after(60)}, kind=MERGE_PATCH)).status_code == 204
    thread = (await plain("GET", path)).json()
    assert (thread["topic"], thread["retentionPolicy"]) == ("Lunch", after(60))
    assert thread["metadata"] == {"keep": "1", "change": "x", "new": "y"}
    assert (await plain("PATCH", path, {"retentionPolicy": {"kind": "none"}}, kind=MERGE_PATCH)).status_code == 204
    assert (await plain("GET", path)).json()["retentionPolicy"] == {"kind": "none"}


@pytest.mark.parametrize(
    "policy",
    [after(0), after(-30), after(3651), after("30"), {"kind": "threadCreationDate"}, {"kind": "someday"}, {}],
    ids=str,
)
async def test_retention_nobody_can_mean_is_refused(person, policy):
    answer = await Plain(person)("POST", "/chat/threads", {"topic": "Lunch", "retentionPolicy": policy})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert await person.chat.list_chat_threads() == []


async def test_thread_deletes_itself_on_time(people, own_server):
    person = (await people(of=own_server))[0]

    def days_pass(count):
        """Moves the clock; a token lives for a day at most, so there is a new one after that."""
        own_server.advance_clock(count * DAY_SECONDS)
        person.token = own_server.command("token", "issue", person.raw_id, "--scope", "chat")["token"]
        return person.client()

    body = {"topic": "Lunch", "retentionPolicy": after(30)}
    thread_id = (await Plain(person)("POST", "/chat/threads", body)).json()["chatThread"]["id"]
    chat = days_pass(29)
    assert [thread.id for thread in await chat.list_chat_threads()] == [thread_id]
    chat = days_pass(1)

    async def is_gone():
        return await chat.list_chat_threads() == []

    await until(is_gone)
    await expect_error(person.within(thread_id).get_properties(), 404)
