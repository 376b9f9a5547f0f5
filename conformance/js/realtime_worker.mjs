// The browser's build of the chat SDK in a process of its own: what it needs of a browser, and orders by IPC.
//
// `realtime.mjs` starts it with `--conditions=browser`, because Node's build of the SDK has no realtime, and gives it
// the orders. Everything the SDK tells its application goes back as it is.

const { isWebSocketBlocked } = JSON.parse(process.argv[2]);
const EVENTS = [
  "chatMessageReceived", "chatMessageEdited", "chatMessageDeleted", "typingIndicatorReceived", "readReceiptReceived",
  "chatThreadCreated", "chatThreadPropertiesUpdated", "chatThreadDeleted", "participantsAdded", "participantsRemoved",
];
const CONNECTION_EVENTS = ["realTimeNotificationConnected", "realTimeNotificationDisconnected"];

// Nothing listens on port 1: the upgrade fails, as behind a proxy that lets none through.
const NOBODY = "ws://127.0.0.1:1/";

const used = { sockets: 0, polls: 0 };
const sockets = new Set();
let aheadMs = 0;

globalThis.self = globalThis;
globalThis.location = new URL("https://application.example/");

const GenuineDate = Date;
globalThis.Date = class extends GenuineDate {
  constructor(...words) {
    super(...(words.length > 0 ? words : [GenuineDate.now() + aheadMs]));
  }

  static now() {
    return GenuineDate.now() + aheadMs;
  }
};

const GenuineWebSocket = globalThis.WebSocket;
globalThis.WebSocket = class extends GenuineWebSocket {
  constructor(...words) {
    super(...(isWebSocketBlocked ? [NOBODY] : words));
    used.sockets += isWebSocketBlocked ? 0 : 1;
    this.addEventListener("close", () => sockets.delete(this));
    sockets.add(this);
  }
};

/** As much of it as the SDK uses, over `fetch`. */
globalThis.XMLHttpRequest = class {
  readyState = 0;
  status = 0;
  responseText = "";
  withCredentials = false;
  #headers = {};
  #response;
  #cut = new AbortController();

  open(method, url) {
    Object.assign(this, { method, url, readyState: 1 });
    if (url.includes("/xhr-polling/")) used.polls += 1;
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getResponseHeader(name) {
    return this.#response?.headers.get(name) ?? null;
  }

  getAllResponseHeaders() {
    return [...(this.#response?.headers ?? [])].map(([name, value]) => `${name}: ${value}`).join("\r\n");
  }

  abort() {
    this.#cut.abort();
  }

  async send(body) {
    const { method, url } = this;
    try {
      const request = { method, headers: this.#headers, body: body || undefined, signal: this.#cut.signal };
      this.#response = await fetch(url, request);
      this.responseText = await this.#response.text();
      this.status = this.#response.status;
    } catch {
      this.status = 0;
    }
    this.readyState = 4;
    this.onreadystatechange?.();
    (this.status === 0 ? this.onerror : this.onload)?.();
  }
};

const { ChatClient } = await import("@azure/communication-chat");
const { AzureCommunicationTokenCredential } = await import("@azure/communication-common");

const clients = new Map();
const waitingForTokens = new Map();

const ORDERS = {
  async open({ name, endpoint, token, isRefreshed }) {
    const askForToken = () =>
      new Promise((settle) => {
        waitingForTokens.set(name, settle);
        process.send({ wantsToken: name });
      });
    const credential = isRefreshed ? { token, tokenRefresher: askForToken } : token;
    const client = new ChatClient(endpoint, new AzureCommunicationTokenCredential(credential));
    clients.set(name, client);
    for (const event of CONNECTION_EVENTS) client.on(event, () => process.send({ name, event }));
    await client.startRealtimeNotifications();
    for (const event of EVENTS) client.on(event, (payload) => process.send({ name, event, payload }));
  },
  close: ({ name }) => clients.get(name).stopRealtimeNotifications(),
  giveToken: ({ name, token }) => waitingForTokens.get(name)(token),
  moveClock: ({ seconds }) => void (aheadMs += seconds * 1000),
  cutSockets: () => [...sockets].forEach((socket) => socket.close()),
  used: () => used,
};

process.on("message", async ({ id, order, ...words }) => {
  try {
    process.send({ id, answer: await ORDERS[order](words) });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit());
process.send({ isReady: true });
