"""The image operations of 2024-06-05-preview, which no released SDK of this language has."""

import asyncio
import struct
import zlib

import pytest
import requests

from chat import TIMEOUT_SECONDS, Plain, path_of

PREVIEW = "2024-06-05-preview"
BYTES = "application/octet-stream"


def png(width: int, height: int, rows: bytes | None = None, profile: bytes | None = None) -> bytes:
    """A black picture; with `rows`, one whose data is something else than its header says; `profile` is compressed."""

    def chunk(name, content):
        whole = name + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\0" * width) * height if rows is None else rows
    header = chunk(b"IHDR", header)
    if profile is not None:
        header += chunk(b"iCCP", b"profile\0\0" + profile)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def upload(person, thread_id, content, name="photo.png"):
    """Uploads an image and returns the answer."""
    path = f"{path_of(thread_id)}/images"
    return await Plain(person, PREVIEW)("POST", path, data=content, kind=BYTES, image_filename=name)


async def view(person, thread_id, image_id, size="original", version=PREVIEW):
    """Asks for an image."""
    views = "view" if version == PREVIEW else "views"
    return await Plain(person, version)("GET", f"{path_of(thread_id)}/images/{image_id}/{views}/{size}")


async def send(person, thread_id, *image_ids):
    """Sends a message with images and returns its id."""
    attachments = [{"id": image_id, "attachmentType": "image"} for image_id in image_ids]
    body = {"content": "<p>look</p>", "type": "html", "attachments": attachments}
    answer = await Plain(person, PREVIEW)("POST", f"{path_of(thread_id)}/messages", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_image_is_uploaded_sent_and_seen(person, other, server):
    thread_id = await person.open_thread(other)
    uploaded = await upload(person, thread_id, png(800, 600))
    assert uploaded.status_code == 201
    image = uploaded.json()
    assert (image["attachmentType"], image["name"]) == ("image", "photo.png")
    message_id = await send(person, thread_id, image["id"])
    # The SDK reads what it cannot write.
    seen = await other.within(thread_id).get_message(message_id)
    (attachment,) = seen.content.attachments
    assert (attachment.id, attachment.attachment_type, attachment.name) == (image["id"], "image", "photo.png")
    for url, is_whole in ((attachment.url, True), (attachment.preview_url, False)):
        assert url.startswith(server.endpoint.rstrip("/") + "/chat/threads/")
        # As a client follows it: that very address with the user's token.
        headers = {"Authorization": f"Bearer {other.token}"}
        answer = await asyncio.to_thread(requests.get, url, headers=headers, timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 200
        assert (answer.content == png(800, 600)) is is_whole
        assert answer.headers["Content-Type"] == ("image/png" if is_whole else "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    small = (await view(other, thread_id, image["id"], "small")).content
    frame = small.index(b"\xff\xc0")  # The header of a JPEG's one frame: length, depth, height, width.
    assert struct.unpack(">HH", small[frame + 5 : frame + 9]) == (270, 360)


async def test_older_versions_show_no_attachment(person):
    thread_id = await person.open_thread()
    message_id = await send(person, thread_id, (await upload(person, thread_id, png(8, 8))).json()["id"])
    seen = await person.within(thread_id, api_version="2021-09-07").get_message(message_id)
    assert (seen.content.message, seen.content.attachments) == ("<p>look</p>", [])


async def test_image_of_a_message_is_seen_by_participants_only(person, other, people):
    stranger = (await people())[0]
    thread_id = await person.open_thread(other)
    image_id = (await upload(person, thread_id, png(8, 8))).json()["id"]
    # Nobody else knows of an image that no message has.
    assert (await view(other, thread_id, image_id)).status_code == 404
    assert (await view(person, thread_id, image_id)).status_code == 200
    await send(person, thread_id, image_id)
    assert (await view(other, thread_id, image_id)).status_code == 200
    assert (await view(stranger, thread_id, image_id)).status_code == 403
    own = await stranger.open_thread()
    assert (await view(stranger, own, image_id)).status_code == 404


async def test_image_goes_with_its_message(person):
    thread_id = await person.open_thread()
    image_id = (await upload(person, thread_id, png(8, 8))).json()["id"]
    message_id = await send(person, thread_id, image_id)
    await person.within(thread_id).delete_message(message_id)
    assert (await view(person, thread_id, image_id)).status_code == 404


async def test_only_who_uploaded_an_image_deletes_it(person, other):
    thread_id = await person.open_thread(other)
    image_id = (await upload(person, thread_id, png(8, 8))).json()["id"]
    message_id = await send(person, thread_id, image_id)
    path = f"{path_of(thread_id)}/images/{image_id}"
    assert (await Plain(other, PREVIEW)("DELETE", path)).status_code == 403
    assert (await Plain(person, PREVIEW)("DELETE", path)).status_code == 204
    assert (await view(person, thread_id, image_id)).status_code == 404
    assert (await person.within(thread_id).get_message(message_id)).content.attachments == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"just text", 415),
        (b"", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415),
        (b"<html><script>alert(1)</script></html>", 415),
        (b"%PDF-1.7", 415),
        (png(50_000, 50_000, rows=b"\0" * 1000), 400),
        (png(60_000, 1, rows=b"\0"), 400),
        (png(100, 100)[:60], 400),
        (png(100, 100, rows=b"\0" * 10), 400),
    ],
    ids=["text", "nothing", "svg", "html", "pdf", "bomb", "wide", "cut", "short"],
)
async def test_what_is_no_picture_or_too_much_of_one_is_refused(person, content, status):
    thread_id = await person.open_thread()
    answer = await upload(person, thread_id, content)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


async def test_what_unfolds_beside_the_pixels_is_left_aside(person, server):
    """A colour profile of 256 MiB in 256 KiB: the picture is one, and the server does not grow by it."""
    thread_id = await person.open_thread()
    folding = zlib.compressobj()
    profile = b"".join(folding.compress(bytes(1024**2)) for _ in range(256)) + folding.flush()
    before = server.memory_peak_bytes()
    assert (await upload(person, thread_id, png(8, 8, profile=profile))).status_code == 201
    assert server.memory_peak_bytes() - before < 128 * 1024**2


async def test_too_many_bytes_are_refused(person):
    thread_id = await person.open_thread()
    answer = await upload(person, thread_id, png(8, 8) + b"\0" * (10 * 1024 * 1024))
    assert answer.status_code == 413


async def test_image_of_another_thread_or_person_cannot_be_attached(person, other):
    here, there = await person.open_thread(other), await person.open_thread(other)
    foreign = (await upload(person, there, png(8, 8))).json()["id"]
    others = (await upload(other, here, png(8, 8))).json()["id"]
    used = (await upload(person, here, png(8, 8))).json()["id"]
    await send(person, here, used)
    for image_id in (foreign, others, used, "nonsense", ""):
        body = {"content": "x", "attachments": [{"id": image_id, "attachmentType": "image"}]}
        answer = await Plain(person, PREVIEW)("POST", f"{path_of(here)}/messages", body)
        assert answer.status_code == 400, image_id


@pytest.mark.parametrize("size", ["large", "", "../original"])
async def test_view_of_no_known_size_is_refused(person, size):
    thread_id = await person.open_thread()
    image_id = (await upload(person, thread_id, png(8, 8))).json()["id"]
    assert (await view(person, thread_id, image_id, size)).status_code in (400, 404)


async def test_stranger_cannot_upload(person, other):
    thread_id = await person.open_thread()
    assert (await upload(other, thread_id, png(8, 8))).status_code == 403
