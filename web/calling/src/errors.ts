/** Errors and reasons as ACS gives them: a code and a sub-code (rule 16). */

import { categoriesOf } from "./codes.js";
import type { WireReason } from "./signalling/messages.js";
import type { CallEndReason, ResultCategories } from "./types.js";

export class CommunicationServicesError extends Error {
  readonly code: number;
  readonly subCode: number;
  readonly resultCategories: ResultCategories[];

  constructor(reason: { code: number; subCode: number; message: string; resultCategories?: ResultCategories[] }) {
    super(reason.message);
    this.name = "CommunicationServicesError";
    this.code = reason.code;
    this.subCode = reason.subCode;
    this.resultCategories = reason.resultCategories ?? categoriesOf(reason.code, reason.subCode);
  }
}

export const failure = (code: number, subCode: number, message: string): CommunicationServicesError =>
  new CommunicationServicesError({ code, subCode, message });

/** A fresh object each time: what we hand out is frozen by the library (rule 5). */
export function reasonOf({ code, subCode, message, categories }: WireReason): CallEndReason {
  const resultCategories = (categories as ResultCategories[] | undefined) ?? categoriesOf(code, subCode);
  return { code, subCode, ...(message ? { message } : {}), resultCategories };
}

/** The reason that fits what went wrong; `otherwise` is for a cause that is none of ours. */
export function reasonFor(cause: unknown, otherwise: WireReason): CallEndReason {
  if (!(cause instanceof CommunicationServicesError)) {
    return reasonOf({ ...otherwise, message: cause instanceof Error ? cause.message : String(cause) });
  }
  const { code, subCode, message, resultCategories } = cause;
  return reasonOf({ code, subCode, message, categories: resultCategories });
}
