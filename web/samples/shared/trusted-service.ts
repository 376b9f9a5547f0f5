/** Calls of the application's own server, which knows the users and hands out tokens. */

/** What the page needs to speak for a user. */
export interface SignedIn {
  endpoint: string;
  userId: string;
  displayName: string;
  token: string;
}

async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(`/samples/trusted-service${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const reply = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(reply.error?.message ?? `The trusted service answered ${response.status}.`);
  return reply as T;
}

/** A token for `user`. */
export const signIn = (user: string) => post<SignedIn>("/token", { user });

/** The identity of another user. */
export const findUser = (user: string) => post<{ userId: string }>("/users", { user });

/** A new thread with `user` in it. */
export const createThread = (user: string, topic: string) => post<{ threadId: string }>("/threads", { user, topic });

/** Lets `user` into a thread whose link they have. */
export const enterThread = (user: string, threadId: string) =>
  post<{ threadId: string }>(`/threads/${encodeURIComponent(threadId)}/participants`, { user });
