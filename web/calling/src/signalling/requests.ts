/** Requests that wait for their one reply (protocol §1.2). */

import { CommunicationServicesError } from "../errors.js";
import type { Frame } from "./messages.js";

/** What the server takes unanswered. */
const UNANSWERED_MAX = 32;

interface Asked {
  resolve: (frame: Frame) => void;
  reject: (cause: Error) => void;
}

export class Requests {
  private readonly asked = new Map<string, Asked>();
  private next = 1;
  /** Sent and unanswered; one that has not been sent yet is in `asked` only. */
  private unanswered = 0;

  get isFull(): boolean {
    return this.unanswered >= UNANSWERED_MAX;
  }

  add(): { id: string; reply: Promise<Frame> } {
    const id = `q${this.next++}`;
    const reply = new Promise<Frame>((resolve, reject) => this.asked.set(id, { resolve, reject }));
    return { id, reply };
  }

  wasSent(): void {
    this.unanswered += 1;
  }

  settle(frame: Frame): void {
    const asked = this.asked.get(frame.re as string);
    if (!asked) return;
    this.asked.delete(frame.re as string);
    this.unanswered -= 1;
    if (frame.t === "error") asked.reject(errorOf(frame));
    else asked.resolve(frame);
  }

  failAll(cause: Error): void {
    const all = [...this.asked.values()];
    this.asked.clear();
    this.unanswered = 0;
    for (const { reject } of all) reject(cause);
  }
}

function errorOf(frame: Frame): CommunicationServicesError {
  return new CommunicationServicesError({
    code: Number(frame["code"]),
    subCode: Number(frame["subCode"] ?? 0),
    message: String(frame["message"] ?? ""),
  });
}
