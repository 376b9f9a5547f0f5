/** What a code and a sub-code say about whose doing it was (protocol §6). */

import type { ResultCategories } from "./types.js";

/** Ends that somebody wanted, as `code/subCode`. */
const SUCCESSES = new Set(["0/0", "0/4097", "0/5300", "603/0", "487/0", "487/10003", "487/10024"]);
/** Ends that calls have, and nobody's mistake. */
const EXPECTED = new Set(["487/10004", "408/10057", "0/5317", "0/4521", "496/7"]);

/** The code and sub-code of a call that ends because the way to the server was gone for too long. */
export const CONNECTION_LOST = { code: 410, subCode: 301005, message: "The connection to the call was lost." };
/** The offer or the answer cannot be used. */
export const NEGOTIATION_FAILED = { code: 410, subCode: 3111 };
/** Nobody answered in time. */
export const NOT_ANSWERED = { code: 487, subCode: 10004, message: "The call was not answered." };

export function categoriesOf(code: number, subCode: number): ResultCategories[] {
  const both = `${code}/${subCode}`;
  if (SUCCESSES.has(both)) return ["Success"];
  if (EXPECTED.has(both) || code === 480 || code === 486) return ["ExpectedError"];
  return [code >= 500 && code < 600 ? "UnexpectedServerError" : "UnexpectedClientError"];
}
