// Runs a Trunkline server for the tests: starts it, speaks to its command line, moves its clock, stops it.

import { execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { request as httpRequest } from "node:http";
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createListener } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

// A server that is not ready by then is broken: start to ready is a fraction of a second, on a busy machine a few.
const READY_DEADLINE_MS = 60_000;
// Chat clients are given ten seconds to move elsewhere, 45 where a test says so, and polls are answered; nothing else
// is left to wait for.
const STOP_DEADLINE_MS = 90_000;
const COMMAND_DEADLINE_MS = 30_000;
const LOG_TAIL_CHARACTERS = 4_000;
// Below those that Linux takes for outgoing connections and for port 0.
const FREE_PORTS = { from: 12_000, to: 32_000 };

const run = promisify(execFile);

/** The program under test, from `TRUNKLINE_BIN`; throws when that is missing or names nothing that runs. */
export function binaryPath() {
  const binary = process.env.TRUNKLINE_BIN;
  if (!binary) {
    throw new Error("TRUNKLINE_BIN is not set: `cargo xtask test` sets it, or point it at a built `trunkline`");
  }
  const path = resolve(binary);
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`TRUNKLINE_BIN names ${binary}, which is not an executable file`);
  }
  if (!statSync(path).isFile()) throw new Error(`TRUNKLINE_BIN names ${binary}, which is not an executable file`);
  return path;
}

/** What a test may know of a server: the ready file's fields, and the folder its command line works on. */
export class Server {
  constructor(ready, data, trustedByEnvironment) {
    Object.assign(this, ready);
    this.data = data;
    this.trustedByEnvironment = trustedByEnvironment;
  }

  /** Host and port, as a client signs them. */
  get host() {
    return new URL(this.endpoint).host;
  }

  /** The key inside the connection string; base64, may end in `=`. */
  get accessKey() {
    return /accesskey=(.*)$/.exec(this.connectionString)[1];
  }

  /** Runs the command line against this server's data folder and returns its JSON answer. */
  async command(...words) {
    const { stdout } = await run(binaryPath(), [...words, "--data", this.data, "--json"], {
      timeout: COMMAND_DEADLINE_MS,
    });
    return JSON.parse(stdout);
  }

  /** Asks the operator API, by the socket the command line uses, and returns its answer. */
  operate(method, path, body) {
    const content = body === undefined ? "" : JSON.stringify(body);
    const options = {
      socketPath: join(this.data, "trunkline.sock"),
      method,
      path,
      headers: content ? { "content-type": "application/json", "content-length": Buffer.byteLength(content) } : {},
      timeout: COMMAND_DEADLINE_MS,
    };
    return new Promise((settle, fail) => {
      const request = httpRequest(options, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", fail);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          if (response.statusCode < 300) settle(text ? JSON.parse(text) : undefined);
          else fail(new Error(`${method} ${path} failed with ${response.statusCode}: ${text}`));
        });
      });
      request.on("timeout", () => request.destroy(new Error(`${method} ${path} was not answered`)));
      request.on("error", fail);
      request.end(content);
    });
  }

  /** Moves the test clock forward and returns the server's new time. */
  async advanceClock(seconds) {
    const response = await fetch(`${this.adminEndpoint}/clock`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ advanceSeconds: seconds }),
    });
    if (response.status !== 200) throw new Error(`the clock did not move: ${response.status}`);
    return new Date((await response.json()).now);
  }
}

/**
 * Starts a server and waits until it says it is ready.
 *
 * It keeps everything in memory, unless it is given a `folder`, where another one can find it later. `settings` are
 * `NAME=VALUE`. `companion` gives, for the ready file, the words of a program that becomes the server's child and is
 * told its process id last, as what `cargo xtask run` starts before it turns into the server.
 *
 * Returns the server; `stop`, which asks for a clean end with SIGTERM and insists on getting one; and `kill`, which
 * does not ask.
 */
