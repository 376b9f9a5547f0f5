/** docs/calling.md says of every feature what it does. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Features } from "../src/index.js";

const page = readFileSync(new URL("../../../../docs/calling.md", import.meta.url), "utf8");
const table = page.slice(page.indexOf("## Features"));

test("the table has every feature, and no other", () => {
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ""));
  assert.deepEqual(named.sort(), Object.keys(Features).sort());
});
