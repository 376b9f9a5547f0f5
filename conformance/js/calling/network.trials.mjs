// Hard networks: one of two who talk is behind a link that loses, delays, narrows, blocks and moves.
//
// `cargo xtask test network` runs this in a network namespace of its own; see network.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { firefox } from "./browsers.mjs";
import { IPV6 } from "./network.mjs";
import { during, figuresOf, outage, seconds } from "./network_figures.mjs";
import { CAMERA, HTTPS_PORT, Lab } from "./network_lab.mjs";

// Of the camera's two layers the smaller one.
const SMALL_WIDTH = CAMERA.width / 2;
// Long enough for each figure to be of some hundred packets and for the browsers to adapt.
const TRIAL_MS = 12_000;
// "Seconds": what a person waits without hanging up. How long it really takes is printed: on a machine that does other
// things as well it says little.
const PATIENCE_MS = 10_000;
const CONCEALED_MAX = 0.03;
// A call that has just begun has not shown yet what is usual in it.
const IN_MID_CALL_MS = 3_000;

test("hard networks", async (context) => {
  const lab = await Lab.start(context);

  await lab.trial("5 % loss", async ({ network }) => {
    await network.becomesBothWays({ lostPermille: 50 });
    await goesOn(lab, { framesPerSecond: 8, concealed: 0.08 });
  });

  await lab.trial("200 ms there and back, with jitter", async ({ network }) => {
    await network.becomesBothWays({ delayMs: 85, jitterMs: 30 });
    await goesOn(lab, { framesPerSecond: 8, concealed: CONCEALED_MAX });
  });

  await lab.trial("bursts of 30 % loss", async ({ network }) => {
    await network.becomesBothWays({ bursts: { beginsPermille: 5, endsPermille: 20, lostPermille: 300 } });
    await goesOn(lab, { framesPerSecond: 5, concealed: 0.15 });
  });

  await lab.trial("300 kbit/s and back", async ({ inside, network }) => {
    await shows(inside, "the large picture", (width) => width === CAMERA.width);
    await network.becomesBothWays({ rateKbps: 300 });
    const downMs = await shows(inside, "the small picture", (width) => width > 0 && width <= SMALL_WIDTH);
    const narrow = await during(inside.page, TRIAL_MS);
    lab.tell(inside, narrow);
    assert(narrow.concealed < CONCEALED_MAX, `${narrow.concealed} of the sound was made up`);
    assert(narrow.framesPerSecond > 5, `${narrow.framesPerSecond} frames a second`);
    await network.becomes();
    const upMs = await shows(inside, "the large picture again", (width) => width === CAMERA.width);
    lab.say(`smaller after ${seconds(downMs)}, larger again after ${seconds(upMs)}`);
  });

  await lab.trial("the client's address changes", async ({ both, network }) => {
    await comesBack(both, () => network.moves());
  });

  await lab.trial("UDP is blocked in mid-call", async ({ both, network }) => {
    await comesBack(both, () => network.becomes({ passage: "noUdp" }));
    await connects(lab, ["host/tcp", "prflx/tcp", "relay/tcp", "relay/tls"]);
  });

  await lab.trial("UDP is blocked", async ({ network }) => {
    await network.becomes({ passage: "noUdp" });
    await lab.meet();
    await connects(lab, ["host/tcp", "prflx/tcp"]);
  });

  await lab.trial("only TCP 443 is open", async ({ network }) => {
    await network.becomes({ passage: { onlyTcp: HTTPS_PORT } });
    await lab.meet();
    await connects(lab, ["relay/tls"]);
  });

  // Last: the server's certificate is a new one afterwards, which the browsers' command line does not know.
  await lab.trial("the server is killed, 200 ms away", async ({ both, network }) => {
    await network.becomesBothWays({ delayMs: 100 });
    await comesBack(both, () => lab.restartServer());
  });

  /** Whatever `act` does, both see and hear each other again by themselves, in the same call. */
  async function comesBack(both, act) {
    const callIds = () => Promise.all(both.map(async (each) => (await each.state()).call?.id));
    const before = await callIds();
    await during(both[0].page, IN_MID_CALL_MS);
    const pauses = await outage(both.map((each) => each.page), act, 3 * PATIENCE_MS);
    both.forEach((each, at) => lab.say(`${lab.placeOf(each)}: nothing for ${seconds(pauses[at])}`));
    await lab.talk();
    assert.deepEqual(await callIds(), before);
    for (const pause of pauses) assert(pause < PATIENCE_MS, `nothing came for ${pause} ms`);
  }
});

test("a network of IPv6 only", async (context) => {
  const lab = await Lab.start(context, { family: IPV6 });

  await lab.trial("IPv6 only", async () => {
    await connects(lab, ["host/udp", "prflx/udp"]);
  });
});

test("Firefox on a hard network", async (context) => {
  const lab = await Lab.start(context, { openInside: firefox });

  await lab.trial("Firefox, 5 % loss", async ({ network }) => {
    await network.becomesBothWays({ lostPermille: 50 });
    // It sends no sound twice (RED).
    await goesOn(lab, { framesPerSecond: 8, concealed: 0.12 });
  });
});

/** Both see and hear each other for a while, well enough. */
async function goesOn(lab, { framesPerSecond, concealed }) {
  const all = await Promise.all(lab.both.map((each) => during(each.page, TRIAL_MS)));
  all.forEach((figures, at) => lab.tell(lab.both[at], figures));
  for (const figures of all) {
    assert(figures.framesPerSecond >= framesPerSecond, `${figures.framesPerSecond} frames a second`);
    assert(figures.concealed <= concealed, `${figures.concealed} of the sound was made up`);
  }
  await lab.talk();
}

/** Who is behind the link finds one of these ways through, and both talk. */
async function connects(lab, ways) {
  const { inside, outside } = lab;
  const { way } = await until(inside, `one of ${ways.join(", ")}`, ({ way }) => ways.includes(way));
  lab.say(`the way: ${way}`);
  for (const each of [inside, outside]) lab.tell(each, await during(each.page, TRIAL_MS / 2));
}

/** Waits until a condition on the width of the picture somebody gets holds; how long that took, in ms. */
async function shows(person, what, condition) {
  const start = performance.now();
  await until(person, what, ({ width }) => condition(width));
  return performance.now() - start;
}

/** Waits until the figures of somebody are as they should be; gives them. */
async function until(person, what, isWanted) {
  const start = performance.now();
  for (;;) {
    const figures = await figuresOf(person.page);
    if (isWanted(figures)) return figures;
    const is = `${figures.way}, ${figures.width} px`;
    assert(performance.now() - start < 3 * PATIENCE_MS, `${person.name} waits in vain for ${what}: ${is}`);
    await new Promise((settle) => setTimeout(settle, 100));
  }
}
