// Runs the JavaScript suites: starts the shared server first, because Node reads NODE_EXTRA_CA_CERTS only at its own
// start, then `node --test` with the environment a customer would set.
//
//   node run.mjs                                       everything
//   node run.mjs retries.test.mjs                      one file
//   node run.mjs --test-name-pattern="lost answer"     the tests of that name
//
// Ends with 0 when all passed, 1 when a test or the server failed, 2 when it could not start.

import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { binaryPath, startServer } from "./server.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
// The SDKs date their signatures by the machine's clock, which goes on while the shared server's stands.
const ANY_DATE = "limits.clock_skew_s=86400";
const SDK_PACKAGES = [
  "@azure/communication-identity", "@azure/communication-common", "@azure/communication-chat", "@azure/identity",
  "@azure/arm-communication", "@azure/arm-resources", "@azure/arm-eventgrid", "@azure/eventgrid",
  "@azure/core-rest-pipeline",
];

function testFiles(words) {
  const named = words.filter((word) => !word.startsWith("--"));
  if (named.length > 0) return named.map((name) => (existsSync(name) ? resolve(name) : join(HERE, name)));
  return readdirSync(HERE).filter((name) => name.endsWith(".test.mjs")).sort().map((name) => join(HERE, name));
}

/** The versions that are installed, which are the pinned ones unless somebody asked for the newest. */
function versions() {
  const version = (name) => JSON.parse(readFileSync(join(HERE, "node_modules", name, "package.json"), "utf8")).version;
  return SDK_PACKAGES.map((name) => `${name} ${version(name)}`).join(", ");
}

function runTests([server, realTimeServer], authorities, words) {
  const options = words.filter((word) => word.startsWith("--"));
  const child = spawn(process.execPath, ["--test", "--test-reporter=spec", ...options, ...testFiles(words)], {
    stdio: "inherit",
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: authorities,
      NO_PROXY: "localhost,127.0.0.1",
      CONFORMANCE_SHARED_SERVER: JSON.stringify(server),
      CONFORMANCE_REAL_TIME_SERVER: JSON.stringify(realTimeServer),
    },
  });
  return new Promise((settle, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) => settle(signal === null ? code : 1));
  });
}

/** Two servers for the whole run, by test clock and by the machine's, started side by side. */
async function startServers() {
  const standing = { testClock: true, settings: [ANY_DATE] };
  const started = await Promise.allSettled([standing, { testClock: false }].map(startServer));
  const failed = started.find(({ status }) => status === "rejected");
  const running = started.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
  if (failed) {
    await Promise.allSettled(running.map(({ stop }) => stop()));
    throw failed.reason;
  }
  return running;
}

async function main(words) {
  let installed, running;
  try {
    const binary = binaryPath();
    if (!existsSync(join(HERE, "node_modules"))) throw new Error(`packages are missing: npm ci --prefix ${HERE}`);
    installed = `${versions()}; Node ${process.version}\nconformance/js: server ${binary}`;
    running = await startServers();
  } catch (error) {
    console.error(`conformance/js: could not start: ${error.message}`);
    return 2;
  }
  const servers = running.map(({ server }) => server);
  const folder = await mkdtemp(join(tmpdir(), "trunkline-trust-"));
  const authorities = join(folder, "ca.pem");
  await writeFile(authorities, servers.map(({ caFile }) => readFileSync(caFile, "utf8")).join(""));
  let failed = (await runTests(servers, authorities, words)) !== 0;
  await rm(folder, { recursive: true });
  for (const { status, reason } of await Promise.allSettled(running.map(({ stop }) => stop()))) {
    if (status === "fulfilled") continue;
    console.error(`conformance/js: ${reason.message}`);
    failed = true;
  }
  console.log(`conformance/js: ${failed ? "FAILED" : "passed"}: ${installed}`);
  return failed ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
