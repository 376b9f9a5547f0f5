// Builds the package into `dist`: one readable ES module for bundlers and its declarations. Prints what the module
// weighs minified and compressed, and fails above the limit.

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** Minified and compressed; what a page pays for calling besides the UI library. */
const WEIGHT_MAX_KB = 60;

const here = fileURLToPath(new URL(".", import.meta.url));
const bundle = (minify, write) =>
  build({
    root: here,
    configFile: false,
    logLevel: "warn",
    build: {
      target: "es2020",
      outDir: "dist",
      emptyOutDir: false,
      minify,
      write,
      lib: { entry: "src/index.ts", formats: ["es"], fileName: "index" },
    },
  });

rmSync(`${here}dist`, { recursive: true, force: true });
const types = spawnSync("tsc", ["--project", here, "--emitDeclarationOnly"], { stdio: "inherit", shell: true });
if (types.status !== 0) process.exit(types.status ?? 1);
await bundle(false, true);

const [{ output }] = await bundle("oxc", false);
const code = output[0].code;
// A private name of the language breaks under the UI library's proxies.
const brand = /[\s{;,]#[a-zA-Z]\w*\s*[(=;]/.exec(code);
if (brand) throw new Error(`the bundle has a private name: ${brand[0].trim()}`);
const weight = gzipSync(code).length / 1024;
console.log(`@trunkline/calling: ${weight.toFixed(1)} KB compressed (at most ${WEIGHT_MAX_KB})`);
if (weight > WEIGHT_MAX_KB) throw new Error("the bundle is too heavy");
