/** The user at this page: one client and one agent, for all calls placed and taken here. */

import type { CallAgent, JoinCallOptions } from "@azure/communication-calling";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { createStatefulCallClient, type StatefulCallClient, type StatefulDeviceManager } from "@azure/communication-react";
import { useEffect, useState } from "react";
import { type SignedIn, signIn } from "../../shared/trusted-service";

export interface Online {
  me: SignedIn;
  client: StatefulCallClient;
  /** As the composites take it. Its calls are the library's own wrappers. */
  agent: CallAgent;
  credential: AzureCommunicationTokenCredential;
}

/** Signs in and connects; ends with the page. Until then undefined, or what went wrong. */
export function useOnline(user: string): { online?: Online; problem?: string } {
  const [state, setState] = useState<{ online?: Online; problem?: string }>({});
  useEffect(() => {
    let isOver = false;
    const connecting = connect(user);
    connecting.then(
      (online) => !isOver && setState({ online }),
      (cause: Error) => !isOver && setState({ problem: cause.message }),
    );
    return () => {
      isOver = true;
      connecting.then(({ agent, credential }) => {
        credential.dispose();
        return agent.dispose();
      }, () => undefined);
    };
  }, [user]);
  return state;
}

async function connect(user: string): Promise<Online> {
  const me = await signIn(user);
  // The SDK asks for the next token by itself before this one ends.
  const tokenRefresher = async () => (await signIn(user)).token;
  const credential = new AzureCommunicationTokenCredential({ token: me.token, tokenRefresher, refreshProactively: true });
  const client = createStatefulCallClient({ userId: { communicationUserId: me.userId } });
  const agent = await client.createCallAgent(credential, { displayName: me.displayName });
  void findDevices(client);
  return { me, client, agent, credential };
}

/** Lets the library know the devices, so that a call can be taken with the camera at once. */
async function findDevices(client: StatefulCallClient): Promise<void> {
  const devices = (await client.getDeviceManager()) as StatefulDeviceManager;
  await devices.askDevicePermission({ audio: true, video: true });
  const [cameras] = await Promise.all([devices.getCameras(), devices.getMicrophones()]);
  const [camera] = cameras;
  if (camera?.name && !client.getState().deviceManager.selectedCamera) devices.selectCamera(camera);
}

/**
 * The agent as one composite gets it.
 *
 * An adapter disposes of its agent with itself, and this one serves the whole page. And an adapter adopts no call that is
 * there already: it calls `join`. So for a call that was taken by `IncomingCallNotification`, `join` answers that call,
 * and when it is over, by "Re-join call", calls its caller back.
 */
export function lend(agent: CallAgent, taken?: string): CallAgent {
  const find = () => agent.calls.find(({ id }) => id === taken);
  const caller = find()?.callerInfo.identifier;
  const join = (_: object, options?: JoinCallOptions) => find() ?? (caller && agent.startCall([caller], options));
  return new Proxy(agent, {
    get: (target, name) => {
      if (name === "dispose") return async () => undefined;
      return name === "join" && taken ? join : Reflect.get(target, name);
    },
  });
}
