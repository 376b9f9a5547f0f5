// Every api-version of chat a customer's SDK may ask for, and what becomes of one nobody published.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all, contents, people, person } from "./chat.mjs";
import { expectError, keepResponse } from "./harness.mjs";

const VERSIONS = ["2021-09-07", "2024-03-07", "2024-06-05-preview", "2025-03-15"];

test("this SDK asks for 2025-03-15", async () => {
  const kept = keepResponse();
  await (await person()).chat.createChatThread({ topic: "Lunch" }, kept);
  assert.equal(new URL(kept.last.request.url).searchParams.get("api-version"), "2025-03-15");
});

for (const apiVersion of VERSIONS) {
  test(`the whole life of a thread in ${apiVersion}`, async () => {
    const [someone, other] = await people(2, { options: { apiVersion } });
    const kept = keepResponse();
    const participants = [other.named("Bob")];
    const { chatThread } = await someone.chat.createChatThread({ topic: "Lunch" }, Object.assign(kept, { participants }));
    assert.equal(new URL(kept.last.request.url).searchParams.get("api-version"), apiVersion);
    const [mine, theirs] = [someone.within(chatThread.id), other.within(chatThread.id)];
    const { id } = await mine.sendMessage({ content: "<b>x</b>" }, { type: "html", metadata: { a: "1" } });
    await theirs.sendReadReceipt({ chatMessageId: id });
    await theirs.sendTypingNotification();
    await mine.updateMessage(id, { content: "<b>y</b>" });
    const read = await theirs.getMessage(id);
    assert.deepEqual([read.content.message, read.metadata], ["<b>y</b>", { a: "1" }]);
    assert.deepEqual((await all(mine.listReadReceipts())).map(({ chatMessageId }) => chatMessageId), [id]);
    assert.deepEqual((await all(theirs.listParticipants())).map(({ displayName }) => displayName), [undefined, "Bob"]);
    await mine.updateTopic("Dinner");
    assert.deepEqual((await all(other.chat.listChatThreads())).map(({ topic }) => topic), ["Dinner"]);
    await mine.deleteMessage(id);
    assert.deepEqual(contents(await all(theirs.listMessages())), [""]);
    await mine.removeParticipant(other.user);
    await mine.addParticipants({ participants });
    await someone.chat.deleteChatThread(chatThread.id);
    await expectError(theirs.getProperties(), 404);
  });
}

test("fields appear with the version that has them", async () => {
  const [someone, other] = await people(2);
  const participants = [{ ...other.named(), metadata: { role: "guest" } }];
  const options = { participants, metadata: { a: "1" } };
  const { chatThread } = await someone.chat.createChatThread({ topic: "Lunch" }, options);
  for (const apiVersion of VERSIONS) {
    const thread = someone.within(chatThread.id, { apiVersion });
    const isKnown = apiVersion >= "2024-06-05";
    const properties = await thread.getProperties();
    const [, guest] = await all(thread.listParticipants());
    assert.deepEqual(properties.metadata, isKnown ? { a: "1" } : undefined, apiVersion);
    assert.deepEqual(properties.retentionPolicy, isKnown ? { kind: "none" } : undefined, apiVersion);
    assert.deepEqual(guest.metadata, isKnown ? { role: "guest" } : undefined, apiVersion);
  }
});

for (const apiVersion of ["1999-01-01", "nonsense"]) {
  test(`an unpublished version is refused: ${apiVersion}`, async () => {
    await expectError(all((await person({ options: { apiVersion } })).chat.listChatThreads()), 400);
  });
}
