/** The first form: a name. One is suggested, so that a second window is another person with one key press. */

import { type FormEvent, useState } from "react";
import { isCall, type Place } from "./place";
import { rememberName, suggestName } from "./names";

export function Name({ place, onEnter }: { place: Place; onEnter: (user: string) => void }) {
  const [user, setUser] = useState(suggestName);
  const enter = (event: FormEvent) => {
    event.preventDefault();
    const name = user.trim();
    if (!name) return;
    rememberName(name);
    onEnter(name);
  };
  return (
    <main className="entrance">
      <form className="card" onSubmit={enter}>
        <h1>{isCall(place) ? "Join the call" : "Calls"}</h1>
        <label className="field">
          Your name
          <input
            name="user"
            value={user}
            onChange={(event) => setUser(event.target.value)}
            onFocus={(event) => event.target.select()}
            required
            maxLength={100}
            autoFocus
          />
        </label>
        <p className="quiet">
          Any name will do: this sample has no passwords. Open a second window under another name to have somebody to
          talk to.
        </p>
        {!window.isSecureContext && (
          <p className="wrong" role="alert">
            Browsers give cameras and microphones to pages with https or on localhost only. Open this page under such an
            address.
          </p>
        )}
        <button className="button main">Continue</button>
      </form>
    </main>
  );
}
