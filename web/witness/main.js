/**
 * A page with the chat SDK in it and nothing else, for `conformance/python/test_chat_browser.py`, which calls
 * what stands in `window.chat`.
 */

import { ChatClient } from "@azure/communication-chat";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";

const EVENTS = [
  "chatMessageReceived", "chatMessageEdited", "chatMessageDeleted", "typingIndicatorReceived", "readReceiptReceived",
  "chatThreadCreated", "chatThreadPropertiesUpdated", "chatThreadDeleted", "participantsAdded", "participantsRemoved",
];

const clients = {};

/** Everything the application was told, by the name of the client. */
const told = {};

/** Opens the realtime channel of a user, under a name; done when it is open. */
async function start(name, endpoint, token) {
  const client = new ChatClient(endpoint, new AzureCommunicationTokenCredential(token));
  clients[name] = client;
  told[name] = [];
  const connected = new Promise((settle) => client.on("realTimeNotificationConnected", settle));
  await client.startRealtimeNotifications();
  for (const event of EVENTS) client.on(event, (payload) => told[name].push({ event, payload }));
  await connected;
}

/** Calls a method of a chat client. */
const call = (name, method, ...words) => clients[name][method](...words);

/** Calls a method of the client for a thread. */
const callThread = (name, threadId, method, ...words) =>
  clients[name].getChatThreadClient(threadId)[method](...words);

window.chat = { start, call, callThread, told };
