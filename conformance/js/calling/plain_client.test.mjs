// Two plain clients of docs/signalling.md in a group call: no SDK, no library.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { CommunicationIdentityClient } from "@azure/communication-identity";

import { chromium } from "./browsers.mjs";
import { servePages } from "./pages.mjs";
import { newGroup, server } from "./people.mjs";
import { hears, hearsNothingOf, PITCHES_HZ } from "./tones.mjs";

const SMALL = { width: 320, height: 180 };
const origin = await servePages({ after });
const identities = new CommunicationIdentityClient(server.connectionString);

/**
 * Somebody in a group. The way to the server may be narrow: `relay` is the transport to a relay and leaves nothing else,
 * `isTcpOnly` leaves neither UDP nor a relay. `codec` is the video codec to put first.
 */
async function joins(context, group, hertz, { relay = "", isTcpOnly = false, codec } = {}) {
  const page = await chromium(context, { hertz });
  const { token } = await identities.createUserAndToken(["voip"]);
  const address = `${server.endpoint.replace(/^http/, "ws").replace(/\/$/, "")}/calling/signalling`;
  await page.open(`${origin}/raw.html`, { camera: SMALL });
  const enter = async (url, bearer, id, way) => {
    const { iceServers } = await raw.connect(url, bearer);
    const isMeant = (server) => server.startsWith("turn:") && server.endsWith(`transport=${way.relay}`);
    const narrow = iceServers.map((each) => ({ ...each, urls: each.urls.filter(isMeant) }));
    const relayed = { iceServers: narrow, iceTransportPolicy: "relay" };
    const ice = way.relay ? relayed : { iceServers: way.isTcpOnly ? [] : iceServers };
    await raw.open({ ice, codec: way.codec });
    await raw.join(id, way);
  };
  await page.evaluate(enter, address, token, group, { relay, isTcpOnly, codec });
  await page.until("connected", () => raw.connection.connectionState === "connected");
  return page;
}

test("two plain clients see and hear each other, not themselves", async (context) => {
  const group = newGroup();
  const [one, other] = PITCHES_HZ;
  const first = await joins(context, group, one);
  const second = await joins(context, group, other);
  await Promise.all([first.decodes(1), second.decodes(1)]);
  await Promise.all([hears(first, other), hears(second, one)]);
  await Promise.all([hearsNothingOf(first, one), hearsNothingOf(second, other)]);
  for (const page of [first, second]) assert.deepEqual(await page.evaluate(codecsDecoded), ["video/VP8"]);

  await second.evaluate(() => raw.ask("call.hangUp", { leg: raw.leg }));
  const over = await second.until("told that it is over", () => raw.heard.find(({ t }) => t === "leg.over"));
  assert.deepEqual([over.leg, over.reason.code, over.reason.subCode], [await second.evaluate(() => raw.leg), 0, 0]);
  await first.until("told that the other has left", () => raw.heard.some(({ t, gone }) => t === "participants" && gone.length > 0));
  first.assertQuiet();
  second.assertQuiet();
});

test("VP9 and AV1 of those who put them first are passed on", async (context) => {
  const group = newGroup();
  const [one, other] = PITCHES_HZ;
  const first = await joins(context, group, one, { codec: "video/VP9" });
  const second = await joins(context, group, other, { codec: "video/AV1" });
  await Promise.all([first.decodes(1), second.decodes(1)]);
  assert.deepEqual(await first.evaluate(codecsDecoded), ["video/AV1"]);
  assert.deepEqual(await second.evaluate(codecsDecoded), ["video/VP9"]);
  first.assertQuiet();
  second.assertQuiet();
});

/** Runs in the page: the codecs of the pictures that arrive, by their media types. */
async function codecsDecoded() {
  const all = await raw.connection.getStats();
  const isPicture = ({ type, kind, framesDecoded }) => type === "inbound-rtp" && kind === "video" && framesDecoded > 0;
  return [...all.values()].filter(isPicture).map(({ codecId }) => all.get(codecId).mimeType);
}

/** Two with narrow ways to the server talk with each other; tells the ways that were taken. */
async function talkBy(context, ...ways) {
  const group = newGroup();
  const [one, other] = PITCHES_HZ;
  const first = await joins(context, group, one, ways[0]);
  const second = await joins(context, group, other, ways[1]);
  await Promise.all([first.decodes(1), second.decodes(1)]);
  await Promise.all([hears(first, other), hears(second, one)]);
  return Promise.all([first, second].map((page) => page.evaluate(wayTaken)));
}

/** Runs in the page: the local end of the pair of candidates that is used. */
async function wayTaken() {
  const all = await raw.connection.getStats();
  const transport = [...all.values()].find(({ type }) => type === "transport");
  const { candidateType, protocol, relayProtocol } = all.get(
    all.get(transport.selectedCandidatePairId).localCandidateId,
  );
  return candidateType === "relay" ? `relay by ${relayProtocol}` : protocol;
}

test("two who reach nothing but the relay see and hear each other", async (context) => {
  const ways = await talkBy(context, { relay: "udp" }, { relay: "tcp" });
  assert.deepEqual(ways, ["relay by udp", "relay by tcp"]);
});

test("so does somebody who has neither UDP nor a relay", async (context) => {
  const ways = await talkBy(context, { isTcpOnly: true }, {});
  assert.deepEqual(ways, ["tcp", "udp"]);
});