export async function startServer(options = {}) {
  const { testClock = false, trustedByEnvironment = false, folder, settings = [], companion } = options;
  const place = folder ?? (await mkdtemp(join(tmpdir(), "trunkline-conformance-")));
  const [data, readyFile, log] = ["data", "ready.json", "server.log"].map((name) => join(place, name));
  await rm(readyFile, { force: true });
  const words = ["serve", "--data", data, "--ready-file", readyFile, ...settings.flatMap((each) => ["--set", each])];
  if (!settings.some((each) => each.startsWith("http.port="))) words.push("--port", "0");
  if (folder === undefined) words.push("--ephemeral");
  if (testClock) words.push("--test-clock");
  const output = openSync(log, "w");
  const [program, ...rest] = beside(companion?.(readyFile) ?? [], [binaryPath(), ...words]);
  const child = spawn(program, rest, { stdio: ["ignore", output, output] });
  closeSync(output);
  const ended = new Promise((settle, fail) => {
    child.once("exit", (code, signal) => settle(signal ?? code));
    child.once("error", fail);
  });
  ended.catch(() => {}); // Whoever waits below sees the error.
  const tidyUp = () => (folder === undefined ? rm(place, { recursive: true }) : undefined);
  try {
    const ready = await waitUntilReady(child, ended, readyFile, log);
    return {
      server: new Server(ready, data, trustedByEnvironment),
      stop: () => stop(child, ended, log).finally(tidyUp),
      kill: async () => {
        child.kill("SIGKILL");
        await ended;
        await tidyUp();
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    await tidyUp();
    throw error;
  }
}

/** The words that start a companion and then become the command: a shell does both. */
function beside(companion, command) {
  if (companion.length === 0) return command;
  const started = companion.map((_, at) => `"\${${at + 1}}"`).join(" ");
  return ["sh", "-c", `${started} "$$" & shift ${companion.length}; exec "$@"`, "sh", ...companion, ...command];
}

/** A port that nobody uses and that the system gives nobody by itself, so that a server can come back to it. */
export async function freePort() {
  for (;;) {
    const port = randomInt(FREE_PORTS.from, FREE_PORTS.to);
    const listener = createListener();
    const isFree = await new Promise((settle) => {
      listener.once("error", () => settle(false));
      listener.listen(port, "127.0.0.1", () => listener.close(() => settle(true)));
    });
    if (isFree) return port;
  }
}

/** Waits for the ready file, which appears whole or not at all. */
async function waitUntilReady(child, ended, readyFile, log) {
  const deadline = performance.now() + READY_DEADLINE_MS;
  while (!existsSync(readyFile)) {
    if (performance.now() > deadline) throw new Error(`no ready file after ${READY_DEADLINE_MS} ms\n${tail(log)}`);
    const end = await Promise.race([ended, wait(10)]);
    if (end !== undefined) throw new Error(`the server ended with ${end} before it was ready\n${tail(log)}`);
  }
  const ready = JSON.parse(readFileSync(readyFile, "utf8"));
  if (ready.pid !== child.pid) throw new Error("the ready file names another process");
  return ready;
}

async function stop(child, ended, log) {
  const stillRunning = child.exitCode === null && child.signalCode === null;
  child.kill("SIGTERM");
  const deadline = new AbortController();
  const end = await Promise.race([ended, wait(STOP_DEADLINE_MS, "late", { signal: deadline.signal })]);
  deadline.abort();
  if (end === "late") child.kill("SIGKILL");
  if (!stillRunning) throw new Error(`the server ended by itself with ${end}\n${tail(log)}`);
  if (end !== 0) throw new Error(`the server answered SIGTERM with ${end}, not with exit code 0\n${tail(log)}`);
}

/** The last lines the server printed, for a failure's message. */
function tail(log) {
  return `--- server log ---\n${readFileSync(log, "utf8").slice(-LOG_TAIL_CHARACTERS)}`;
}
