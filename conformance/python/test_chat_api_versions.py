"""Every api-version of chat a customer's SDK may ask for, and what becomes of one nobody published."""

import pytest

from chat import Plain, contents
from sdk import Responses, expect_error

VERSIONS = ["2021-09-07", "2024-03-07", "2024-06-05-preview", "2025-03-15"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_whole_life_of_a_thread_in_every_version(people, version):
    person, other = await people(2, api_version=version)
    responses = Responses()
    made = await person.chat.create_chat_thread("Lunch", thread_participants=[other.named("Bob")], **responses.hook)
    assert f"api-version={version}" in responses.last_request.url
    mine, theirs = person.within(made.chat_thread.id), other.within(made.chat_thread.id)
    sent = await mine.send_message("<b>x</b>", chat_message_type="html", metadata={"a": "1"})
    await theirs.send_read_receipt(sent.id)
    await theirs.send_typing_notification()
    await mine.update_message(sent.id, "<b>y</b>")
    read = await theirs.get_message(sent.id)
    assert (read.content.message, read.metadata) == ("<b>y</b>", {"a": "1"})
    assert [receipt.chat_message_id for receipt in await mine.list_read_receipts()] == [sent.id]
    assert [each.display_name for each in await theirs.list_participants()] == [None, "Bob"]
    await mine.update_topic("Dinner")
    assert [thread.topic for thread in await other.chat.list_chat_threads()] == ["Dinner"]
    await mine.delete_message(sent.id)
    assert contents(await theirs.list_messages()) == [""]
    await mine.remove_participant(other.user)
    await mine.add_participants([other.named()])
    await person.chat.delete_chat_thread(made.chat_thread.id)
    await expect_error(theirs.get_properties(), 404)


@pytest.mark.parametrize("version", ["1999-01-01", "nonsense"])
async def test_unpublished_version_is_refused(people, version):
    person = (await people(api_version=version))[0]
    await expect_error(person.chat.list_chat_threads(), 400)


async def test_fields_appear_with_the_version_that_has_them(person, other):
    policy = {"kind": "threadCreationDate", "deleteThreadAfterDays": 30}
    participant = {"communicationIdentifier": {"rawId": other.raw_id}, "metadata": {"role": "guest"}}
    body = {"topic": "Lunch", "metadata": {"a": "1"}, "retentionPolicy": policy, "participants": [participant]}
    made = (await Plain(person, "2025-03-15")("POST", "/chat/threads", body)).json()["chatThread"]
    path = f"/chat/threads/{made['id']}"
    for version in VERSIONS:
        thread = (await Plain(person, version)("GET", path)).json()
        guest = (await Plain(person, version)("GET", f"{path}/participants")).json()["value"][1]
        known = version >= "2024-06-05"
        assert thread.get("metadata") == ({"a": "1"} if known else None), version
        assert thread.get("retentionPolicy") == (policy if known else None), version
        assert guest.get("metadata") == ({"role": "guest"} if known else None), version
