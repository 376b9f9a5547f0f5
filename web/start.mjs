// Starts the trusted service for the server that `cargo xtask run` becomes, and ends it with the server.
//
// This process is a child of the server's, whose process id it is told: it waits for the server's ready file, hands the
// connection string to the service, and looks every second whether the server is still its parent.
//
//   node start.mjs READY_FILE PORT STATE_FILE SERVER_ID

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const [readyFile, port, stateFile, serverId] = process.argv.slice(2);
// Not asked of the system: a server that ended before this line would not be this process's parent any more.
const server = Number(serverId);
// Runs in the service, so that it ends with this process however that ends: the channel between them goes then. The
// channel must not keep it running either.
const END_WITH_PARENT = `
  process.on("disconnect", () => process.exit());
  process.channel?.unref();
  if (!process.connected) process.exit();
`;

const isServerThere = () => process.ppid === server;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function readReady() {
  while (isServerThere()) {
    const ready = await readFile(readyFile, "utf8").then(JSON.parse, () => undefined);
    // A file of an earlier start names another process.
    if (ready?.pid === server) return ready;
    await pause(100);
  }
  process.exit(0);
}

// Ctrl-C and a closed terminal reach the whole group of processes; the server finishes first, then this follows it.
for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});

const ready = await readReady();
if (!ready.connectionString) {
  console.error("the samples have no sign-in: this server has no default resource");
  process.exit(0);
}
const environment = { ...process.env, PORT: port, STATE_FILE: stateFile };
environment.COMMUNICATION_CONNECTION_STRING = ready.connectionString;
if (ready.caFile) environment.NODE_EXTRA_CA_CERTS = ready.caFile;
const main = fileURLToPath(new URL("samples/trusted-service/dist/main.js", import.meta.url));
const first = `--import=data:text/javascript,${encodeURIComponent(END_WITH_PARENT)}`;
const service = spawn(process.execPath, [first, main], {
  env: environment,
  stdio: ["ignore", "inherit", "inherit", "ipc"],
  // Out of reach of Ctrl-C: the server answers what it was asked before it ends.
  detached: true,
});
let isOver = false;
service.on("exit", (code) => {
  if (!isOver) console.error(`the trusted service of the samples ended with status ${code}`);
  isOver = true;
});
process.on("SIGTERM", () => {
  service.kill();
  process.exit(0);
});
while (isServerThere() && !isOver) await pause(1000);
isOver = true;
service.kill();
