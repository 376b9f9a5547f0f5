/** The form before the chat: a name, and a topic unless a link was followed. */

import { type FormEvent, useState } from "react";
import type { Place } from "./main";
import { createThread, enterThread } from "../../shared/trusted-service";

export function Entrance({ place, onEnter }: { place: Place; onEnter: (place: Place) => void }) {
  const [user, setUser] = useState(place.user);
  const [topic, setTopic] = useState("");
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isInvited = place.threadId !== "";

  const enter = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const { threadId } = isInvited
        ? await enterThread(user, place.threadId)
        : await createThread(user, topic.trim() || "A chat");
      onEnter({ user: user.trim(), threadId });
    } catch (cause) {
      setProblem((cause as Error).message);
      setBusy(false);
    }
  };

  return (
    <main className="entrance">
      <form className="card" onSubmit={enter}>
        <h1>{isInvited ? "Join a chat" : "Start a chat"}</h1>
        <label className="field">
          Your name
          <input
            name="user"
            value={user}
            onChange={(event) => setUser(event.target.value)}
            required
            maxLength={100}
            autoFocus
          />
        </label>
        {!isInvited && (
          <label className="field">
            Topic
            <input
              name="topic"
              value={topic}
              onChange={(event) => setTopic(event.target.value)}
              maxLength={100}
              placeholder="A chat"
            />
          </label>
        )}
        <p className="quiet">
          Any name will do: this sample has no passwords. Invite others from inside by link, or add them by name.
        </p>
        {problem && (
          <p className="wrong" role="alert">
            {problem}
          </p>
        )}
        <button className="button main" disabled={isBusy}>
          {isBusy ? "One moment …" : isInvited ? "Join" : "Start"}
        </button>
      </form>
    </main>
  );
}
