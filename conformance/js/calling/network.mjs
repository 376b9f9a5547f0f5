// A hard network between one browser and everything else: a namespace with one way out, on which `lab_link` does to
// packets what a test says.
//
//     browser ── 10.77.0.2 ── lab_link ── 10.77.0.1 ── server, the other browser
//
// All of it is in the network namespace of this process, which `unshare --net` gave it, and ends with it.

import { execFile, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

/** Where the server listens for the client. */
export const SERVER_ADDRESS = "10.77.0.1";
/** Where the client is at first. */
export const CLIENT_ADDRESS = "10.77.0.2";
/** Where it moves to. */
export const OTHER_CLIENT_ADDRESS = "10.77.0.3";

const CLIENT_DEVICE = "lab-client";
const SERVER_DEVICE = "lab-server";
// As most mobile networks have it; `lab_link` takes up to 2,048.
const MTU_BYTES = 1_400;
// The same losses in every run, as far as the browsers send the same.
const SEED = "6";
const LOOK_MS = 10;

const run = promisify(execFile);

/** Makes the network; it ends with `context`. */
export async function startNetwork(context) {
  const program = process.env.LAB_LINK;
  if (!program) throw new Error("LAB_LINK is not set: `cargo xtask test --only network` sets it");
  const link = spawn(program, [CLIENT_DEVICE, SERVER_DEVICE, SEED], { stdio: ["pipe", "pipe", "inherit"] });
  // It does nothing but keep its namespace until its input ends.
  const keeper = spawn("unshare", ["--net", "cat"], { stdio: ["pipe", "ignore", "inherit"] });
  context.after(() => {
    keeper.stdin.end();
    link.stdin.end();
  });
  const network = new Network(link, keeper);
  await network.begin();
  return network;
}

class Network {
  #link;
  #keeper;
  #answers;
  #address = CLIENT_ADDRESS;

  constructor(link, keeper) {
    this.#link = link;
    this.#keeper = keeper;
    this.#answers = createInterface({ input: link.stdout })[Symbol.asyncIterator]();
  }

  async begin() {
    await this.#hears("ready");
    const own = readlinkSync("/proc/self/ns/net");
    while (readlinkSync(`/proc/${this.#keeper.pid}/ns/net`) === own) await wait(LOOK_MS);
    await run("ip", ["link", "set", "lo", "up"]);
    await run("ip", ["link", "set", CLIENT_DEVICE, "netns", String(this.#keeper.pid)]);
    await run("ip", ["address", "add", `${SERVER_ADDRESS}/24`, "dev", SERVER_DEVICE]);
    await run("ip", ["link", "set", SERVER_DEVICE, "mtu", String(MTU_BYTES), "up"]);
    await this.#inside("ip", "link", "set", "lo", "up");
    await this.#inside("ip", "address", "add", `${CLIENT_ADDRESS}/24`, "dev", CLIENT_DEVICE);
    await this.#inside("ip", "link", "set", CLIENT_DEVICE, "mtu", String(MTU_BYTES), "up");
    await this.#inside("ip", "route", "add", "default", "dev", CLIENT_DEVICE);
  }

  /** The words that start a program behind the link. */
  get behind() {
    return ["nsenter", `--net=/proc/${this.#keeper.pid}/ns/net`];
  }

  /** What the network is like from now on: `Conditions` of `tests/src/lab.rs`; without words, as a cable. */
  async becomes(conditions = {}) {
    this.#link.stdin.write(`${JSON.stringify(conditions)}\n`);
    await this.#hears("ok");
  }

  /** The same, both ways. */
  becomesBothWays(way) {
    return this.becomes({ up: way, down: way });
  }

  /** Gives the client another address in place of the one it has. */
  async moves() {
    const from = this.#address;
    this.#address = from === CLIENT_ADDRESS ? OTHER_CLIENT_ADDRESS : CLIENT_ADDRESS;
    await this.#inside("ip", "address", "delete", `${from}/24`, "dev", CLIENT_DEVICE);
    await this.#inside("ip", "address", "add", `${this.#address}/24`, "dev", CLIENT_DEVICE);
    await this.#inside("ip", "route", "replace", "default", "dev", CLIENT_DEVICE);
  }

  #inside(...words) {
    const [program, ...rest] = [...this.behind, ...words];
    return run(program, rest);
  }

  async #hears(wanted) {
    const { value } = await this.#answers.next();
    if (value !== wanted) throw new Error(`lab_link said "${value}", not "${wanted}"`);
  }
}
