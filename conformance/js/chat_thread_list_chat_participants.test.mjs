// ChatThread_ListChatParticipants: `listParticipants`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ALL_HISTORY, all, alone, missing, pagesOf, people, person, removed } from "./chat.mjs";
import { expectError } from "./harness.mjs";

const ids = (participants) => participants.map(({ id }) => id.communicationUserId);

test("everybody is listed in the order of joining, with all history", async () => {
  const everybody = await people(5);
  const threadId = await everybody[0].openThread(...everybody.slice(1));
  const listed = await all(everybody[4].within(threadId).listParticipants());
  assert.deepEqual(ids(listed), everybody.map(({ rawId }) => rawId));
  for (const each of listed) {
    assert.deepEqual([each.displayName, each.shareHistoryTime, each.metadata], [undefined, ALL_HISTORY, undefined]);
  }
});

test("participants come in pages and can be skipped", async () => {
  const everybody = await people(5);
  const expected = everybody.map(({ rawId }) => rawId);
  const thread = everybody[0].within(await everybody[0].openThread(...everybody.slice(1)));
  const pages = await pagesOf(thread.listParticipants({ maxPageSize: 2 }));
  assert.deepEqual(pages.map(ids), [expected.slice(0, 2), expected.slice(2, 4), expected.slice(4)]);
  assert.deepEqual(ids(await all(thread.listParticipants({ maxPageSize: 2, skip: 3 }))), expected.slice(3));
});

test("people who come and go between pages neither shift nor repeat", async () => {
  const everybody = await people(6);
  const thread = everybody[0].within(await everybody[0].openThread(...everybody.slice(1, 5)));
  const pages = await pagesOf(thread.listParticipants({ maxPageSize: 2 }), async () => {
    await thread.removeParticipant(everybody[1].user);
    await thread.addParticipants({ participants: [everybody[5].named()] });
  });
  assert.deepEqual(ids(pages.flat()), everybody.map(({ rawId }) => rawId));
});

test("strangers and removed participants are refused", async () => {
  const { thread } = await alone();
  await expectError(all((await person()).within(thread.threadId).listParticipants()), 403);
  await expectError(all((await removed()).theirs.listParticipants()), 403);
});

test("a missing thread is not found", async () => {
  const someone = await person();
  for (const id of await missing(someone)) await expectError(all(someone.within(id).listParticipants()), 404);
});
