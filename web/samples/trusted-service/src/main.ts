/**
 * The small server that every application on ACS has: it knows the application's users, keeps an identity for
 * each, and hands out access tokens. The connection string stays here; browsers only ever see tokens.
 *
 *   POST /token                          {user}         -> who you are, and a token
 *   POST /users                          {user}         -> the identity of another user
 *   POST /threads                        {user, topic}  -> a new chat thread of that user
 *   POST /threads/{threadId}/participants {user}        -> lets a user into a thread by its link
 *
 * A real application asks its own sign-in who is calling. This sample takes everybody at their word, so it
 * listens on this machine only.
 *
 * Environment: COMMUNICATION_CONNECTION_STRING; PORT (0 takes a free one); STATE_FILE (where the users are kept).
 */

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { People } from "./people.js";
import { Threads } from "./threads.js";

/** Longest body of a request in bytes: a name and a topic. */
const BODY_BYTES_MAX = 16 * 1024;

/** Longest name and topic, in characters. */
const TEXT_CHARS_MAX = 100;

const { COMMUNICATION_CONNECTION_STRING, PORT = "0", STATE_FILE = "trusted-service.json" } = process.env;
if (!COMMUNICATION_CONNECTION_STRING) {
  console.error("error: set COMMUNICATION_CONNECTION_STRING to the connection string of the resource");
  process.exit(1);
}

const people = await People.open(COMMUNICATION_CONNECTION_STRING, STATE_FILE).catch((cause: Error): never => {
  console.error(`error: ${STATE_FILE} or the connection string cannot be used: ${cause.message}`);
  process.exit(1);
});
const threads = new Threads(people);

/** Something that the caller did wrong. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function answer(request: IncomingMessage): Promise<object> {
  // A page of elsewhere may have a name that leads here; its requests carry that name.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(request.headers.host ?? "")) {
    throw new Refusal(403, "This service answers this machine only.");
  }
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const invited = /^\/threads\/([^/]+)\/participants$/.exec(path);
  if (request.method !== "POST" || !(["/token", "/users", "/threads"].includes(path) || invited)) {
    throw new Refusal(404, "There is nothing here.");
  }
  const body = await readJson(request);
  const user = readText(body, "user");
  if (invited) return threads.admit(decodeURIComponent(invited[1] ?? ""), user);
  switch (path) {
    case "/token":
      return people.signIn(user);
    case "/users":
      return { userId: await people.identityOf(user) };
    default:
      return threads.create(user, readText(body, "topic"));
  }
}

/** Only JSON: a page of another origin could send anything else without the browser asking first. */
async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  if (!request.headers["content-type"]?.startsWith("application/json")) {
    throw new Refusal(415, "Send application/json.");
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size > BODY_BYTES_MAX) throw new Refusal(413, "That is too long.");
    parts.push(part as Buffer);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString("utf8"));
    if (body && typeof body === "object") return body as Record<string, unknown>;
  } catch {
    // Told below like any other body that is no object.
  }
  throw new Refusal(400, "The body must be a JSON object.");
}

function readText(body: Record<string, unknown>, key: string): string {
  const value = body[key];
  const text = typeof value === "string" ? value.trim() : "";
  if (!text || text.length > TEXT_CHARS_MAX) {
    throw new Refusal(400, `"${key}" must be a text of 1 to ${TEXT_CHARS_MAX} characters.`);
  }
  return text;
}

/** What to tell the caller: refusals of the chat service keep their status. */
function describe(cause: unknown): [number, string] {
  if (cause instanceof Refusal) return [cause.status, cause.message];
  const { statusCode, message } = cause as { statusCode?: number; message?: string };
  if (statusCode === 403 || statusCode === 404) return [statusCode, message ?? "Refused."];
  if (cause instanceof URIError) return [400, "The address is malformed."];
  console.error("the service cannot be asked:", message ?? cause);
  return [502, "The communication service cannot be asked now."];
}

const server = createServer(async (request, response) => {
  let [status, reply]: [number, object] = [200, {}];
  try {
    reply = await answer(request);
  } catch (cause) {
    const [refused, message] = describe(cause);
    [status, reply] = [refused, { error: { message } }];
  }
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(reply));
});

server.on("error", (cause) => {
  console.error(`error: the service cannot listen on port ${PORT}: ${cause.message}`);
  process.exit(1);
});
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`trusted service: http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
