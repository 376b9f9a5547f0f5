"""ChatThread_SendChatMessage: `send_message`."""

import asyncio
from urllib.parse import quote

import pytest
from azure.communication.chat import ChatMessageType

from chat import contents, missing
from sdk import Responses, expect_error

MESSAGE_BYTES_MAX = 28 * 1024


async def test_message_arrives_as_it_was_sent(shared, person, server):
    mine, theirs = shared
    responses = Responses()
    text = "Grüße 😀 <b>not html</b> \"quoted\" \\ %41\nsecond line"
    options = {"sender_display_name": "Ada", "metadata": {"tag": "ü", "empty": ""}}
    sent = await mine.send_message(text, **options, **responses.hook)
    assert responses.last.status_code == 201
    thread_id = quote((await mine.get_properties()).id, safe="")
    expected = f"{server.endpoint.rstrip('/')}/chat/threads/{thread_id}/messages/{sent.id}"
    assert responses.last.headers["Location"] == expected
    read = await theirs.get_message(sent.id)
    assert (read.id, read.type, read.content.message) == (sent.id, "text", text)
    assert (read.sender.raw_id, read.sender_display_name) == (person.raw_id, "Ada")
    assert read.metadata == {"tag": "ü", "empty": ""}
    assert (read.version, read.sequence_id) == (sent.id, "3")
    # An id is the time, moved on where the thread has that one already: here, by its first two messages.
    assert 0 <= int(sent.id) - int(read.created_on.timestamp() * 1000) <= 2
    assert (read.edited_on, read.deleted_on, read.content.attachments) == (None, None, [])


async def test_text_is_the_default_and_no_name_is_an_empty_one(thread):
    sent = await thread.send_message("hello")
    read = await thread.get_message(sent.id)
    assert (read.type, read.sender_display_name) == ("text", "")


@pytest.mark.parametrize("kind", [ChatMessageType.TEXT, "text", ChatMessageType.HTML, "html"], ids=str)
async def test_both_kinds_are_kept(thread, kind):
    sent = await thread.send_message("<p>hello</p>", chat_message_type=kind)
    read = await thread.get_message(sent.id)
    assert (read.type, read.content.message) == (ChatMessageType(kind), "<p>hello</p>")


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<p>Hello <b>you</b></p>", "<p>Hello <b>you</b></p>"),
        ("a<script>alert(1)</script>b", "ab"),
        ("<p onclick=\"alert(1)\">x</p>", "<p>x</p>"),
        ("<img src=x onerror=alert(1)>y", "<img>y"),
        ("<a href=\"javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<a href=\"data:text/html,x\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
        ("<svg onload=alert(1)></svg>z", "z"),
        ("<iframe src=\"https://example.com\"></iframe>z", "z"),
        ("<style>*{display:none}</style>z", "z"),
    ],
)
async def test_html_is_cleaned(thread, html, clean):
    sent = await thread.send_message(html, chat_message_type="html")
    assert (await thread.get_message(sent.id)).content.message == clean


@pytest.mark.parametrize("text", ["x" * MESSAGE_BYTES_MAX, "ü" * (MESSAGE_BYTES_MAX // 2)], ids=["ASCII", "two bytes"])
async def test_largest_message_is_taken_and_one_byte_more_refused(thread, text):
    sent = await thread.send_message(text)
    assert (await thread.get_message(sent.id)).content.message == text
    error = await expect_error(thread.send_message(text + "x"), 413)
    assert error.error.code == "MessageSizeExceeded"
    assert "28672" in error.message


# aiohttp thinks it is a mistake.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_message_far_too_large_for_any_request_is_refused_in_words(thread):
    error = await expect_error(thread.send_message("x" * 4_000_000), 413)
    assert error.error.code == "RequestBodyTooLarge"
    await thread.send_message("the connection is as good as before")


@pytest.mark.parametrize("kind", ["text", "html"])
@pytest.mark.parametrize("content", [" ", "\n\t"], ids=repr)
async def test_blank_message_is_refused(thread, kind, content):
    error = await expect_error(thread.send_message(content, chat_message_type=kind), 400)
    assert error.error.target == "content"


async def test_html_that_shows_nothing_once_clean_is_refused(thread):
    await expect_error(thread.send_message("<script>alert(1)</script>", chat_message_type="html"), 400)


async def test_html_that_becomes_endless_is_refused(thread):
    """Every paragraph repeats each element that was left open before it: 28 KB would become a million elements."""
    html = "".join(f"<font color={number}><p>" for number in range(1500))[: MESSAGE_BYTES_MAX - 1]
    error = await expect_error(thread.send_message(html, chat_message_type="html"), 400)
    assert error.error.target == "content"
    assert contents(await thread.list_messages()) == []
    await thread.send_message(html, chat_message_type="text")


async def test_metadata_is_bounded(thread):
    await thread.send_message("x", metadata={"a": "x" * 1023})
    await expect_error(thread.send_message("x", metadata={"a": "x" * 8192}), 400)
    await expect_error(thread.send_message("x", metadata={"": "x"}), 400)
    await expect_error(thread.send_message("x", sender_display_name="x" * 257), 400)


async def test_messages_sent_at_once_all_arrive_in_one_order(shared):
    mine, theirs = shared
    texts = [f"message {number}" for number in range(20)]
    senders = (thread.send_message(text) for text, thread in zip(texts, [mine, theirs] * 10))
    sent = await asyncio.gather(*senders)
    assert len({each.id for each in sent}) == 20
    seen = [await thread.list_messages() for thread in shared]
    assert [message.id for message in seen[0]] == [message.id for message in seen[1]]
    sequences = [int(message.sequence_id) for message in seen[0]]
    assert sequences == list(range(22, 0, -1))
    assert sorted(contents(seen[0])) == sorted(texts)


async def test_strangers_and_removed_participants_are_refused(person, other):
    thread_id = await person.open_thread()
    await expect_error(other.within(thread_id).send_message("x"), 403)
    await person.within(thread_id).add_participants([other.named()])
    await other.within(thread_id).send_message("inside")
    await person.within(thread_id).remove_participant(other.user)
    error = await expect_error(other.within(thread_id).send_message("x"), 403)
    assert "not a participant" in error.message
    assert contents(await person.within(thread_id).list_messages()) == ["inside"]


async def test_missing_thread_is_not_found(person):
    for thread_id in await missing(person):
        await expect_error(person.within(thread_id).send_message("x"), 404)
