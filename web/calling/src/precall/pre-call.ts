/** Tests devices, browser and the way to the server before a call, the last by a call to the echo test. */

import type { CommunicationTokenCredential } from "@azure/communication-common";
import type { CallAgent } from "../agent.js";
import type { Call } from "../call/call.js";
import { debugInfo } from "../features/environment.js";
import { MediaStats } from "../stats/collector.js";
import { LocalVideoStream } from "../streams/local-video.js";
import type * as T from "../types.js";
import { gradesOf } from "./grades.js";

/** The client whose devices are tested. */
export interface Tester {
  getDeviceManager(): Promise<T.DeviceManager>;
  /** An agent for the test alone, which does not ring. */
  openTestAgent(credential: CommunicationTokenCredential): Promise<CallAgent>;
}

/** As long as media has on a slow network. */
const CONNECT_MS = 20_000;
/** What the browser's estimate of the bandwidth takes to grow. */
const MEASURE_MS = 15_000;

export class PreCallDiagnostics implements T.PreCallDiagnosticsFeature {
  constructor(private readonly tester: Tester) {}

  startTest = async (credential: CommunicationTokenCredential): Promise<T.PreCallDiagnosticsResult> => {
    const devices = await this.tester.getDeviceManager();
    const deviceAccess = devices.askDevicePermission({ audio: true, video: true });
    const calling = deviceAccess.then((access) => this.call(credential, devices, access));
    return {
      id: crypto.randomUUID(),
      deviceAccess,
      deviceEnumeration: deviceAccess.then(() => enumerate(devices)),
      browserSupport: browserSupport(),
      callMediaStatistics: calling.then(
        ({ call }) => call.stats,
        () => new MediaStats(() => async () => undefined),
      ),
      inCallDiagnostics: calling.then(
        ({ agent, call }) => measure(call).finally(() => agent.dispose()),
        () => ({ connected: false, ...gradesOf([]) }),
      ),
    };
  };

  private async call(credential: CommunicationTokenCredential, devices: T.DeviceManager, access: T.DeviceAccess) {
    const [camera] = access.video ? await devices.getCameras() : [];
    const agent = await this.tester.openTestAgent(credential);
    const call = agent.startTest(camera && new LocalVideoStream(camera));
    // One's own voice is not to be heard.
    await call.muteIncomingAudio();
    return { agent, call };
  }
}

async function measure(call: Call): Promise<T.InCallDiagnostics> {
  if (!(await isConnected(call))) return { connected: false, ...gradesOf([]) };
  const samples: T.MediaStatsReportSample[] = [];
  const collector = call.stats.createCollector();
  collector.on("sampleReported", (sample) => samples.push(sample));
  await rest(MEASURE_MS);
  collector.dispose();
  const connected = call.state === "Connected";
  await call.hangUp();
  return { connected, ...gradesOf(samples) };
}

/** Whether media comes up in time. */
function isConnected(call: Call): Promise<boolean> {
  return new Promise((settle) => {
    const timer = setTimeout(() => settle(false), CONNECT_MS);
    const look = () => {
      if (call.state !== "Connected" && call.state !== "Disconnected") return;
      clearTimeout(timer);
      settle(call.state === "Connected");
    };
    call.on("stateChanged", look);
    look();
  });
}

async function enumerate(devices: T.DeviceManager): Promise<T.DeviceEnumeration> {
  const available = (list: readonly unknown[]) => (list.length > 0 ? "Available" : "NotAvailable");
  const [microphones, cameras, speakers] = await Promise.all([
    devices.getMicrophones(),
    devices.getCameras(),
    devices.getSpeakers(),
  ]);
  // Browsers that give no choice of speakers do not name them.
  const speaker = devices.isSpeakerSelectionAvailable ? available(speakers) : "Unknown";
  return { microphone: available(microphones), camera: available(cameras), speaker };
}

async function browserSupport(): Promise<T.DeviceCompatibility> {
  const { isSupportedBrowser, isSupportedPlatform } = await debugInfo().getEnvironmentInfo();
  return { browser: isSupportedBrowser ? "Supported" : "NotSupported", os: isSupportedPlatform ? "Supported" : "Unknown" };
}

const rest = (milliseconds: number): Promise<void> => new Promise((settle) => setTimeout(settle, milliseconds));
