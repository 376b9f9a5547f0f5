// How long people wait in a call: two Chromium with the calling SDK and a running server. Prints the rows of
// docs/benchmarks.md; `cargo xtask bench call` builds what it needs and runs it.
//
//   node bench.mjs [ROUNDS] [PART...]     PART: rings, resumes, restarts

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { freePort, startServer } from "../server.mjs";
import { chromium } from "./browsers.mjs";
import { servePages } from "./pages.mjs";
import { PITCHES_HZ } from "./tones.mjs";

const SDK = fileURLToPath(new URL("../../../web/calling/dist/index.js", import.meta.url));
const CAMERA = { width: 320, height: 180 };
// As a camera has them; the browser's made-up one would have 20.
const FRAMES_PER_SECOND = 30;
const ROUNDS = 30;
// A restart takes seconds each time.
const RESTARTS = 5;
// Somebody looks at the screen and presses a button; what is prepared meanwhile is ready by then.
const RINGING_MS = 700;
// Between two rounds everything comes to rest.
const REST_MS = 300;
const PARTS = { rings: measureRings, resumes: measureResumes, restarts: measureRestarts };

/** The rows in which the time between two moments is told: what, whose times, from, to, goal in ms. */
const RINGS = [
  ["start to `incomingCall` at the callee", "callee", "start", "incomingCall", 50],
  ["accept to first remote frame, callee", "callee", "accept", "first frame", 400],
  ["accept to first remote frame, caller", "caller", "accept", "first frame", undefined],
  ["accept to first sound, callee", "callee", "accept", "first sound", undefined],
  ["accept to first sound, caller", "caller", "accept", "first sound", undefined],
];
async function main(words) {
  const numbers = words.filter((word) => /^\d+$/.test(word)).map(Number);
  const parts = words.filter((word) => !/^\d+$/.test(word));
  const unknown = parts.find((part) => !(part in PARTS));
  if (unknown !== undefined) throw new Error(`there is no ${unknown}; there are ${Object.keys(PARTS).join(", ")}`);
  const cleanUps = [];
  const context = { after: (cleanUp) => cleanUps.push(cleanUp) };
  try {
    const scene = await openScene(context);
    console.log("| what | rounds | p50 ms | p90 ms | goal, p50 ms |\n|---|---:|---:|---:|---:|");
    for (const part of parts.length > 0 ? parts : Object.keys(PARTS)) await PARTS[part](scene, numbers[0] ?? ROUNDS);
    scene.tell();
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  }
}

/** A server that can come back to its port, and two people at pages of their own. */
async function openScene(context) {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-bench-call-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const start = () => startServer({ folder, settings: [`http.port=${port}`, "cors.origins=*"] });
  const scene = { start, running: await start(), tell: () => {} };
  context.after(() => scene.running.stop());
  const origin = await servePages(context, { "sdk.js": SDK });
  const { server } = scene.running;
  [scene.caller, scene.callee] = await Promise.all(
    PITCHES_HZ.slice(0, 2).map((hertz) => openPerson(context, server, origin, hertz)),
  );
  return scene;
}

async function openPerson(context, server, origin, hertz) {
  const { id } = await server.command("user", "create");
  const { token } = await server.command("token", "issue", id, "--scope", "voip");
  const flags = [`--use-fake-device-for-media-stream=fps=${FRAMES_PER_SECOND}`];
  const page = await chromium(context, { hertz, flags, viewport: { width: 800, height: 600 } });
  await page.open(`${origin}/bench.html`, { camera: CAMERA });
  await page.evaluate((word) => bench.enter(word), token);
  return { page, id };
}

// ---- the parts ----

/** Rings, is taken, and ends: what each of them waits for. */
async function measureRings(scene, rounds) {
  const { caller, callee } = scene;
  const [placed, taken] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const atStart = await place({ caller, callee });
    const { start } = atStart;
    const { incomingCall } = await timesOf(callee);
    await caller.page.evaluate(() => bench.forget());
    await callee.page.evaluate(() => bench.accept());
    await Promise.all([caller, callee].map((each) => sees(each)));
    const [atCaller, atCallee] = await Promise.all([timesOf(caller), timesOf(callee)]);
    placed.push(atStart);
    const { accept } = atCallee;
    taken.push({ caller: { ...atCaller, accept }, callee: { ...atCallee, incomingCall, start } });
    await end({ caller, callee });
  }
  for (const [what, who, from, to, goal] of RINGS) {
    tellRow(what, taken.map(({ [who]: times }) => times[to] - times[from]), goal);
  }
  scene.tell = () => {
    tellSteps("caller", "start", placed);
    for (const who of ["callee", "caller"]) tellSteps(who, "accept", taken.map((both) => both[who]));
  };
}

