/**
 * The typings of the UI library against this package, with every declaration file checked (`skipLibCheck: false`): a name
 * that is missing here, or has another shape, is an error in the library's own declarations. Compiled, never run.
 */

import { CallClient, Features, LocalVideoStream, VideoStreamRenderer } from "@azure/communication-calling";
import type * as Calling from "@azure/communication-calling";
import {
  BackgroundBlurEffect,
  BackgroundReplacementEffect,
  DeepNoiseSuppressionEffect,
} from "@azure/communication-calling-effects";
import {
  createAzureCommunicationCallAdapterFromClient,
  createStatefulCallClient,
  type DeepNoiseSuppressionEffectDependency,
  onResolveDeepNoiseSuppressionDependency,
  onResolveVideoEffectDependency,
  type StatefulCallClient,
  type VideoBackgroundEffectsDependency,
} from "@azure/communication-react";

export const made = [CallClient, Features, LocalVideoStream, VideoStreamRenderer, createStatefulCallClient];

export function adapterOf(client: StatefulCallClient, agent: Calling.CallAgent): Promise<object> {
  return createAzureCommunicationCallAdapterFromClient(client, agent, { groupId: "29228d3e-040e-4656-a70e-890ab4e173e5" });
}

/** What an application of ACS writes. */
export async function application(credential: Parameters<Calling.CallClient["createCallAgent"]>[0]): Promise<void> {
  const client: Calling.CallClient = new CallClient({ networkConfiguration: { proxy: { url: "https://server.example" } } });
  const agent: Calling.CallAgent = await client.createCallAgent(credential, { displayName: "Alice" });
  agent.on("incomingCall", ({ incomingCall }) => void incomingCall.accept());
  const devices: Calling.DeviceManager = await client.getDeviceManager();
  const [camera] = await devices.getCameras();
  const call: Calling.Call = agent.join({ groupId: "29228d3e-040e-4656-a70e-890ab4e173e5" });
  if (camera) await call.startVideo(new LocalVideoStream(camera));
  call.on("remoteParticipantsUpdated", ({ added }) => {
    for (const participant of added) {
      participant.on("videoStreamsUpdated", async ({ added: streams }) => {
        for (const stream of streams) document.body.append((await new VideoStreamRenderer(stream).createView()).target);
      });
    }
  });
  call.feature(Features.RaiseHand).on("raisedHandEvent", ({ identifier }) => console.log(identifier.kind));
  const quality: Calling.DiagnosticQuality | boolean | undefined = call
    .feature(Features.UserFacingDiagnostics)
    .network.getLatest().networkReconnect?.value;
  console.log(quality);
}

/** The effects package, as the UI library makes its effects and as an application does. */
export const effects: VideoBackgroundEffectsDependency = {
  createBackgroundBlurEffect: (config) => new BackgroundBlurEffect(config),
  createBackgroundReplacementEffect: (config) => new BackgroundReplacementEffect(config),
};
export const noise: DeepNoiseSuppressionEffectDependency = {
  deepNoiseSuppressionEffect: { noiseSuppression: new DeepNoiseSuppressionEffect() },
};
export const resolvers = [onResolveVideoEffectDependency, onResolveDeepNoiseSuppressionDependency];
export async function blur(stream: Calling.LocalVideoStream): Promise<void> {
  const feature = stream.feature(Features.VideoEffects);
  const effect = new BackgroundBlurEffect();
  if (await feature.isSupported(effect)) await feature.startEffects(effect);
}
