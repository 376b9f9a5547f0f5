// What the documents print can be run: the JavaScript of docs/authentication.md and of the README's two pages of SDKs.
//
// The Python snippets and the settings are run by the Python suite.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";

import { signIn } from "./directory.mjs";
import { HERE, sections, Walk } from "./documents.mjs";
import { claimsOf, realTimeServer } from "./harness.mjs";
import { startIssuer } from "./issuer.mjs";
import { binaryPath } from "./server.mjs";

const GUIDE = sections("docs/authentication.md");
const README = sections("README.md");
// Its first section is what the reader's shell knows in all others.
const PREPARATION = "";
const WITH_BROWSER = "Exchanges: from a directory user to a communication user";
const ONLY_PYTHON = ["A person signs in"];
const ONLY_SETTINGS = ["Your own issuer", "From the configuration"];
const SUBJECT = "system:serviceaccount:shop:calls";
const START_DEADLINE_MS = 30_000;

// What a program prints when it has worked.
const USER = /^8:acs:[0-9a-f-]{36}_[0-9a-f-]{36}( \S+)?$/;
const PRINTS = {
  "ARM clients": /^\/subscriptions\/[0-9a-f-]{36}\/.*\/fabrikam\nendpoint=https:\/\/\S+;accesskey=\S+$/,
};

/** A folder as a reader has it: the server's data in `trunkline-data`, `trunkline` and the packages beside it. */
async function startReading(context) {
  const folder = await mkdtemp(join(tmpdir(), "trunkline-documents-"));
  context.after(() => rm(folder, { recursive: true }));
  await symlink(realTimeServer.data, join(folder, "trunkline-data"));
  await symlink(binaryPath(), join(folder, "trunkline"));
  await symlink(join(HERE, "node_modules"), join(folder, "node_modules"));
  const cluster = await startIssuer(context);
  const token = join(folder, "identity-token");
  await writeFile(token, await cluster.workloadToken(SUBJECT));
  const reader = new Walk(folder, realTimeServer.endpoint, {
    "https://kubernetes.example.com": cluster.url,
    "/var/run/secrets/azure/tokens/azure-identity-token": token,
  });
  return { reader, folder };
}

const isCommand = ({ language }) => language === "sh";
const isProgram = ({ language }) => language === "js";
const service = GUIDE.get(PREPARATION).find(isProgram).text;

async function prepare(reader) {
  for (const { text } of GUIDE.get(PREPARATION).filter(isCommand)) await reader.shell(text);
}

/** Runs a section: its commands, and after them its programs, or the service after each change of variables. */
async function walk(reader, snippets) {
  const outputs = [];
  const hasProgram = snippets.some(isProgram);
  for (const snippet of snippets) {
    if (isCommand(snippet)) await reader.shell(snippet.text);
    const changesVariables = isCommand(snippet) && snippet.text.includes("export ");
    if (isProgram(snippet)) outputs.push(await reader.run(snippet.text));
    else if (changesVariables && !hasProgram) outputs.push(await reader.run(service));
  }
  return outputs;
}

const left = new Set([PREPARATION, WITH_BROWSER, ...ONLY_PYTHON, ...ONLY_SETTINGS]);
for (const [section, snippets] of GUIDE) {
  if (left.has(section)) continue;
  test(`the section of the guide: ${section}`, async (context) => {
    const { reader } = await startReading(context);
    await prepare(reader);
    for (const printed of await walk(reader, snippets)) assert.match(printed.trim(), PRINTS[section] ?? USER);
  });
}

test("sections left to the Python suite have no JavaScript", () => {
  for (const section of [...ONLY_PYTHON, ...ONLY_SETTINGS]) assert(!GUIDE.get(section).some(isProgram), section);
});

test("the README, from its first page of SDKs to the second, in one shell", async (context) => {
  const { reader } = await startReading(context);
  await reader.shell("trunkline key show");
  const pages = [...README].filter(([, snippets]) => snippets.some(isProgram));
  assert.deepEqual(pages.map(([name]) => name.split(":")[0]), ["Connect your SDK", "Page two"]);
  for (const [, snippets] of pages) {
    for (const printed of await walk(reader, snippets)) assert.match(printed.trim(), USER);
  }
});

test("the exchange of a person who signs in", async (context) => {
  const { reader, folder } = await startReading(context);
  await prepare(reader);
  const snippets = GUIDE.get(WITH_BROWSER);
  for (const { text } of snippets.filter(isCommand)) await reader.shell(text);
  const userName = /directory-user create (\S+)/.exec(snippets.find(isCommand).text)[1];
  const address = join(folder, "address");
  const opener = join(folder, "open");
  await writeFile(opener, `#!/bin/sh\nprintf %s "$1" > ${address}.part\nmv ${address}.part ${address}\n`);
  await chmod(opener, 0o700);
  const ended = reader.start(snippets.find(isProgram).text, { BROWSER: opener });
  const url = await Promise.race([ended, whenWritten(address)]);

  const answer = await signIn(url, userName, reader.value("password"));
  await fetch(answer.headers.get("location"), { redirect: "manual" });

  const token = (await ended).trim().split("\n").at(-1);
  assert(claimsOf(token).skypeid.startsWith(`acs:${realTimeServer.resourceId}_`));
});

/** The address that a program wants to show in a browser. */
async function whenWritten(file) {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (!existsSync(file)) {
    assert(performance.now() < deadline, "the program opened no browser");
    await wait(20);
  }
  return readFile(file, "utf8");
}
