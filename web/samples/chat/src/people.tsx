/** Who is in the thread; adding and removing. The composite has no such list of its own. */

import { ChatClient } from "@azure/communication-chat";
import {
  type AzureCommunicationTokenCredential,
  type CommunicationIdentifier,
  getIdentifierRawId,
} from "@azure/communication-common";
import type { ChatAdapter } from "@azure/communication-react";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { findUser, type SignedIn } from "../../shared/trusted-service";

interface Parts {
  adapter: ChatAdapter;
  me: SignedIn;
  credential: AzureCommunicationTokenCredential;
  threadId: string;
}

export function People({ adapter, me, credential, threadId }: Parts) {
  const [state, setState] = useState(adapter.getState());
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const thread = useMemo(
    () => new ChatClient(me.endpoint, credential).getChatThreadClient(threadId),
    [me, credential, threadId],
  );
  useEffect(() => {
    adapter.onStateChange(setState);
    return () => adapter.offStateChange(setState);
  }, [adapter]);

  const attempt = (work: Promise<unknown>) =>
    work.then(
      () => setProblem(""),
      (cause: Error) => setProblem(cause.message),
    );
  const add = (event: FormEvent) => {
    event.preventDefault();
    const displayName = name.trim();
    const adding = findUser(displayName).then(({ userId }) =>
      thread.addParticipants({ participants: [{ id: { communicationUserId: userId }, displayName }] }),
    );
    void attempt(adding.then(() => setName("")));
  };
  const remove = (id: CommunicationIdentifier) => void attempt(adapter.removeParticipant(getIdentifierRawId(id)));

  const people = Object.values(state.thread.participants);
  return (
    <aside aria-label="People">
      <h2>People</h2>
      <ul>
        {people.map(({ id, displayName }) => {
          const rawId = getIdentifierRawId(id);
          const shown = displayName || "Someone";
          return (
            <li key={rawId}>
              <span title={rawId}>{rawId === me.userId ? `${shown} (you)` : shown}</span>
              {rawId !== me.userId && (
                <button className="button" aria-label={`Remove ${shown}`} onClick={() => remove(id)}>
                  Remove
                </button>
              )}
            </li>
          );
        })}
      </ul>
      <form onSubmit={add}>
        <label className="field">
          Add somebody
          <input
            name="person"
            value={name}
            onChange={(event) => setName(event.target.value)}
            placeholder="Name"
            required
            maxLength={100}
          />
        </label>
        <button className="button main">Add</button>
      </form>
      {problem && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
    </aside>
  );
}
