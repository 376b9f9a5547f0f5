// What the application hears by realtime: the ten notifications to the letter, over WebSocket and by long polling.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, ownServer, realTimeServer } from "./harness.mjs";
import { Page, lastFirst, person, threadOf, withToken } from "./realtime.mjs";

// Everything that some encoding on the way could break: Latin-1, beyond it, an escape, JSON's own signs.
const HARD = 'Tö 😀 %41 %u0041 \\ "q" \'s\' <b>&amp; +';
const METADATA = { tag: HARD, "kéy %41": "1" };
const EVERYBODYS_HISTORY = new Date(0);
const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;

const TRANSPORTS = [
  ["over WebSocket", { isWebSocketBlocked: false }],
  ["with WebSocket blocked", { isWebSocketBlocked: true }],
];

/** What an event says of a message, as the thread itself has it. */
const asTold = (message, recipient) => ({
  threadId: message.threadId,
  sender: message.sender,
  senderDisplayName: message.senderDisplayName,
  recipient: recipient.kind,
  id: message.id,
  createdOn: message.createdOn,
  version: message.version,
  type: message.type === "html" ? "RichText/Html" : "Text",
});

for (const [transport, options] of TRANSPORTS) {
  test(`all notifications, ${transport}`, async (context) => {
    const [alice, bob, eve] = await Promise.all([1, 2, 3].map(() => person(realTimeServer)));
    const page = await Page.open(context, realTimeServer, options);
    const [hearing, herself, joining] = [await page.client(bob), await page.client(alice), await page.client(eve)];
    const names = { alice: `Alice ${HARD}`, bob: `Bob ${HARD}`, eve: `Eve ${HARD}` };
    const expected = [];
    const expect = (event, payload) => expected.push({ event, payload });

    const retentionPolicy = { kind: "threadCreationDate", deleteThreadAfterDays: 60 };
    const participants = [
      { id: alice.user, displayName: names.alice },
      { id: bob.user, displayName: names.bob, metadata: METADATA },
    ];
    const thread = await threadOf(alice, [], { topic: HARD, participants, metadata: METADATA, retentionPolicy });
    const { threadId } = thread;
    const members = [
      { id: alice.kind, displayName: names.alice, metadata: {}, shareHistoryTime: EVERYBODYS_HISTORY },
      { id: bob.kind, displayName: names.bob, metadata: METADATA, shareHistoryTime: EVERYBODYS_HISTORY },
    ];
    const properties = await thread.getProperties();
    const created = await hearing.heard("chatThreadCreated");
    expect("chatThreadCreated", {
      threadId,
      version: created.version,
      createdOn: properties.createdOn,
      createdBy: { id: alice.kind, displayName: names.alice, metadata: {} },
      participants: members,
      properties: { topic: HARD, metadata: METADATA },
      retentionPolicy,
    });

    const read = async (id) => ({ threadId, ...(await thread.getMessage(id)) });
    const tell = (message) => ({
      ...asTold(message, bob),
      message: message.content.message,
      metadata: message.metadata ?? {},
      attachments: [],
    });
    const said = { senderDisplayName: names.alice, metadata: METADATA };
    const text = await thread.sendMessage({ content: HARD }, said);
    expect("chatMessageReceived", tell(await read(text.id)));
    assert.equal(expected.at(-1).payload.message, HARD);
    const html = await thread.sendMessage({ content: "<p>Grüße <b>😀</b> %41</p>" }, { type: "html" });
    expect("chatMessageReceived", tell(await read(html.id)));

    await thread.updateMessage(text.id, { content: `${HARD} edited`, metadata: { tag: "new %41" } });
    const edited = await read(text.id);
    assert.equal(edited.content.message, `${HARD} edited`);
    expect("chatMessageEdited", { ...tell(edited), editedOn: edited.editedOn });

    assert.equal(await thread.sendTypingNotification({ senderDisplayName: names.alice }), true);
    const typing = await hearing.heard("typingIndicatorReceived");
    assert.match(typing.version, /^\d{13}$/);
    assert(typing.receivedOn instanceof Date);
    assert.deepEqual(typing, {
      threadId,
      sender: alice.kind,
      senderDisplayName: names.alice,
      recipient: bob.kind,
      version: typing.version,
      receivedOn: typing.receivedOn,
    });

    await bob.chat.getChatThreadClient(threadId).sendReadReceipt({ chatMessageId: html.id });
    const receipts = [];
    for await (const receipt of thread.listReadReceipts()) receipts.push(receipt);
    const receipt = {
      threadId,
      sender: bob.kind,
      senderDisplayName: "",
      chatMessageId: html.id,
      readOn: receipts[0].readOn,
    };
    expect("readReceiptReceived", { ...receipt, recipient: bob.kind });
    const { recipient, ...toldToSender } = await herself.heard("readReceiptReceived");
    assert.deepEqual(toldToSender, receipt);
    assert.deepEqual(recipient, alice.kind);

    const shareHistoryTime = new Date("2020-02-29T12:34:56.789Z");
    const addedEve = { id: eve.kind, displayName: names.eve, metadata: METADATA, shareHistoryTime };
    await thread.addParticipants({
      participants: [{ id: eve.user, displayName: names.eve, metadata: METADATA, shareHistoryTime }],
    });
    const byAlice = { id: alice.kind, displayName: names.alice, metadata: {} };
    const added = await hearing.heard("participantsAdded");
    assert(added.addedOn >= edited.editedOn);
    expect("participantsAdded", {
      threadId,
      version: added.version,
      addedOn: added.addedOn,
      addedBy: byAlice,
      participantsAdded: [addedEve],
    });
    const becameKnown = await joining.heard("chatThreadCreated");
    assert.deepEqual(becameKnown.participants, [...members, addedEve]);
    assert.deepEqual(becameKnown.properties, { topic: HARD, metadata: METADATA });
    assert.deepEqual((await joining.heard("participantsAdded")).participantsAdded, [addedEve]);

    await thread.removeParticipant(eve.user);
    const removed = await hearing.heard("participantsRemoved");
    expect("participantsRemoved", {
      threadId,
      version: removed.version,
      removedOn: removed.removedOn,
      removedBy: byAlice,
      participantsRemoved: [addedEve],
    });
    assert.deepEqual((await joining.heard("participantsRemoved")).participantsRemoved.map(({ id }) => id), [eve.kind]);

    await thread.updateProperties({ topic: `${HARD} 2`, metadata: { more: HARD }, retentionPolicy: { kind: "none" } });
    const updated = await hearing.heard("chatThreadPropertiesUpdated");
    expect("chatThreadPropertiesUpdated", {
      threadId,
      version: updated.version,
      updatedOn: updated.updatedOn,
      updatedBy: byAlice,
      properties: { topic: `${HARD} 2`, metadata: { ...METADATA, more: HARD } },
      retentionPolicy: { kind: "none" },
    });

    await thread.deleteMessage(text.id);
    const deleted = await read(text.id);
    expect("chatMessageDeleted", { ...asTold(deleted, bob), deletedOn: deleted.deletedOn });

    await alice.chat.deleteChatThread(threadId);
    const ended = await hearing.heard("chatThreadDeleted");
    expect("chatThreadDeleted", {
      threadId,
      version: ended.version,
      deletedOn: ended.deletedOn,
      deletedBy: byAlice,
      reason: "deletedByUser",
    });

    assert.deepEqual(hearing.told, expected);
    for (const { payload } of expected) assert.match(payload.version ?? "1700000000000", /^\d{13}$/);
    await herself.heard("chatThreadDeleted");
    const kinds = (client) => client.told.map(({ event }) => event);
    assert.deepEqual(kinds(herself), kinds(hearing), "whoever does it is told what all are told");
    assert.deepEqual(herself.of("typingIndicatorReceived"), [], "nobody is told that they type themselves");
    // After her removal she is told nothing more.
    assert.deepEqual(kinds(joining), ["chatThreadCreated", "participantsAdded", "participantsRemoved"]);
    const { sockets, polls } = await page.used();
    const isAsMeant = options.isWebSocketBlocked ? sockets === 0 && polls > 0 : sockets >= 3 && polls === 0;
    assert(isAsMeant, `${sockets} sockets, ${polls} polls`);
  });

  test(`a client that stopped is told nothing more, another one of the same user is, ${transport}`, async (context) => {
    const [alice, bob] = [await person(realTimeServer), await person(realTimeServer)];
    const page = await Page.open(context, realTimeServer, options);
    const [first, second] = [await page.client(bob), await page.client(bob)];
    const thread = await threadOf(alice, [bob]);
    await thread.sendMessage({ content: "to both" });
    await Promise.all([first, second].map((client) => client.heardText("to both")));
    await first.close();
    await thread.sendMessage({ content: "to one" });
    await second.heardText("to one");
    assert.deepEqual(second.texts, ["to both", "to one"]);
    assert.deepEqual(first.texts, ["to both"]);
  });
}

