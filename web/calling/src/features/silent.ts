/** Parts of features that have nothing to tell. */

import { failure } from "../errors.js";

/** The fields with an `on` and an `off` that never say a word. */
export const silent = <Fields extends object>(fields: Fields) => ({
  ...fields,
  on: (): void => undefined,
  off: (): void => undefined,
});

/** A method of something that does not exist here: it rejects with the code of ACS for that. */
export const refuse = (what: string) => async (): Promise<never> => {
  throw failure(400, 45700, `${what} is not supported by this service.`);
};
