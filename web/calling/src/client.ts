/** The door: agents and devices. Extensible and free of `#`: the library adds properties and wraps it (rules 1, 2). */

import type { CommunicationTokenCredential } from "@azure/communication-common";
import { CallAgent } from "./agent.js";
import { Devices } from "./devices/manager.js";
import { failure } from "./errors.js";
import { featureOf } from "./features/registry.js";
import { claimsOf, signallingUrl } from "./signalling/endpoint.js";
import { Session } from "./signalling/session.js";
import { openWebSocket, type OpenTransport } from "./signalling/socket.js";
import type * as T from "./types.js";

const VERSION = "1.46.100";

interface Configuration {
  /** The server for pages whose tokens name none. */
  endpoint?: string;
  /** What stands for a WebSocket in tests. */
  open?: OpenTransport;
}

/** What a client says of itself besides what it is. */
interface Hello {
  displayName?: string | undefined;
  wants: string[];
}

let configured: Configuration = {};

/** Sets what holds for all clients of the page that are made afterwards. */
export function configure(options: Configuration): void {
  configured = { ...configured, ...options };
}

export class CallClient implements T.CallClient {
  private readonly options: T.CallClientOptions;
  private readonly features = new Map<unknown, unknown>();
  private devices: Devices | undefined;
  private agent: CallAgent | undefined;
  /** The application's, and those of tests. */
  private readonly agents = new Set<CallAgent>();
  private isConnecting = false;

  constructor(options?: T.CallClientOptions) {
    this.options = { ...options };
  }

  getDeviceManager = async (): Promise<T.DeviceManager> => this.manager();

  createCallAgent = async (
    credential: CommunicationTokenCredential,
    options?: T.CallAgentOptions,
  ): Promise<T.CallAgent> => {
    if (this.agent || this.isConnecting) {
      throw failure(409, 40409, "Only one call agent per client may live at a time; dispose of the first one.");
    }
    this.isConnecting = true;
    try {
      this.agent = await this.connect(credential, { displayName: options?.displayName, wants: ["ring"] });
      return this.agent;
    } finally {
      this.isConnecting = false;
    }
  };

  createTeamsCallAgent = async (): Promise<T.TeamsCallAgent> => {
    throw failure(400, 45700, "Teams users cannot call here: createTeamsCallAgent is not supported.");
  };

  feature = <F>(token: T.CallClientFeatureFactory<F>): F => featureOf(token, this.features, this) as F;

  dispose = async (): Promise<void> => {
    await Promise.all([...this.agents].map((agent) => agent.dispose()));
    this.devices?.dispose();
  };

  /** @internal An agent beside that of the application: nobody's calls ring at it. */
  openTestAgent = (credential: CommunicationTokenCredential): Promise<CallAgent> => this.connect(credential, { wants: [] });

  /** One for this client, always the same (rule 3). */
  private manager(): Devices {
    this.devices ??= new Devices();
    return this.devices;
  }

  private async connect(credential: CommunicationTokenCredential, hello: Hello): Promise<CallAgent> {
    const { proxy, turn } = this.options.networkConfiguration ?? {};
    const tokenOf = async () => (await credential.getToken()).token;
    const endpoint = proxy?.url ?? claimsOf(await tokenOf()).iss ?? configured.endpoint ?? location.origin;
    const session = new Session({
      url: signallingUrl(endpoint),
      open: configured.open ?? openWebSocket,
      token: tokenOf,
      hello: {
        client: { name: "trunkline-calling", version: VERSION, agent: navigator.userAgent.slice(0, AGENT_MAX) },
        device: crypto.randomUUID(),
        ...hello,
      },
    });
    const { user } = await session.start();
    const agent: CallAgent = new CallAgent({
      session,
      devices: this.manager(),
      rawId: user,
      displayName: hello.displayName,
      relays: turn?.iceServers,
      onDispose: () => {
        this.agents.delete(agent);
        if (this.agent === agent) this.agent = undefined;
      },
    });
    this.agents.add(agent);
    return agent;
  }
}

/** Characters of the browser's own long name that go along. */
const AGENT_MAX = 256;
