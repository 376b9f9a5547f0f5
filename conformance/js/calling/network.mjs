// A hard network between one browser and everything else: a namespace with one way out, on which `lab_link` does to
// packets what a test says.
//
//     browser ── 10.77.0.2 ── lab_link ── 10.77.0.1 ── server, the other browser
//
// The client has addresses of one family only, so nothing can quietly take the other one.
//
// All of it is in the network namespace of this process, which `unshare --net` gave it, and ends with it.

import { execFile, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

/** The server's address, the client's at first, and the one it moves to. The server has that of IPv4 in any case. */
export const IPV4 = { server: "10.77.0.1", client: "10.77.0.2", otherClient: "10.77.0.3" };
export const IPV6 = { server: "fd77::1", client: "fd77::2", otherClient: "fd77::3" };

const CLIENT_DEVICE = "lab-client";
const SERVER_DEVICE = "lab-server";
// As most mobile networks have it; `lab_link` takes up to 2,048.
const MTU_BYTES = 1_400;
// The same losses in every run, as far as the browsers send the same.
const SEED = "6";
const LOOK_MS = 10;

const run = promisify(execFile);

/** Makes a network of a family's addresses; it ends with `context`. */
export async function startNetwork(context, family) {
  const program = process.env.LAB_LINK;
  if (!program) throw new Error("LAB_LINK is not set: `cargo xtask test --only network` sets it");
  const link = spawn(program, [CLIENT_DEVICE, SERVER_DEVICE, SEED], { stdio: ["pipe", "pipe", "inherit"] });
  // It does nothing but keep its namespace until its input ends.
  const keeper = spawn("unshare", ["--net", "cat"], { stdio: ["pipe", "ignore", "inherit"] });
  context.after(() => {
    keeper.stdin.end();
    link.stdin.end();
  });
  const network = new Network(link, keeper, family);
  await network.begin();
  return network;
}

class Network {
  #link;
  #keeper;
  #answers;
  #family;
  #address;

  constructor(link, keeper, family) {
    this.#link = link;
    this.#keeper = keeper;
    this.#family = family;
    this.#address = family.client;
    this.#answers = createInterface({ input: link.stdout })[Symbol.asyncIterator]();
  }

  async begin() {
    await this.#hears("ready");
    const own = readlinkSync("/proc/self/ns/net");
    while (readlinkSync(`/proc/${this.#keeper.pid}/ns/net`) === own) await wait(LOOK_MS);
    await run("ip", ["link", "set", "lo", "up"]);
    await run("ip", ["link", "set", CLIENT_DEVICE, "netns", String(this.#keeper.pid)]);
    for (const address of new Set([IPV4.server, this.#family.server])) {
      await run("ip", addressWords("add", address, SERVER_DEVICE));
    }
    await run("ip", ["link", "set", SERVER_DEVICE, "mtu", String(MTU_BYTES), "up"]);
    await this.#inside("ip", "link", "set", "lo", "up");
    await this.#inside("ip", ...addressWords("add", this.#address, CLIENT_DEVICE));
    await this.#inside("ip", "link", "set", CLIENT_DEVICE, "mtu", String(MTU_BYTES), "up");
    await this.#leadsOut();
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
    const { client, otherClient } = this.#family;
    const from = this.#address;
    this.#address = from === client ? otherClient : client;
    await this.#inside("ip", ...addressWords("delete", from, CLIENT_DEVICE));
    await this.#inside("ip", ...addressWords("add", this.#address, CLIENT_DEVICE));
    await this.#leadsOut();
  }

  /** Everything that is not the client's own goes over the link. */
  #leadsOut() {
    const way = this.#family === IPV6 ? "-6" : "-4";
    return this.#inside("ip", way, "route", "replace", "default", "dev", CLIENT_DEVICE);
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

function addressWords(verb, address, device) {
  if (address.includes(".")) return ["address", verb, `${address}/24`, "dev", device];
  // Nobody is there who could have the same address, or answer that.
  const options = verb === "add" ? ["nodad"] : [];
  return ["address", verb, `${address}/64`, "dev", device, ...options];
}
