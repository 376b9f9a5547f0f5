/** Chat threads that the application makes for its users. */

import { ChatClient } from "@azure/communication-chat";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import type { People } from "./people.js";

/** Makes threads and lets people in, each time as the user who made the thread. */
export class Threads {
  readonly #people: People;

  constructor(people: People) {
    this.#people = people;
  }

  /** A new thread with `user` in it. */
  async create(user: string, topic: string): Promise<{ threadId: string }> {
    const { chat, userId } = await this.#chatOf(user);
    const participants = [{ id: { communicationUserId: userId }, displayName: user }];
    const { chatThread } = await chat.createChatThread({ topic }, { participants });
    const threadId = chatThread?.id;
    if (!threadId) throw new Error("the service answered without a thread");
    await this.#people.rememberThread(threadId, user);
    return { threadId };
  }

  /** Adds `user`, whom somebody sent the thread's link. Who is in already stays. */
  async admit(threadId: string, user: string): Promise<{ threadId: string }> {
    const maker = this.#people.makerOf(threadId);
    if (!maker) throw Object.assign(new Error("There is no such chat."), { statusCode: 404 });
    const { chat } = await this.#chatOf(maker);
    const id = { communicationUserId: await this.#people.identityOf(user) };
    await chat.getChatThreadClient(threadId).addParticipants({ participants: [{ id, displayName: user }] });
    return { threadId };
  }

  async #chatOf(user: string): Promise<{ chat: ChatClient; userId: string }> {
    const { endpoint, token, userId } = await this.#people.signIn(user);
    return { chat: new ChatClient(endpoint, new AzureCommunicationTokenCredential(token)), userId };
  }
}
