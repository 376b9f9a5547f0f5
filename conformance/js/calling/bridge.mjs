// A way to a port in another network namespace: sockets of files are the same in all of them.
//
//     driver ── port ── bridge ── socket file ── this program, in the other namespace ── the same port there
//
//   node bridge.mjs SOCKET_FILE PORT

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(import.meta.url);

/** Leads a port to where programs started by the words `before` have it; gives what ends it. */
export async function bridge(folder, before, port) {
  const path = join(folder, "bridge");
  const [program, ...words] = [...before, process.execPath, HERE, path, String(port)];
  const inside = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(inside, "exit").then(([code, signal]) => {
    throw new Error(`the bridge ended before it was there, with ${code ?? signal}`);
  });
  await Promise.race([once(inside.stdout, "data"), ended]);
  const outside = await carry({ host: "127.0.0.1", port }, { path });
  return () => {
    outside.close();
    inside.stdin.end();
  };
}

/** Listens at one place and connects whoever comes with another. */
async function carry(from, to) {
  const listener = createServer((near) => {
    const far = connect(to);
    // One that breaks ends the other; whoever uses them sees it.
    for (const [one, other] of [[near, far], [far, near]]) one.on("error", () => other.destroy()).pipe(other);
  });
  listener.listen(from);
  await once(listener, "listening");
  return listener;
}

if (process.argv[1] === HERE) {
  const [path, port] = process.argv.slice(2);
  await carry({ path }, { host: "127.0.0.1", port: Number(port) });
  process.stdout.write("ready\n");
  process.stdin.on("end", () => process.exit()).resume();
}
