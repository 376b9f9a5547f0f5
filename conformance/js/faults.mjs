// Failures between the SDK and the server, injected below the SDK's retries.

import { createDefaultHttpClient, createHttpHeaders } from "@azure/core-rest-pipeline";

/**
 * Client options under which the first attempts fail as listed, and the record of what happened.
 *
 * A fault is `{ status, headers?, answerLost? }`: the attempt fails before the server sees it, or (`answerLost`) after
 * the server has done the work. The SDK's own waits are made as short as it allows.
 */
export function failing(...faults) {
  const real = createDefaultHttpClient();
  const attempts = [];
  const httpClient = {
    async sendRequest(request) {
      attempts.push({ ...request.headers.toJSON(), at: performance.now() });
      const fault = faults.shift();
      if (fault === undefined) return real.sendRequest(request);
      if (fault.answerLost) {
        const { status } = await real.sendRequest(request);
        if (status >= 300) throw new Error(`the attempt whose answer should be lost failed with ${status}`);
      }
      const bodyAsText = JSON.stringify({ error: { code: "Injected", message: "injected by the test" } });
      const headers = createHttpHeaders({ "content-type": "application/json", ...fault.headers });
      return { request, status: fault.status, headers, bodyAsText };
    },
  };
  return { options: { httpClient, retryOptions: { retryDelayInMs: 1, maxRetryDelayInMs: 2 } }, attempts };
}
