/** Where the server is: an access token names it. */

import { failure } from "../errors.js";

interface Claims {
  /** The origin of the server that issued the token. */
  iss?: string;
  /** The end, in seconds since the epoch. */
  exp?: number;
}

export function claimsOf(token: string): Claims {
  try {
    const payload = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(atob(payload)) as Claims;
  } catch {
    return {};
  }
}

/** The address of the signalling socket below the origin of `endpoint`. */
export function signallingUrl(endpoint: string): string {
  if (!URL.canParse(endpoint)) throw failure(400, 40600, `The server's address is no address: ${endpoint}`);
  return `${new URL(endpoint).origin.replace(/^http/, "ws")}/calling/signalling`;
}
