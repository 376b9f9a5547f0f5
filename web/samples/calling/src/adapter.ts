/** What stands between a composite and the SDKs, for each way to be in a call. */

import {
  type CallAdapter,
  type CallAdapterLocator,
  type CallWithChatAdapter,
  createAzureCommunicationCallAdapterFromClient,
  createAzureCommunicationCallWithChatAdapterFromClients,
  createStatefulChatClient,
  onResolveVideoEffectDependencyLazy,
} from "@azure/communication-react";
import { enterThread, findUser } from "../../shared/trusted-service";
import { lend, type Online } from "./online";
import type { Place } from "./place";
import { reactionResources } from "./reactions";

export type Adapter = { kind: "call"; adapter: CallAdapter } | { kind: "chat"; adapter: CallWithChatAdapter };

const EFFECTS = { videoBackgroundOptions: { onResolveDependency: onResolveVideoEffectDependencyLazy } };
const optionsOf = ({ effects }: Place) => ({ reactionResources, ...(effects === "1" ? EFFECTS : {}) });

/** The adapter for a place, or for the call `taken` that was accepted already. */
export async function openAdapter(online: Online, place: Place, taken: string): Promise<Adapter> {
  const { client, agent } = online;
  const options = optionsOf(place);
  if (taken) {
    const adapter = await createAzureCommunicationCallAdapterFromClient(
      client,
      lend(agent, taken),
      { groupId: taken },
      options,
    );
    // Shows the call that `join` of the lent agent answers; camera and microphone stay as they were accepted.
    adapter.joinCall({ cameraOn: "keep", microphoneOn: "keep" });
    return { kind: "call", adapter };
  }
  if (place.to) {
    // A raw id begins with a digit and a colon; everything else is a name.
    const rawId = /^\d+:/.test(place.to) ? place.to : (await findUser(place.to)).userId;
    const callee = rawId.startsWith("8:acs:") ? { communicationUserId: rawId } : { id: rawId };
    return {
      kind: "call",
      adapter: await createAzureCommunicationCallAdapterFromClient(client, lend(agent), [callee], options),
    };
  }
  if (place.group && place.thread) return { kind: "chat", adapter: await openWithChat(online, place) };
  return {
    kind: "call",
    adapter: await createAzureCommunicationCallAdapterFromClient(client, lend(agent), locatorOf(place), options),
  };
}

/** Ends what the adapter shows, and the adapter. */
export async function closeAdapter({ agent }: Online, { adapter }: Adapter): Promise<void> {
  const id = adapter.getState().call?.id;
  await agent.calls.find((call) => call.id === id)?.hangUp();
  adapter.dispose();
}

function locatorOf({ group, room, meeting }: Place): CallAdapterLocator {
  if (room) return { roomId: room };
  return meeting ? { meetingLink: meeting } : { groupId: group };
}

async function openWithChat({ me, client, agent, credential }: Online, place: Place): Promise<CallWithChatAdapter> {
  await enterThread(place.user, place.thread);
  const userId = { communicationUserId: me.userId };
  const { endpoint, displayName } = me;
  const chatClient = createStatefulChatClient({ userId, displayName, endpoint, credential });
  await chatClient.startRealtimeNotifications();
  return createAzureCommunicationCallWithChatAdapterFromClients({
    callClient: client,
    callAgent: lend(agent),
    callLocator: { groupId: place.group },
    chatClient,
    chatThreadClient: chatClient.getChatThreadClient(place.thread),
    callAdapterOptions: optionsOf(place),
  });
}
