// A web hook as a customer's program has it: answers handshakes, keeps what it was sent, fails when it is told to.

import { createServer } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

// A delivery takes milliseconds; on a busy machine, or when only the test clock moved, a second or two.
const ARRIVAL_DEADLINE_MS = 30_000;

/**
 * A web hook for one test, on a port of its own; `context` is the test's own.
 *
 * `statuses` are given to the next notifications one after the other, then 200 again. `handshake` is what it does when
 * it is asked whether it wants events: `code` answers at once, `manual` answers 200 and leaves the visit of the address
 * to somebody else, a number is a status it refuses with.
 */
export async function startHook(context) {
  const hook = new Hook();
  const listener = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const [status, headers, body] = hook.respond(request, Buffer.concat(parts).toString("utf8"));
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise((settle) => listener.listen(0, "127.0.0.1", settle));
  context.after(() => {
    listener.closeAllConnections();
    return new Promise((settle) => listener.close(settle));
  });
  hook.url = `http://127.0.0.1:${listener.address().port}/hook`;
  return hook;
}

class Hook {
  handshake = "code";
  statuses = [];
  /** Every request so far, oldest first: `method`, `path`, `headers`, `body`, `kind`. */
  received = [];

  /** The deliveries so far, oldest first; a repeated one counts again. */
  get notifications() {
    return this.received.filter(({ kind }) => kind === "Notification");
  }

  /** The events of all deliveries, in the order of their arrival, as JSON has them. */
  get events() {
    return this.notifications.flatMap(({ body }) => JSON.parse(body));
  }

  respond({ method, url: path, headers }, body) {
    const kind = headers["aeg-event-type"] ?? method;
    this.received.push({ method, path, headers, body, kind });
    const isHandshake = kind === "SubscriptionValidation" || method === "OPTIONS";
    if (isHandshake) return this.#respondToHandshake(method, headers, body);
    return [kind === "Notification" ? (this.statuses.shift() ?? 200) : 200, {}, ""];
  }

  #respondToHandshake(method, headers, body) {
    if (typeof this.handshake === "number") return [this.handshake, {}, ""];
    if (this.handshake === "manual") return [200, {}, ""];
    if (method === "OPTIONS") return [200, { "WebHook-Allowed-Origin": headers["webhook-request-origin"] }, ""];
    const validationResponse = JSON.parse(body)[0].data.validationCode;
    return [200, { "Content-Type": "application/json" }, JSON.stringify({ validationResponse })];
  }

  /** Waits until `condition` is true, or settles to something that is, and returns its value. */
  async waitFor(condition, what) {
    const deadline = performance.now() + ARRIVAL_DEADLINE_MS;
    for (;;) {
      const value = await condition();
      if (value) return value;
      if (performance.now() > deadline) {
        throw new Error(`waited in vain for ${what}; there came ${this.received.map(({ kind }) => kind)}`);
      }
      await wait(10);
    }
  }

  /** Waits for so many deliveries. */
  async waitForNotifications(count) {
    await this.waitFor(() => this.notifications.length >= count, `${count} deliveries`);
    return this.notifications;
  }

  /** Waits for so many events. */
  async waitForEvents(count) {
    await this.waitFor(() => this.events.length >= count, `${count} events`);
    return this.events;
  }
}