/** In a call the signalling socket is lost. */
async function measureResumes({ caller, callee }, rounds) {
  await talk({ caller, callee });
  const took = [];
  for (let round = 0; round < rounds; round++) {
    await callee.page.evaluate(() => bench.loseSocket());
    await callee.page.until("the session goes on", () => bench.times["heard resumed"] !== undefined);
    const times = await timesOf(callee);
    took.push(times["heard resumed"] - times["socket lost"]);
    await wait(REST_MS);
  }
  await end({ caller, callee });
  tellRow("socket lost to session resumed", took);
}

/** In a call the server is killed, and started again at once. */
async function measureRestarts(scene, rounds) {
  const { caller, callee } = scene;
  await talk(scene);
  const [all, own] = [[], []];
  for (let round = 0; round < Math.min(rounds, RESTARTS); round++) {
    const killed = Date.now();
    await scene.running.kill();
    scene.running = await scene.start();
    const ready = Date.now();
    const sinceReady = (at) => bench.frameAt > at;
    await Promise.all([caller, callee].map(({ page }) => page.evaluate(() => (bench.times = {}))));
    for (const { page } of [caller, callee]) await page.until("pictures go on", sinceReady, ready);
    const first = await Promise.all([caller, callee].map(async (each) => (await timesOf(each))["first frame"]));
    all.push(Math.max(...first) - killed);
    own.push(Math.max(...first) - ready);
    await wait(REST_MS);
  }
  await end(scene);
  tellRow("SIGKILL of the server to pictures again at both", all);
  tellRow("the same from the moment the server is ready again", own);
}

// ---- what people do ----

/** The caller calls, and it rings for a while; gives the caller's times. */
async function place({ caller, callee }) {
  await Promise.all([caller, callee].map(({ page }) => page.evaluate(() => bench.forget())));
  await caller.page.evaluate((id) => bench.start(id), callee.id);
  await callee.page.until("it rings", () => bench.ringing !== undefined);
  await wait(RINGING_MS);
  return timesOf(caller);
}

async function talk(scene) {
  await place(scene);
  await scene.callee.page.evaluate(() => bench.accept());
  await Promise.all([scene.caller, scene.callee].map((each) => sees(each)));
}

async function end({ caller, callee }) {
  await caller.page.evaluate(() => bench.hangUp());
  for (const { page } of [caller, callee]) await page.until("the call is over", () => bench.call.state === "Disconnected");
  await wait(REST_MS);
}

/** Waits until somebody sees and hears the other. */
async function sees({ page }) {
  const isThere = () => bench.times["first frame"] !== undefined && bench.times["first sound"] !== undefined;
  await page.until("seen and heard", isThere);
}

const timesOf = ({ page }) => page.evaluate(() => bench.times);

// ---- the tables ----

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

function tellRow(what, values, goal) {
  const sorted = values.toSorted((one, other) => one - other);
  const [p50, p90] = [at(sorted, 0.5), at(sorted, 0.9)].map((value) => value.toFixed(0));
  console.log(`| ${what} | ${values.length} | ${p50} | ${p90} | ${goal ?? "-"} |`);
}

/** Everything that happened after a moment, in its usual order. */
function tellSteps(who, from, all) {
  console.log(`\n| ${who}, after ${from} | p50 ms | p90 ms |\n|---|---:|---:|`);
  const names = [...new Set(all.flatMap((times) => Object.keys(times)))];
  const since = (name) => all.flatMap((times) => (times[name] > times[from] ? [times[name] - times[from]] : []));
  const steps = names.map((name) => [name, since(name).sort((one, other) => one - other)]);
  // What happens in few rounds is no step of it.
  const usual = steps.filter(([, sorted]) => sorted.length > all.length / 2);
  for (const [name, sorted] of usual.sort(([, one], [, other]) => at(one, 0.5) - at(other, 0.5))) {
    console.log(`| ${name} | ${at(sorted, 0.5).toFixed(0)} | ${at(sorted, 0.9).toFixed(0)} |`);
  }
}

await main(process.argv.slice(2));
