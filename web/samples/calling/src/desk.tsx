/** What a signed-in user sees: the choices or a call, and above both the calls that come in. */

import { CallAgentProvider, CallClientProvider, FluentThemeProvider, darkTheme, lightTheme } from "@azure/communication-react";
import { useState } from "react";
import { useTheme } from "../../shared/theme";
import { CallPage } from "./call-page";
import { Choices } from "./choices";
import { Incoming } from "./incoming";
import { useOnline } from "./online";
import { addressOf, home, isCall, type Place } from "./place";

export function Desk({ place, go }: { place: Place; go: (place: Place) => void }) {
  const { online, problem } = useOnline(place.user);
  const [taken, setTaken] = useState("");
  const [isDark, flipTheme] = useTheme();
  if (!online) {
    return (
      <main className="entrance">
        {problem ? (
          <p className="wrong" role="alert">
            {problem}
          </p>
        ) : (
          <p className="quiet">Signing in …</p>
        )}
      </main>
    );
  }
  const leave = () => {
    setTaken("");
    go(home(place));
  };
  const take = (id: string) => {
    go(home(place));
    setTaken(id);
  };
  return (
    <CallClientProvider callClient={online.client}>
      <CallAgentProvider callAgent={online.agent}>
        {taken || isCall(place) ? (
          <CallPage
            key={taken || addressOf(place)}
            online={online}
            place={place}
            taken={taken}
            isDark={isDark}
            flipTheme={flipTheme}
            onLeave={leave}
          />
        ) : (
          <Choices place={place} go={go} isDark={isDark} flipTheme={flipTheme} />
        )}
        <FluentThemeProvider fluentTheme={isDark ? darkTheme : lightTheme} rootStyle={{ height: "auto", width: "auto" }}>
          <Incoming onTaken={take} />
        </FluentThemeProvider>
      </CallAgentProvider>
    </CallClientProvider>
  );
}
