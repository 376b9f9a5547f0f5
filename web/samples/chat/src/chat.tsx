/** A thread: a bar of our own above the unmodified ChatComposite. */

import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import {
  Dismiss20Regular,
  Image20Regular,
  Link20Regular,
  People20Regular,
  WeatherMoon20Regular,
  WeatherSunny20Regular,
} from "@fluentui/react-icons";
import { ChatComposite, darkTheme, lightTheme, useAzureCommunicationChatAdapter } from "@azure/communication-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { addressOf, type Place } from "./main";
import { People } from "./people";
import { sendPicture } from "./pictures";
import { type SignedIn, signIn } from "../../shared/trusted-service";
import { useTheme } from "../../shared/theme";

export function Chat({ place, onLeave }: { place: Place; onLeave: () => void }) {
  const [me, setMe] = useState<SignedIn>();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    signIn(place.user).then(setMe, (cause: Error) => setProblem(cause.message));
  }, [place.user]);
  if (me) return <Thread me={me} place={place} onLeave={onLeave} />;
  return (
    <main className="entrance">
      {problem ? <p className="wrong" role="alert">{problem}</p> : <p className="quiet">Signing in …</p>}
    </main>
  );
}

function Thread({ me, place, onLeave }: { me: SignedIn; place: Place; onLeave: () => void }) {
  const { threadId } = place;
  const [isDark, flipTheme] = useTheme();
  const [isPeopleOpen, setPeopleOpen] = useState(false);
  const [note, setNote] = useState("");
  const picture = useRef<HTMLInputElement>(null);
  // The SDK asks for the next token by itself before this one ends.
  const credential = useMemo(() => {
    const tokenRefresher = async () => (await signIn(place.user)).token;
    return new AzureCommunicationTokenCredential({ token: me.token, tokenRefresher, refreshProactively: true });
  }, [me, place.user]);
  const userId = useMemo(() => ({ communicationUserId: me.userId }), [me]);
  const adapter = useAzureCommunicationChatAdapter({
    endpoint: me.endpoint,
    userId,
    displayName: me.displayName,
    credential,
    threadId,
  });

  const tell = (text: string) => {
    setNote(text);
    setTimeout(() => setNote((shown) => (shown === text ? "" : shown)), 4000);
  };
  const copyLink = async () => {
    const link = addressOf({ user: "", threadId });
    const isCopied = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    if (isCopied) tell("The invitation link is copied.");
    else prompt("The invitation link", link);
  };
  const send = async (file: File | undefined) => {
    if (!file) return;
    const { token } = await credential.getToken();
    await sendPicture({ ...me, token }, threadId, file).catch((cause: Error) => tell(cause.message));
    if (picture.current) picture.current.value = "";
  };

  return (
    <div className="chat">
      <header>
        <strong className="name" title={`You are ${me.displayName}`}>{me.displayName}</strong>
        <span className="note quiet" role="status">{note}</span>
        <button className="button" onClick={() => picture.current?.click()} aria-label="Send a picture">
          <Image20Regular /> <span className="words">Picture</span>
        </button>
        <input
          ref={picture}
          className="unseen"
          tabIndex={-1}
          aria-hidden
          type="file"
          accept="image/*"
          onChange={(event) => send(event.target.files?.[0])}
        />
        <button className="button" onClick={copyLink} aria-label="Copy an invitation link">
          <Link20Regular /> <span className="words">Invite</span>
        </button>
        <button
          className="button"
          aria-label="People"
          aria-expanded={isPeopleOpen}
          onClick={() => setPeopleOpen(!isPeopleOpen)}
        >
          <People20Regular /> <span className="words">People</span>
        </button>
        <button className="button" onClick={flipTheme} aria-label={isDark ? "Light colours" : "Dark colours"}>
          {isDark ? <WeatherSunny20Regular /> : <WeatherMoon20Regular />}
        </button>
        <button className="button" onClick={onLeave} aria-label="Leave this page">
          <Dismiss20Regular />
        </button>
      </header>
      <div className="body">
        <div className="composite">
          {adapter ? (
            <ChatComposite
              adapter={adapter}
              fluentTheme={isDark ? darkTheme : lightTheme}
              options={{ topic: true, autoFocus: "sendBoxTextField" }}
            />
          ) : (
            <p className="quiet waiting">Connecting …</p>
          )}
        </div>
        {adapter && isPeopleOpen && <People adapter={adapter} me={me} credential={credential} threadId={threadId} />}
      </div>
    </div>
  );
}
