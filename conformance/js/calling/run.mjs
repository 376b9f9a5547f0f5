// Runs the witnesses of calls: starts a server with the sample pages and their trusted service, as `cargo xtask run`
// does, then `node --test`, one file after the other, because the browsers of one file keep two cores busy.
//
//   node run.mjs                                  everything
//   node run.mjs group.test.mjs                   one file
//   node run.mjs --test-name-pattern="declines"   the tests of that name
//
// Ends with 0 when all passed, 1 when a test or the server failed, 2 when it could not start.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { startSamples } from "./samples.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
// The plain client of the protocol is served by the tests, from an origin of its own.
const SETTINGS = ["cors.origins=*"];

function testFiles(words) {
  const named = words.filter((word) => !word.startsWith("--"));
  const names = named.length > 0 ? named : readdirSync(HERE).filter((name) => name.endsWith(".test.mjs")).sort();
  return names.map((name) => join(HERE, name));
}

function runTests(server, words) {
  const options = ["--test", "--test-reporter=spec", "--test-concurrency=1"];
  const given = words.filter((word) => word.startsWith("--"));
  const child = spawn(process.execPath, [...options, ...given, ...testFiles(words)], {
    stdio: "inherit",
    env: { ...process.env, NODE_EXTRA_CA_CERTS: server.caFile, CALLING_SERVER: JSON.stringify(server) },
  });
  return new Promise((settle, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) => settle(signal === null ? code : 1));
  });
}

async function main(words) {
  const starting = startSamples({ settings: SETTINGS });
  const running = await starting.catch((error) => void console.error(`could not start: ${error.message}`));
  if (!running) return 2;
  let failed = (await runTests(running.server, words)) !== 0;
  await running.stop().catch((error) => {
    console.error(error.message);
    failed = true;
  });
  return failed ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
