/** Features that this service does not have. Each answers as ACS documents it for a call without the thing. */

import type * as T from "../types.js";
import { refuse, silent } from "./silent.js";

/** A class instance and not a literal: it lives as long as the call, and the library freezes literals (rule 5). */
class NoCaptions implements T.Captions {
  readonly kind = "Captions";
  readonly isCaptionsFeatureActive = false;
  readonly activeSpokenLanguage = "";

  get supportedSpokenLanguages(): string[] {
    return [];
  }

  startCaptions = refuse("Captions");
  stopCaptions = async (): Promise<void> => undefined;
  setSpokenLanguage = refuse("Captions");
  on = (): void => undefined;
  off = (): void => undefined;
}

export const captions = () => silent({ captions: new NoCaptions() });

/** A transfer that has failed already. */
const failed = (): T.Transfer => silent({ state: "Failed", error: { code: 400, subCode: 45700 } });

export const transfer = () => silent({ transfer: failed });

export const breakoutRooms = () => silent({ assignedBreakoutRooms: undefined, breakoutRooms: undefined });

/** The page writes `sceneSize`, so it is an instance too. */
export class NoTogetherMode implements T.TogetherModeCallFeature {
  sceneSize: T.StreamSize | undefined;

  get togetherModeStream(): T.TogetherModeVideoStream[] {
    return [];
  }
  get togetherModeSeatingMap(): T.TogetherModeSeatingMap {
    return new Map();
  }

  start = refuse("Together mode");
  on = (): void => undefined;
  off = (): void => undefined;
}

export const presentation = () => silent({ isActive: false, activePresenterId: undefined, target: undefined });

export const conferencing = () => ({
  getTeamsMeetingAudioConferencingDetails: async () => ({ phoneConferenceId: "", phoneNumbers: [] }),
});

export const localRecording = () => silent({ isLocalRecordingActive: false, recordings: [] });
