/** What can be done: call somebody, start a group, try the echo. Meanwhile the user can be called. */

import {
  Call20Regular,
  Mic20Regular,
  PeopleTeam20Regular,
  SignOut20Regular,
  WeatherMoon20Regular,
  WeatherSunny20Regular,
} from "@fluentui/react-icons";
import { type FormEvent, useState } from "react";
import { createThread, enterThread } from "../../shared/trusted-service";
import { useUsedNames } from "./names";
import { ECHO_TEST, home, type Place } from "./place";

interface Parts {
  place: Place;
  go: (place: Place) => void;
  isDark: boolean;
  flipTheme: () => void;
}

export function Choices({ place, go, isDark, flipTheme }: Parts) {
  return (
    <main className="choices">
      <header>
        <div>
          <h1>Hello, {place.user}</h1>
          <p className="waiting" data-waiting>
            Waiting for calls
          </p>
        </div>
        <button className="button" onClick={flipTheme} aria-label={isDark ? "Light colours" : "Dark colours"}>
          {isDark ? <WeatherSunny20Regular /> : <WeatherMoon20Regular />}
        </button>
        <button className="button" onClick={() => go({ ...home(place), user: "" })} aria-label="Sign out">
          <SignOut20Regular />
        </button>
      </header>
      <Person place={place} go={go} />
      <Group place={place} go={go} />
      <section className="card">
        <h2>
          <Mic20Regular /> Echo test
        </h2>
        <p className="quiet">A call to nobody: you hear yourself two seconds later.</p>
        <button className="button" onClick={() => go({ ...home(place), to: ECHO_TEST })}>
          Try it
        </button>
      </section>
    </main>
  );
}

function Person({ place, go }: Pick<Parts, "place" | "go">) {
  const [to, setTo] = useState("");
  const known = useUsedNames().filter((name) => name.toLowerCase() !== place.user.toLowerCase());
  const call = (name: string) => name.trim() && go({ ...home(place), to: name.trim() });
  return (
    <section className="card">
      <h2>
        <Call20Regular /> Call a person
      </h2>
      <p className="quiet">Somebody who has this page open, in another window or elsewhere on this machine.</p>
      <form
        className="line"
        onSubmit={(event) => {
          event.preventDefault();
          call(to);
        }}
      >
        <label className="field">
          Their name
          <input name="to" value={to} onChange={(event) => setTo(event.target.value)} required maxLength={100} />
        </label>
        <button className="button main">Call</button>
      </form>
      {known.length > 0 && (
        <p className="known">
          {known.map((name) => (
            <button key={name} className="button" onClick={() => call(name)}>
              {name}
            </button>
          ))}
        </p>
      )}
    </section>
  );
}

const GUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;

function Group({ place, go }: Pick<Parts, "place" | "go">) {
  const [id, setId] = useState("");
  const [isWithChat, setWithChat] = useState(false);
  const [problem, setProblem] = useState("");
  const enter = async (event: FormEvent) => {
    event.preventDefault();
    try {
      go(await findGroup(place, id.trim(), isWithChat));
    } catch (cause) {
      setProblem((cause as Error).message);
    }
  };
  return (
    <section className="card">
      <h2>
        <PeopleTeam20Regular /> Group call
      </h2>
      <p className="quiet">Start one and send its link, or paste a link or id that you were sent.</p>
      <form onSubmit={enter}>
        <div className="line">
          <label className="field">
            Link or id
            <input
              name="group"
              value={id}
              onChange={(event) => setId(event.target.value)}
              placeholder="A new group"
              maxLength={2000}
            />
          </label>
          <button className="button main">{id.trim() ? "Join" : "Start"}</button>
        </div>
        <label className="check">
          <input
            type="checkbox"
            name="chat"
            checked={isWithChat}
            onChange={(event) => setWithChat(event.target.checked)}
            disabled={id.trim() !== ""}
          />
          With chat
        </label>
        {problem && (
          <p className="wrong" role="alert">
            {problem}
          </p>
        )}
      </form>
    </section>
  );
}

/** The place of a new group, or of the one that a link or an id names. */
async function findGroup(place: Place, text: string, isWithChat: boolean): Promise<Place> {
  if (!text) {
    const thread = isWithChat ? (await createThread(place.user, "A call")).threadId : "";
    return { ...home(place), group: crypto.randomUUID(), thread };
  }
  const group = GUID.exec(text)?.[0];
  if (!group) throw new Error("That is neither the link of a group call nor its id.");
  const thread = URL.canParse(text) ? (new URL(text).searchParams.get("thread") ?? "") : "";
  if (thread) await enterThread(place.user, thread);
  return { ...home(place), group, thread };
}
