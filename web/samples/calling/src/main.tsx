/**
 * Calls with the unmodified composites of `@azure/communication-react`.
 *
 * ```text
 * ?user=ada                          waits for calls and offers to place some
 * ?user=ada&to=ben                   calls ben; 8:echo123 is the echo test
 * ?user=ada&group=GUID               joins a group call; with &thread=19:… its chat is beside it
 * ?user=ada&room=ID  ?user=ada&meeting=URL
 * &mobile=1                          drawn for a phone
 * &effects=1                         offers the library's backgrounds, which are refused
 * ```
 */

import "../../shared/own-fonts";
import "./own-icons";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { Desk } from "./desk";
import { Name } from "./name";
import { addressOf, type Place, readPlace } from "./place";

function Page() {
  const [place, setPlace] = useState(readPlace);
  const go = (next: Place) => {
    history.replaceState(null, "", addressOf(next));
    setPlace(next);
  };
  if (!place.user) return <Name place={place} onEnter={(user) => go({ ...place, user })} />;
  return <Desk key={place.user} place={place} go={go} />;
}

const root = document.getElementById("page");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
