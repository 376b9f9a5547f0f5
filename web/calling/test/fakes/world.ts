/** A page with a signed-in user and a server that takes calls: what most tests begin with. */

import { type TestContext } from "node:test";
import type { CommunicationTokenCredential } from "@azure/communication-common";
import { CallClient, configure } from "../../src/index.js";
import type * as T from "../../src/types.js";
import { openPage, type Page } from "./browser.js";
import { BOB, FakeServer, type Said, settle } from "./server.js";

/** What everybody may do in a call without roles. */
export const CAPABILITIES = [
  "turnVideoOn", "unmuteMic", "raiseHand", "useReactions", "shareScreen", "muteOthers", "removeParticipant",
  "addCommunicationUser", "spotlightParticipant", "removeParticipantsSpotlight", "hangUpForEveryOne", "viewAttendeeNames",
];

export const GROUP = "29228d3e-040e-4656-a70e-890ab4e173e5";

/** A token as the server issues it. */
export function tokenOf(claims: object): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `e30.${payload}.signature`;
}

export const credentialOf = (...tokens: string[]): CommunicationTokenCredential => {
  let at = 0;
  return {
    getToken: async () => ({ token: tokens[Math.min(at++, tokens.length - 1)] as string, expiresOnTimestamp: 0 }),
    dispose: () => {},
  };
};

export interface World {
  page: Page;
  server: FakeServer;
  client: T.CallClient;
  agent: T.CallAgent;
}

/** Joins and media offers get an answer, the rest an `ok`. */
export function takesCalls(said: Said): Said {
  const t = String(said["t"]);
  const answer = { sdp: `answer to ${JSON.stringify((said["offer"] as Said | undefined)?.["sdp"] ?? said["sdp"])}`, epoch: 1 };
  if (t === "media.offer") return { t: "ok", answer };
  if (!/^call\.(start|join|accept|rejoin)$/.test(t)) return { t: "ok" };
  const leg = said["leg"];
  return { t: "ok", call: "c-1", leg, p: 1, legToken: `token of ${String(leg)}`, serverCallId: "c2VydmVy", kind: "group", answer };
}

export async function openWorld(t: TestContext, displayName = "Alice"): Promise<World> {
  // Pauses are drawn by lot.
  t.mock.method(Math, "random", () => 0.5);
  const page = openPage();
  const server = new FakeServer();
  server.answer = takesCalls;
  configure({ endpoint: "https://server.example", open: server.open });
  const client = new CallClient();
  const making = client.createCallAgent(credentialOf(tokenOf({ exp: 1 })), { displayName });
  await settle();
  const agent = await making;
  t.after(() => client.dispose());
  return { page, server, client, agent };
}

export const person = (p: number, user: string, more: Said = {}): Said => ({
  p,
  user,
  name: user === BOB ? "Bob" : `Person ${p}`,
  kind: "user",
  state: "connected",
  muted: false,
  role: "Unknown",
  ...more,
});

/** Says that the call is connected, with these others in it. */
export async function connect({ server }: World, leg: string, people: Said[]): Promise<void> {
  const own = { leg, state: "connected", role: "Unknown", capabilities: CAPABILITIES, at: 0 };
  server.say({ t: "leg", ...own, state: "connecting" });
  server.say({ t: "leg", ...own });
  server.say({ t: "participants", leg, set: people, gone: [] });
  server.say({
    t: "call", leg, kind: "group", count: people.length + 1, spotlight: [], recording: false, transcription: false,
    speakers: [], threadId: null,
  });
  await settle();
}

/** A group call with Bob, who shows his camera. */
export async function joinWithBob(world: World, options?: T.JoinCallOptions): Promise<T.Call> {
  const call = world.agent.join({ groupId: GROUP }, options);
  await settle();
  await connect(world, call.id, [person(2, BOB, { sources: { audio: {}, camera: { width: 640, height: 360 } } })]);
  return call;
}
