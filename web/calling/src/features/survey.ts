/** What the user thought of the call; asked for when it is over. */

import type { Call } from "../call/call.js";
import type * as T from "../types.js";

export const survey = (call: Call): T.CallSurveyFeature => ({
  submitSurvey: async (ratings) => {
    const reply = await call.ask("call.survey", { survey: ratings });
    return { ...ratings, id: String(reply["survey"] ?? ""), callId: call.id };
  },
});
