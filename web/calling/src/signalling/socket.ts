/** One socket, or what a test puts in its place. */

import type { Frame } from "./messages.js";

export interface Transport {
  send(text: string): void;
  close(code?: number): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: string }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

export type OpenTransport = (url: string) => Transport;

export const openWebSocket: OpenTransport = (url) => new WebSocket(url) as unknown as Transport;

interface Listener {
  opened(): void;
  heard(frame: Frame): void;
  /** Once, and nothing after it. */
  lost(code: number): void;
}

/** What a text that is no JSON object says about its sender. */
const MALFORMED = 4400;
/** The session is over because its user wants so. */
const LEFT = 1000;
/** What a socket that is not needed any more may take to open. */
const OPEN_WAIT_MS = 2000;

export class Socket {
  isOpen = false;
  /** When it was tried, on a clock that nobody sets. */
  readonly triedAt = performance.now();
  private isOver = false;
  private readonly transport: Transport;

  constructor(url: string, open: OpenTransport, private readonly listener: Listener) {
    this.transport = open(url);
    this.transport.onopen = () => {
      if (this.isOver) return;
      this.isOpen = true;
      listener.opened();
    };
    this.transport.onmessage = ({ data }) => this.hear(data);
    this.transport.onclose = ({ code }) => this.end(code);
  }

  send(frame: Frame): void {
    this.sendText(JSON.stringify(frame));
  }

  sendText(text: string): void {
    if (!this.isOver) this.transport.send(text);
  }

  /**
   * Closes without waiting for the other side, which may be unreachable. Without a code: a code that says that all is
   * well would end the session on a server that is only slow.
   */
  drop(code: number): void {
    if (this.isOver) return;
    this.transport.close();
    this.end(code);
  }

  /** Closes for good, and tells nobody here. Browsers complain of a socket that is closed before it was open. */
  leave(): void {
    this.isOver = true;
    const close = (): void => this.transport.close(LEFT);
    if (this.isOpen) return close();
    const timer = setTimeout(close, OPEN_WAIT_MS);
    this.transport.onopen = () => {
      clearTimeout(timer);
      close();
    };
  }

  private hear(data: string): void {
    if (this.isOver) return;
    let frame: Frame;
    try {
      frame = JSON.parse(data) as Frame;
    } catch {
      this.drop(MALFORMED);
      return;
    }
    this.listener.heard(frame);
  }

  private end(code: number): void {
    if (this.isOver) return;
    this.isOver = true;
    this.listener.lost(code);
  }
}
