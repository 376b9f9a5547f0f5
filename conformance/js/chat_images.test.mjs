// The image operations of 2024-06-05-preview, which no stable SDK of this language has; the SDK reads what they make.

import assert from "node:assert/strict";
import { crc32 as crcOfZlib, deflateSync } from "node:zlib";
import { test } from "node:test";

import { pair, people, person } from "./chat.mjs";

const PREVIEW = "2024-06-05-preview";

/** The checksum of PNG; Node has had it since 22. */
function crc32(bytes) {
  if (crcOfZlib) return crcOfZlib(bytes);
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A black picture. */
function png(width, height, rows = Buffer.alloc((width + 1) * height)) {
  const chunk = (name, content) => {
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    const whole = Buffer.concat([Buffer.from(name), content]);
    length.writeUInt32BE(content.length);
    checksum.writeUInt32BE(crc32(whole));
    return Buffer.concat([length, whole, checksum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), ...parts]);
}

const path = (threadId, rest) => `/chat/threads/${encodeURIComponent(threadId)}/${rest}`;

function upload(someone, threadId, body) {
  const headers = { "image-filename": "photo.png" };
  return someone.ask("POST", path(threadId, "images"), PREVIEW, { body, headers });
}

async function send(someone, threadId, ...ids) {
  const attachments = ids.map((id) => ({ id, attachmentType: "image" }));
  return someone.ask("POST", path(threadId, "messages"), PREVIEW, { body: { content: "look", attachments } });
}

test("an image is uploaded, sent, seen and deleted", async () => {
  const { someone, other, threadId, theirs } = await pair();
  const picture = png(800, 600);
  const uploaded = await upload(someone, threadId, picture);
  assert.equal(uploaded.status, 201);
  const { id, ...image } = await uploaded.json();
  assert.deepEqual(image, { attachmentType: "image", name: "photo.png" });
  const sent = await send(someone, threadId, id);
  assert.equal(sent.status, 201);
  const messageId = (await sent.json()).id;
  const [attachment] = (await theirs.getMessage(messageId)).content.attachments;
  assert.deepEqual([attachment.id, attachment.attachmentType, attachment.name], [id, "image", "photo.png"]);
  for (const [url, isWhole] of [[attachment.url, true], [attachment.previewUrl, false]]) {
    // As communication-react asks: that very address with the user's token.
    const answer = await fetch(url, { headers: { authorization: `Bearer ${other.token}` } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    assert.match(answer.headers.get("content-security-policy"), /sandbox/);
    assert.equal(picture.equals(Buffer.from(await answer.arrayBuffer())), isWhole);
  }
  const address = path(threadId, `images/${id}`);
  assert.equal((await other.ask("DELETE", address, PREVIEW)).status, 403);
  assert.equal((await someone.ask("DELETE", address, PREVIEW)).status, 204);
  assert.equal((await someone.ask("GET", `${address}/view/original`, PREVIEW)).status, 404);
  assert.equal((await theirs.getMessage(messageId)).content.attachments, undefined);
});

test("an image is seen by whom its message is shown to", async () => {
  const { someone, other, threadId, mine } = await pair();
  const stranger = await person();
  const { id } = await (await upload(someone, threadId, png(8, 8))).json();
  const see = async (who) => (await who.ask("GET", path(threadId, `images/${id}/view/small`), PREVIEW)).status;
  assert.deepEqual([await see(someone), await see(other), await see(stranger)], [200, 404, 403]);
  const messageId = (await (await send(someone, threadId, id)).json()).id;
  assert.deepEqual([await see(someone), await see(other), await see(stranger)], [200, 200, 403]);
  await mine.deleteMessage(messageId);
  assert.deepEqual([await see(someone), await see(other), await see(stranger)], [404, 404, 403]);
});

for (const [name, body, status] of [
  ["text", Buffer.from("just text"), 415],
  ["SVG", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), 415],
  ["HTML", Buffer.from("<html><script>alert(1)</script></html>"), 415],
  ["a bomb", png(50_000, 50_000, Buffer.alloc(1000)), 400],
  ["half a picture", png(100, 100).subarray(0, 60), 400],
  ["ten megabytes", Buffer.concat([png(8, 8), Buffer.alloc(10 * 1024 * 1024)]), 413],
]) {
  test(`what is no picture or too much of one is refused: ${name}`, async () => {
    const someone = await person();
    const answer = await upload(someone, await someone.openThread(), body);
    assert.equal(answer.status, status);
    assert((await answer.json()).error.message);
  });
}

test("images of others cannot be attached, nor one twice", async () => {
  const [someone, other] = await people(2);
  const threadId = await someone.openThread(other);
  const [own, others] = [await upload(someone, threadId, png(8, 8)), await upload(other, threadId, png(8, 8))];
  const used = (await own.json()).id;
  assert.equal((await send(someone, threadId, used)).status, 201);
  for (const id of [used, (await others.json()).id, "nonsense"]) {
    assert.equal((await send(someone, threadId, id)).status, 400, id);
  }
});