test("a thread that ends by its policy names nobody", async (testContext) => {
  const context = lastFirst(testContext);
  const server = await ownServer(context);
  const [alice, bob] = [await person(server), await person(server)];
  const retentionPolicy = { kind: "threadCreationDate", deleteThreadAfterDays: 1 };
  const { threadId } = await threadOf(alice, [bob], { retentionPolicy });
  // A token that lives longer than the thread, asked for while the SDK's clock and the server's still agree.
  await server.advanceClock(MINUTE_SECONDS * 10);
  const { token } = await connect(server).getToken(bob.user, ["chat"]);
  const page = await Page.open(context, server);
  const hearing = await page.client(withToken(server, bob.user, token));
  await server.advanceClock(DAY_SECONDS - MINUTE_SECONDS * 5);
  const ended = await hearing.heard("chatThreadDeleted");
  assert.equal(ended.threadId, threadId);
  assert.equal(ended.reason, "deletedByPolicy");
  assert.equal(ended.deletedBy, null);
});

test("pictures arrive with addresses that give them", async (context) => {
  const [alice, bob] = [await person(realTimeServer), await person(realTimeServer)];
  const page = await Page.open(context, realTimeServer);
  const hearing = await page.client(bob);
  const thread = await threadOf(alice, [bob]);
  const name = "a picture %41.png";
  const call = async (path, body, headers) => {
    const address = `${alice.endpoint}/chat/threads/${encodeURIComponent(thread.threadId)}${path}`;
    const url = `${address}?api-version=2024-06-05-preview`;
    const authorization = `Bearer ${alice.token}`;
    const response = await fetch(url, { method: "POST", body, headers: { authorization, ...headers } });
    assert.equal(response.status, 201, await response.clone().text());
    return response.json();
  };
  const { id } = await call("/images", PICTURE, {
    "content-type": "application/octet-stream",
    "image-filename": name,
  });
  const message = { type: "html", content: `<p><img id="${id}"></p>`, attachments: [{ id, attachmentType: "image" }] };
  await call("/messages", JSON.stringify(message), { "content-type": "application/json" });

  const { attachments } = await hearing.heard("chatMessageReceived");
  const [picture] = attachments;
  assert.equal(attachments.length, 1);
  assert.deepEqual(Object.keys(picture).sort(), ["attachmentType", "id", "name", "previewUrl", "url"]);
  assert.equal(picture.id, id);
  assert.equal(picture.attachmentType, "image");
  assert.equal(picture.name, name);
  const load = async (url) => {
    assert.equal(new URL(url).origin, bob.endpoint);
    const response = await fetch(url, { headers: { authorization: `Bearer ${bob.token}` } });
    assert.equal(response.status, 200);
    assert.equal((await fetch(url)).status, 401, "a picture is not for everybody");
    return [response.headers.get("content-type"), Buffer.from(await response.arrayBuffer())];
  };
  assert.deepEqual(await load(picture.url), ["image/png", PICTURE]);
  const [type, small] = await load(picture.previewUrl);
  assert.match(type, /^image\/(png|jpeg)$/);
  assert(small.length > 0);
});

/** One red point. */
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
  "base64",
);
