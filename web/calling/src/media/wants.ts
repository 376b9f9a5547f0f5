/** What this page wants to see: the newest wish, said once for many changes (protocol §4.2). */

import type { SourceName } from "../signalling/messages.js";
import type { RemoteVideoStream } from "../streams/remote-video.js";

/** A gallery that is laid out anew changes all its tiles, one after the other. */
const SETTLE_MS = 250;
/** Videos at once, whatever the page shows. */
const SHOWN_MAX = 25;

interface Want {
  p: number;
  source: SourceName;
  width: number;
  height: number;
  /** Higher is served first. */
  priority: number;
}

const CAMERA = { source: "camera", priority: 1 } as const;
/** A shared screen is what the meeting is about. */
const SCREEN = { source: "screen", priority: 9 } as const;

export class Wants {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private said = "";

  constructor(
    private readonly streams: () => readonly RemoteVideoStream[],
    private readonly say: (wish: { want: Want[]; max: number }) => void,
  ) {}

  changed(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.sayNow();
    }, SETTLE_MS);
  }

  /** A new leg on the server knows nothing yet. */
  repeat(): void {
    if (this.said === "") return;
    this.said = "";
    this.sayNow();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private sayNow(): void {
    const want = this.streams().flatMap(wantOf);
    const text = JSON.stringify(want);
    if (text === this.said) return;
    this.said = text;
    this.say({ want, max: SHOWN_MAX });
  }
}

function wantOf(stream: RemoteVideoStream): Want[] {
  const size = stream.wanted;
  if (!size) return [];
  return [{ p: stream.p, ...(stream.mediaStreamType === "ScreenSharing" ? SCREEN : CAMERA), ...size }];
}
