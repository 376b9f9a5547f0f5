// Runs the snippets of a Markdown document as its reader would: section by section, in one folder, as printed.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "..", "..");
// Where the documents say the server is.
const PRINTED_ORIGIN = "https://localhost:8443";
const DEADLINE_MS = 60_000;
// What a reader's shell has before the document says anything.
const KEPT = ["PATH", "HOME", "LANG", "NO_PROXY"];

// Where each value stands in the output of the commands that the reader ran in the same section: the last one counts.
const PRINTED_VALUES = {
  AZURE_CLIENT_ID: /^Client id +(\S+)$/gm,
  AZURE_CLIENT_SECRET: /^Secret +(\S+)$/gm,
  AZURE_TENANT_ID: /"tenantId":"([^"]+)"/g,
  AZURE_SUBSCRIPTION_ID: /"subscriptionId":"([^"]+)"/g,
  ACS_CONNECTION_STRING: /^Primary connection string +(\S+)$/gm,
  "role remove": /^([0-9a-f-]{36}) +audit /gm,
  accesskey: /^Primary key +(\S+)$/gm,
  password: /^Password +(\S+)$/gm,
};

/** The fenced blocks of a document below the repository's root, by heading of the second level, in order. */
export function sections(document) {
  const found = new Map();
  let [heading, block] = ["", undefined];
  for (const line of readFileSync(join(ROOT, document), "utf8").split("\n")) {
    if (block === undefined && line.startsWith("## ")) {
      heading = line.slice(3);
    } else if (block === undefined && line.startsWith("```")) {
      block = { language: line.slice(3), text: "" };
    } else if (line === "```") {
      found.set(heading, [...(found.get(heading) ?? []), block]);
      block = undefined;
    } else if (block !== undefined) {
      block.text += `${line}\n`;
    }
  }
  assert.equal(block, undefined, `${document} ends inside of a block`);
  return found;
}

/** A reader of one document: a folder with programs in it, and a shell whose variables last. */
export class Walk {
  #folder;
  #replaced;
  #printed = "";

  constructor(folder, endpoint, replaced = {}) {
    this.#folder = folder;
    this.#replaced = { [PRINTED_ORIGIN]: endpoint, ...replaced };
    const kept = KEPT.filter((name) => name in process.env);
    this.environment = Object.fromEntries(kept.map((name) => [name, process.env[name]]));
    this.environment.PATH = `${folder}:${this.environment.PATH}`;
  }

  /** A snippet as the reader types it: with what was printed before in place of each `…`. */
  filledIn(text) {
    for (const [printed, real] of Object.entries(this.#replaced)) text = text.replaceAll(printed, real);
    const gap = new RegExp(`(${Object.keys(PRINTED_VALUES).join("|")})([ =]"?)…`, "g");
    return text.replace(gap, (_, name, between) => name + between + this.value(name));
  }

  /** A value that a command has printed. */
  value(name) {
    const last = [...this.#printed.matchAll(PRINTED_VALUES[name])].at(-1);
    assert(last, `nothing printed ${name}: ${this.#printed}`);
    return last[1];
  }

  /** Runs commands and keeps the variables they set; a line with a gap waits for what those before it print. */
  async shell(snippet) {
    for (const part of snippet.split(/^(?=.*…)/m)) {
      const text = this.filledIn(part);
      assert(!text.includes("…"), `nobody knows what to put here: ${text}`);
      const variables = join(this.#folder, "variables");
      const words = ["-euo", "pipefail", "-c", `${text}\nenv -0 > ${variables}`];
      this.#printed += `${await this.#run("bash", words)}\n`;
      const pairs = (await readFile(variables, "utf8")).split("\0").filter(Boolean);
      this.environment = Object.fromEntries(pairs.map((pair) => /^([^=]*)=(.*)$/s.exec(pair).slice(1)));
    }
  }

  /** Runs a JavaScript program with the shell's variables and returns what it printed. */
  async run(text) {
    return this.#run(process.execPath, [await this.#save(text)]);
  }

  /** Starts a JavaScript program with the shell's variables and further ones; `ended` gives what it printed. */
  async start(text, environment) {
    const child = spawn(process.execPath, [await this.#save(text)], {
      cwd: this.#folder,
      env: { ...this.environment, ...environment },
      timeout: DEADLINE_MS,
    });
    const printed = { out: "", complaints: "" };
    child.stdout.setEncoding("utf8").on("data", (part) => (printed.out += part));
    child.stderr.setEncoding("utf8").on("data", (part) => (printed.complaints += part));
    return new Promise((settle, fail) => {
      child.once("error", fail);
      child.once("close", (code) => {
        if (code === 0) settle(printed.out);
        else fail(new Error(`ended with ${code}: ${printed.complaints}`));
      });
    });
  }

  async #save(text) {
    const file = join(this.#folder, "program.mjs");
    await writeFile(file, this.filledIn(text));
    return file;
  }

  async #run(program, words) {
    const options = { cwd: this.#folder, env: this.environment, timeout: DEADLINE_MS };
    return (await promisify(execFile)(program, words, options)).stdout;
  }
}
