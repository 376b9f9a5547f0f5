/** The users of the application and their identities in the communication service. */

import { readFile, rename, writeFile } from "node:fs/promises";
import { CommunicationIdentityClient } from "@azure/communication-identity";
import { parseConnectionString } from "./connection.js";

/** How many users this sample makes: each is an identity in the service, and a line in the file. */
const USERS_MAX = 10_000;

/** What the tokens are good for. */
const SCOPES = ["chat", "voip"] as const;

/** What a browser needs to speak for a user. */
export interface SignedIn {
  /** The origin of the communication service. */
  endpoint: string;
  /** The identity's raw id. */
  userId: string;
  /** The name others see. */
  displayName: string;
  /** The access token. */
  token: string;
  /** When the token ends, ISO 8601. */
  expiresOn: string;
}

/** What is kept in the file. */
interface State {
  /** Raw id of an identity by the user's name in lower case. */
  users: Record<string, string>;
  /** By thread: the name of the user who made it. */
  threads: Record<string, string>;
}

/** The users, kept in a JSON file; a real application has them in its database. */
export class People {
  /** The origin of the communication service. */
  readonly endpoint: string;
  readonly #client: CommunicationIdentityClient;
  readonly #file: string;
  readonly #state: State;
  /** Identities being made, so that two requests for a new user make one. */
  readonly #pending = new Map<string, Promise<string>>();
  /** The last write of the file: they go one after the other. */
  #saved: Promise<void> = Promise.resolve();

  private constructor(connectionString: string, file: string, state: State) {
    this.endpoint = parseConnectionString(connectionString).endpoint;
    this.#client = new CommunicationIdentityClient(connectionString);
    this.#file = file;
    this.#state = state;
  }

  /** Reads the users that `file` holds; a missing file holds none. */
  static async open(connectionString: string, file: string): Promise<People> {
    const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return "{}";
      throw cause;
    });
    return new People(connectionString, file, { users: {}, threads: {}, ...(JSON.parse(text) as Partial<State>) });
  }

  /** A token that lets `user` chat and call. */
  async signIn(user: string): Promise<SignedIn> {
    let userId = await this.identityOf(user);
    let issued;
    try {
      issued = await this.#client.getToken({ communicationUserId: userId }, [...SCOPES]);
    } catch (cause) {
      if ((cause as { statusCode?: number }).statusCode !== 404) throw cause;
      // The server's data was deleted since: the user gets a new identity.
      if (this.#state.users[keyOf(user)] === userId) delete this.#state.users[keyOf(user)];
      userId = await this.identityOf(user);
      issued = await this.#client.getToken({ communicationUserId: userId }, [...SCOPES]);
    }
    const { token, expiresOn } = issued;
    return { endpoint: this.endpoint, userId, displayName: user, token, expiresOn: expiresOn.toISOString() };
  }

  /** The raw id of `user`'s identity, made on first use. */
  async identityOf(user: string): Promise<string> {
    const key = keyOf(user);
    const known = this.#state.users[key] ?? this.#pending.get(key);
    if (known) return known;
    if (Object.keys(this.#state.users).length >= USERS_MAX) {
      throw Object.assign(new Error("This sample knows enough people."), { statusCode: 403 });
    }
    const made = this.#make(key).finally(() => this.#pending.delete(key));
    this.#pending.set(key, made);
    return made;
  }

  /** Remembers who made a thread. */
  async rememberThread(threadId: string, user: string): Promise<void> {
    this.#state.threads[threadId] = user;
    await this.#save();
  }

  /** Who made a thread here. */
  makerOf(threadId: string): string | undefined {
    return Object.hasOwn(this.#state.threads, threadId) ? this.#state.threads[threadId] : undefined;
  }

  async #make(key: string): Promise<string> {
    const { communicationUserId } = await this.#client.createUser();
    this.#state.users[key] = communicationUserId;
    await this.#save();
    return communicationUserId;
  }

  /** Beside the file first, so that a crash leaves the old one whole. */
  #save(): Promise<void> {
    const write = async () => {
      await writeFile(`${this.#file}.new`, JSON.stringify(this.#state, null, 2), { mode: 0o600 });
      await rename(`${this.#file}.new`, this.#file);
    };
    this.#saved = this.#saved.then(write, write);
    return this.#saved;
  }
}

/** `Alice` and `alice` are one user. The mark keeps names such as `__proto__` harmless as keys. */
function keyOf(user: string): string {
  return `@${user.toLowerCase()}`;
}
