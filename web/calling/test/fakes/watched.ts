/** A session whose server a test has in its hands, and what it told. */

import { mock } from "node:test";
import { Session } from "../../src/signalling/session.js";
import { holdTime } from "./clock.js";
import { FakeServer, type Said, settle } from "./server.js";

export interface Watched {
  session: Session;
  server: FakeServer;
  messages: Said[];
  states: string[];
  renewals: number;
  refusals: { code: number; subCode: number }[];
}

export type Tokens = (string | Promise<string>)[];

export function watch(tokens: Tokens = ["token-1"]): Watched {
  const server = new FakeServer();
  let at = 0;
  const token = async () => tokens[Math.min(at++, tokens.length - 1)] as string | Promise<string>;
  const session = new Session({ url: "wss://server.example/calling/signalling", open: server.open, token, hello: { device: "d-1" } });
  const watched: Watched = { session, server, messages: [], states: [], renewals: 0, refusals: [] };
  session.events.on("message", (frame) => watched.messages.push(frame));
  session.events.on("state", (state) => watched.states.push(state));
  session.events.on("renewed", () => (watched.renewals += 1));
  session.events.on("refused", ({ code, subCode }) => watched.refusals.push({ code, subCode }));
  return watched;
}

export async function started(tokens?: Tokens): Promise<Watched> {
  const watched = watch(tokens);
  const starting = watched.session.start();
  await settle();
  await starting;
  return watched;
}

/** Lets time pass, and everything happen that waits for it. */
export async function pass(milliseconds: number): Promise<void> {
  const STEP_MS = 250;
  for (let left = milliseconds; left > 0; left -= STEP_MS) {
    mock.timers.tick(Math.min(left, STEP_MS));
    await settle();
  }
}

/** Pauses are drawn by lot: always this one. */
export function holdTimeAndLots(lot: () => number = () => 0.5): void {
  holdTime();
  mock.method(Math, "random", lot);
}
