/** What a call is, besides its state. */

import type { MediaLink } from "../media/link.js";
import type * as T from "../types.js";

/** A class and not a plain object: the library keeps this very reference, and freezes plain ones (rule 5). */
export class Info implements T.CallInfo {
  threadId: string | undefined;
  participantId = "";
  serverCallId = "";

  constructor(readonly groupId: string | undefined) {}

  getServerCallId = async (): Promise<string> => this.serverCallId;
}

/** How many receiving lines of each kind an offer has. */
export interface Lines {
  audio: number;
  video: number;
}

/** For two: a second line of each is for somebody who is added before there is a new offer. */
export const PAIR_LINES: Lines = { audio: 2, video: 2 };
/** For more: the server asks for others when they are needed. */
export const GROUP_LINES: Lines = { audio: 4, video: 6 };

/** How a call begins: which request, with what besides leg, media and mute. */
export interface Beginning {
  request: "call.start" | "call.join" | "call.accept";
  body: Record<string, unknown>;
  id: string;
  direction: T.CallDirection;
  groupId?: string;
  callerInfo: T.CallerInfo;
  options: T.CallOptions | undefined;
  lines: Lines;
  /** Nobody looks, and the camera is sent all the same: the way is tested. */
  isTest?: boolean;
  /** A connection that was made while it rang. */
  link?: MediaLink;
}
