/** A chat page around the unmodified ChatComposite: `?user=alice&thread=19:…` opens a thread as a user. */

import "../../shared/own-fonts";
import "./own-icons";
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat";
import { Entrance } from "./entrance";

/** Who is looking at what; kept in the address, so that reloading stays and links can be shared. */
export interface Place {
  user: string;
  threadId: string;
}

function readPlace(): Place {
  const query = new URLSearchParams(location.search);
  return { user: query.get("user") ?? "", threadId: query.get("thread") ?? "" };
}

/** The address of a place; without a user it is the link to send to others. */
export function addressOf({ user, threadId }: Place): string {
  const query = new URLSearchParams();
  if (user) query.set("user", user);
  if (threadId) query.set("thread", threadId);
  return `${location.origin}${location.pathname}?${query}`;
}

function Page() {
  const [place, setPlace] = useState(readPlace);
  const go = (next: Place) => {
    history.replaceState(null, "", addressOf(next));
    setPlace(next);
  };
  return place.user && place.threadId ? (
    <Chat
      key={`${place.user} ${place.threadId}`}
      place={place}
      onLeave={() => go({ user: place.user, threadId: "" })}
    />
  ) : (
    <Entrance place={place} onEnter={go} />
  );
}

const root = document.getElementById("page");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
