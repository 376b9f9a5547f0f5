/** Parts of features that have nothing to tell. */

import { failure } from "../errors.js";

/** The fields with an `on` and an `off` that never say a word. */
export const silent = <Fields extends object>(fields: Fields) => ({
  ...fields,
  on: (): void => undefined,
  off: (): void => undefined,
});

/** The error for something that does not exist here, with the code of ACS for that. */
export const unsupported = (what: string) => failure(400, 45700, `${what} is not supported by this service.`);

/** A method of something that does not exist here. */
export const refuse = (what: string) => async (): Promise<never> => {
  throw unsupported(what);
};
