// ChatThread_SendChatMessage: `sendMessage`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, alone, contents, missing, pair, people, person, removed } from "./chat.mjs";
import { expectError, keepResponse, server } from "./harness.mjs";

const MESSAGE_BYTES_MAX = 28 * 1024;

test("a message arrives as it was sent", async () => {
  const { someone, threadId, mine, theirs } = await pair();
  const content = "Grüße 😀 <b>not html</b> \"quoted\" \\ %41\nsecond line";
  const kept = keepResponse();
  const options = Object.assign(kept, { senderDisplayName: "Ada", metadata: { tag: "ü", empty: "" } });
  const { id } = await mine.sendMessage({ content }, options);
  assert.equal(kept.last.status, 201);
  const address = `${new URL(server.endpoint).origin}/chat/threads/${encodeURIComponent(threadId)}/messages/${id}`;
  assert.equal(kept.last.headers.get("location"), address);
  const { createdOn, ...read } = await theirs.getMessage(id);
  assert(createdOn instanceof Date);
  assert.deepEqual(read, {
    id, type: "text", sequenceId: "3", version: id, content: { message: content }, senderDisplayName: "Ada",
    sender: { kind: "communicationUser", communicationUserId: someone.rawId }, metadata: { tag: "ü", empty: "" },
  });
});

test("no name is an empty one", async () => {
  const { thread } = await alone();
  const { id } = await thread.sendMessage({ content: "hello" });
  assert.equal((await thread.getMessage(id)).senderDisplayName, "");
});

for (const [html, clean] of [
  ["<p>Hello <b>you</b></p>", "<p>Hello <b>you</b></p>"],
  ["a<script>alert(1)</script>b", "ab"],
  ["<p onclick=\"alert(1)\">x</p>", "<p>x</p>"],
  ["<img src=x onerror=alert(1)>y", "<img>y"],
  ["<a href=\"javascript:alert(1)\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"],
  ["<a href=\"data:text/html,x\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"],
  ["<svg onload=alert(1)></svg>z", "z"],
]) {
  test(`HTML is cleaned: ${html}`, async () => {
    const { thread } = await alone();
    const { id } = await thread.sendMessage({ content: html }, { type: "html" });
    const read = await thread.getMessage(id);
    assert.deepEqual([read.type, read.content.message], ["html", clean]);
  });
}

test("the largest message is taken and one byte more refused", async () => {
  const { thread } = await alone();
  const { id } = await thread.sendMessage({ content: "ü".repeat(MESSAGE_BYTES_MAX / 2) });
  assert.equal((await thread.getMessage(id)).content.message.length, MESSAGE_BYTES_MAX / 2);
  const error = await expectError(thread.sendMessage({ content: "x".repeat(MESSAGE_BYTES_MAX + 1) }), 413);
  assert.equal(error.code, "MessageSizeExceeded");
  const farTooLarge = await expectError(thread.sendMessage({ content: "x".repeat(4_000_000) }), 413);
  assert.equal(farTooLarge.code, "RequestBodyTooLarge");
});

for (const [name, content, options] of [
  ["empty", "", {}],
  ["blank", " \n", {}],
  ["nothing left", "<script>x</script>", { type: "html" }],
  ["elements without end", Array.from({ length: 1000 }, (_, n) => `<b a${n}><p>`).join(""), { type: "html" }],
  ["a kind of the server's", "x", { type: "topicUpdated" }],
  ["a long name", "x", { senderDisplayName: "x".repeat(257) }],
  ["much metadata", "x", { metadata: { a: "x".repeat(8192) } }],
]) {
  test(`what says nothing or too much is refused: ${name}`, async () => {
    const { thread } = await alone();
    await expectError(thread.sendMessage({ content }, options), 400);
    assert.deepEqual(contents(await all(thread.listMessages())), []);
  });
}

test("messages sent at once all arrive in one order", async () => {
  const { mine, theirs } = await pair();
  const texts = Array.from({ length: 20 }, (_, number) => `message ${number}`);
  const sent = await Promise.all(texts.map((content, number) => [mine, theirs][number % 2].sendMessage({ content })));
  assert.equal(new Set(sent.map(({ id }) => id)).size, 20);
  const [seen, seenByOther] = [await all(mine.listMessages()), await all(theirs.listMessages())];
  assert.deepEqual(seen, seenByOther);
  assert.deepEqual(seen.map(({ sequenceId }) => Number(sequenceId)), Array.from({ length: 22 }, (_, index) => 22 - index));
  assert.deepEqual(contents(seen).sort(), texts.sort());
});

test("strangers and removed participants are refused", async () => {
  const [someone, stranger] = await people(2);
  await expectError(stranger.within(await someone.openThread()).sendMessage({ content: "x" }), 403);
  await expectError((await removed()).theirs.sendMessage({ content: "x" }), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(someone.within(id).sendMessage({ content: "x" }), 404);
});
