// What the chat tests share: people with the SDK's clients, and requests for what the SDK has no method for.

import { ChatClient } from "@azure/communication-chat";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";

import { connect, server, trusting } from "./harness.mjs";

/** For a thread that needs no other topic. */
export const TOPIC = "Lunch";

/** All history, as a date. */
export const ALL_HISTORY = new Date(0);

/** Makes people: users with a token for `scopes`, whose clients get `options`. */
export async function people(count, { of = server, scopes = ["chat"], options = {} } = {}) {
  const identities = connect(of);
  const made = Array.from({ length: count }, () => identities.createUserAndToken(scopes));
  return (await Promise.all(made)).map(({ user, token }) => new Person(of, user, token, options));
}

/** Makes one. */
export async function person(options) {
  return (await people(1, options))[0];
}

/** A user with a token, and the clients that act for them. */
class Person {
  constructor(someServer, user, token, options) {
    Object.assign(this, { server: someServer, user, token, options });
    this.rawId = user.communicationUserId;
    this.chat = this.client();
  }

  /** A chat client; `options` come before the person's own. */
  client(options = {}) {
    const credential = new AzureCommunicationTokenCredential(this.token);
    return new ChatClient(this.server.endpoint, credential, { ...trusting(this.server), ...this.options, ...options });
  }

  /** The client of a thread. */
  within(threadId, options = {}) {
    return this.client(options).getChatThreadClient(threadId);
  }

  /** This person as a participant of a request. */
  named(displayName, shareHistoryTime) {
    return { id: this.user, displayName, shareHistoryTime };
  }

  /** Makes a thread with `others` and returns its id. */
  async openThread(...others) {
    const made = await this.chat.createChatThread({ topic: TOPIC }, { participants: others.map((each) => each.named()) });
    return made.chatThread.id;
  }

  /** Asks for something by a plain request with the SDK's token. */
  ask(method, path, version, { body, headers = {} } = {}) {
    const url = `${this.server.endpoint.replace(/\/$/, "")}${path}?api-version=${version}`;
    const content = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const kind = Buffer.isBuffer(body) ? "application/octet-stream" : "application/json";
    return fetch(url, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": kind, ...headers },
      body: content,
    });
  }
}

/** A thread in which a new person is alone: the person and the client of the thread. */
export async function alone() {
  const someone = await person();
  return { someone, thread: someone.within(await someone.openThread()) };
}

/** A thread of two new people: both, and the clients of the thread for both. */
export async function pair() {
  const [someone, other] = await people(2);
  const threadId = await someone.openThread(other);
  return { someone, other, threadId, mine: someone.within(threadId), theirs: other.within(threadId) };
}

/** The same after the second one was removed. */
export async function removed() {
  const both = await pair();
  await both.mine.removeParticipant(both.other.user);
  return both;
}

/** The whole of a list. */
export async function all(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

/** The pages of a list; `between` is awaited after each. */
export async function pagesOf(list, between = async () => {}) {
  const pages = [];
  for await (const page of list.byPage()) {
    pages.push(page);
    await between(pages.length);
  }
  return pages;
}

/** What people wrote, without the thread's own messages. */
export function contents(messages) {
  return messages.filter(({ type }) => type === "text" || type === "html").map(({ content }) => content.message);
}

/** The thread's own messages. */
export function systemMessages(messages) {
  return messages.filter(({ type }) => type !== "text" && type !== "html");
}

/** Threads that `someone` cannot know: of a form the server makes, of none, and a deleted one. */
export async function missing(someone) {
  const deleted = await someone.openThread();
  await someone.chat.deleteChatThread(deleted);
  return [`19:${"A".repeat(43)}1@thread.v2`, "nonsense", "19:ü@thread.v2", "x".repeat(500), deleted];
}
