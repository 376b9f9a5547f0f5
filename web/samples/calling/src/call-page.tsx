/** A call: a bar of our own above an unmodified composite. */

import { Dismiss20Regular, Link20Regular, WeatherMoon20Regular, WeatherSunny20Regular } from "@fluentui/react-icons";
import {
  CallComposite,
  type CallControlOptions,
  CallWithChatComposite,
  darkTheme,
  lightTheme,
} from "@azure/communication-react";
import { useEffect, useState } from "react";
import { type Adapter, closeAdapter, openAdapter } from "./adapter";
import type { Online } from "./online";
import { addressOf, type Place } from "./place";

interface Parts {
  online: Online;
  place: Place;
  /** The id of a call that was accepted; else the place says which call. */
  taken: string;
  isDark: boolean;
  flipTheme: () => void;
  onLeave: () => void;
}

/** Windows narrower than this, in CSS pixels, are drawn for a phone: the desktop form needs room for a side pane. */
const NARROW_PX = 600;

/** There are no captions to be had, and a survey after each try would be a nuisance. */
const OPTIONS = {
  callControls: { captionsButton: false } satisfies CallControlOptions,
  surveyOptions: { disableSurvey: true },
};

export function CallPage({ online, place, taken, isDark, flipTheme, onLeave }: Parts) {
  const { adapter, problem } = useAdapter(online, place, taken);
  const [note, setNote] = useState("");
  const [isMobile] = useState(place.mobile === "1" || innerWidth < NARROW_PX);
  // Calls with persons have no link: they ring.
  const link = place.group && addressOf({ group: place.group, thread: place.thread });

  const tell = (text: string) => {
    setNote(text);
    setTimeout(() => setNote((shown) => (shown === text ? "" : shown)), 4000);
  };
  const copyLink = async () => {
    const isCopied = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    if (isCopied) tell("The invitation link is copied.");
    else prompt("The invitation link", link);
  };

  const common = {
    fluentTheme: isDark ? darkTheme : lightTheme,
    formFactor: isMobile ? "mobile" : "desktop",
    options: OPTIONS,
  } as const;
  return (
    <div className="call">
      <header>
        <strong className="name" title={`You are ${online.me.displayName}`}>
          {online.me.displayName}
        </strong>
        <span className="note quiet" role="status">
          {note}
        </span>
        {link && (
          <button className="button" onClick={copyLink} aria-label="Copy an invitation link">
            <Link20Regular /> <span className="words">Invite</span>
          </button>
        )}
        <button className="button" onClick={flipTheme} aria-label={isDark ? "Light colours" : "Dark colours"}>
          {isDark ? <WeatherSunny20Regular /> : <WeatherMoon20Regular />}
        </button>
        <button className="button" onClick={onLeave} aria-label="Back to the choices">
          <Dismiss20Regular />
        </button>
      </header>
      <div className="composite" data-call>
        {problem ? (
          <p className="wrong waiting-for" role="alert">
            {problem}
          </p>
        ) : !adapter ? (
          <p className="quiet waiting-for">Connecting …</p>
        ) : adapter.kind === "chat" ? (
          <CallWithChatComposite adapter={adapter.adapter} joinInvitationURL={link} {...common} />
        ) : (
          <CallComposite adapter={adapter.adapter} callInvitationUrl={link || undefined} {...common} />
        )}
      </div>
    </div>
  );
}

function useAdapter(online: Online, place: Place, taken: string): { adapter?: Adapter; problem?: string } {
  const [state, setState] = useState<{ adapter?: Adapter; problem?: string }>({});
  useEffect(() => {
    let isOver = false;
    const opening = openAdapter(online, place, taken);
    opening.then(
      (adapter) => !isOver && setState({ adapter }),
      (cause: Error) => !isOver && setState({ problem: cause.message }),
    );
    return () => {
      isOver = true;
      opening.then((adapter) => closeAdapter(online, adapter), () => undefined);
    };
    // The page of another call is another page: see its key.
  }, []);
  return state;
}
