/** What the user may do in the call. Complete from the first moment: pages read keys without looking (rule 8). */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";

const KEYS: readonly T.ParticipantCapabilityName[] = [
  "turnVideoOn", "unmuteMic", "shareScreen", "removeParticipant", "hangUpForEveryOne", "addTeamsUser",
  "addCommunicationUser", "addPhoneNumber", "manageLobby", "spotlightParticipant", "removeParticipantsSpotlight",
  "startLiveCaptions", "stopLiveCaptions", "raiseHand", "muteOthers", "useReactions", "viewAttendeeNames",
  "setCaptionLanguage", "startTogetherMode", "forbidOthersAudio", "forbidOthersVideo",
];

/** What nobody may do here because it does not exist. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  "startLiveCaptions", "stopLiveCaptions", "setCaptionLanguage", "startTogetherMode", "addTeamsUser",
]);

type Resolve = (key: T.ParticipantCapabilityName) => T.CapabilityResolution;
const complete = (resolve: Resolve): T.ParticipantCapabilities =>
  Object.fromEntries(KEYS.map((key) => [key, resolve(key)])) as T.ParticipantCapabilities;

export class Capabilities implements T.CapabilitiesFeature {
  private readonly emitter = new Emitter<{ capabilitiesChanged: [T.CapabilitiesChangeInfo] }>();
  private current = complete(() => ({ isPresent: false, reason: "NotInitialized" }));

  /** Fresh objects each time: what is handed out gets frozen (rule 5). */
  get capabilities(): T.ParticipantCapabilities {
    return complete((key) => ({ ...this.current[key] }));
  }

  has(key: T.ParticipantCapabilityName): boolean {
    return this.current[key].isPresent;
  }

  /** Takes the names of what is allowed and tells the listeners, also when nothing differs: the page waits for it. */
  set(present: readonly string[], reason: T.CapabilitiesChangedReason): void {
    const oldValue = this.capabilities;
    this.current = complete((key) => {
      if (UNSUPPORTED.has(key)) return { isPresent: false, reason: "FeatureNotSupported" };
      return present.includes(key) ? { isPresent: true, reason: "Capable" } : { isPresent: false, reason: "RoleRestricted" };
    });
    // With all the old resolutions: without them the library greets everybody as a new presenter.
    this.emitter.emit("capabilitiesChanged", { oldValue, newValue: this.capabilities, reason });
  }

  on = this.emitter.on;
  off = this.emitter.off;
}
