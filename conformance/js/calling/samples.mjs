// A server with the sample pages and their trusted service beside it, as `cargo xtask run` starts both.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { freePort, startServer } from "../server.mjs";

const WEB = fileURLToPath(new URL("../../../web/", import.meta.url));
const PAGES = join(WEB, "dist");

/** Starts both; options and answer are `startServer`'s. People are remembered in `folder`, when there is one. */
export async function startSamples({ folder, settings = [] } = {}) {
  if (!existsSync(join(PAGES, "calling/index.html"))) {
    throw new Error(`${PAGES} has no page for calls: \`cargo xtask setup\` builds it`);
  }
  const place = folder ?? (await mkdtemp(join(tmpdir(), "trunkline-calling-")));
  const tidyUp = () => (folder === undefined ? rm(place, { recursive: true }) : undefined);
  const port = await freePort();
  const started = startServer({
    folder,
    settings: [...settings, `samples.folder=${PAGES}`, `samples.trusted_service=http://127.0.0.1:${port}`],
    companion: (readyFile) => ["node", join(WEB, "start.mjs"), readyFile, String(port), join(place, "people.json")],
  });
  const { server, stop, kill } = await started.catch(async (error) => {
    await tidyUp();
    throw error;
  });
  return { server, stop: () => stop().finally(tidyUp), kill: () => kill().finally(tidyUp) };
}
