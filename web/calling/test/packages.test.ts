/** The pages use this package under ACS's name, so that npm fetches nothing of ACS's own calling SDK. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

interface Locked {
  packages: Record<string, { resolved?: string; link?: boolean; version?: string; peerDependencies?: Record<string, string> }>;
}

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const NAMES = ["@azure/communication-calling", "@azure/communication-calling-effects"] as const;

test("the lock file links both packages to ours and knows no others", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as Locked;
  for (const [at, folder] of [[NAMES[0], "calling"], [NAMES[1], "calling-effects"]] as const) {
    const places = Object.keys(packages).filter((place) => place.endsWith(`node_modules/${at}`));
    assert.deepEqual(places, [`node_modules/${at}`]);
    assert.deepEqual(packages[`node_modules/${at}`], { resolved: folder, link: true });
  }
  for (const [place, { resolved = "" }] of Object.entries(packages)) {
    assert.doesNotMatch(resolved, /^https?:.*communication-calling/, place);
  }
});

test("our versions are among those that the UI library takes", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as Locked;
  const wanted = packages["node_modules/@azure/communication-react"]?.peerDependencies ?? {};
  for (const [name, folder] of [[NAMES[0], "calling"], [NAMES[1], "calling-effects"]] as const) {
    const range = wanted[name] ?? "";
    const { version } = JSON.parse(read(`${folder}/package.json`)) as { version: string };
    assert.ok(isCaretOf(range, version), `${name}: ${version} is not in ${range}`);
  }
});

/** Whether `version` is in a range such as `^1.40.1`: the same first number, and the rest not below. */
function isCaretOf(range: string, version: string): boolean {
  const numbers = (text: string) => text.split(".").map(Number);
  if (!range.startsWith("^")) return false;
  const [[major, ...least], [ours, ...rest]] = [numbers(range.slice(1)), numbers(version)];
  if (major !== ours) return false;
  const at = least.findIndex((one, at) => one !== rest[at]);
  return at < 0 || (rest[at] ?? 0) > (least[at] ?? 0);
}
