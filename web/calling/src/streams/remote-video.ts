/** What a participant shows. It flows when somebody looks: a view says how large it is, and the server sends to fit. */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";

type Events = { isAvailableChanged: []; isReceivingChanged: []; sizeChanged: [] };

export class RemoteVideoStream implements T.RemoteVideoStream {
  isAvailable = true;
  isReceiving = false;
  size: T.StreamSize;
  /** The track of the line that carries it now. */
  track: MediaStreamTrack | undefined;
  private readonly emitter = new Emitter<Events>();
  /** Sizes in device pixels, by view. */
  private readonly tiles = new Map<object, T.StreamSize>();
  private readonly followers = new Set<() => void>();

  /** `p`: the participant's number in the call. `onWanted`: a view came, went or changed its size. */
  constructor(
    readonly id: number,
    readonly mediaStreamType: T.MediaStreamType,
    readonly p: number,
    size: T.StreamSize,
    private readonly onWanted: () => void = () => {},
  ) {
    this.size = { ...size };
  }

  /** The size of the largest view in device pixels; undefined when nobody looks. */
  get wanted(): T.StreamSize | undefined {
    const bySize = [...this.tiles.values()].sort((a, b) => b.width * b.height - a.width * a.height);
    return bySize[0] && { ...bySize[0] };
  }

  /** A view has this size now; undefined: it is gone. */
  setTile(view: object, tile: T.StreamSize | undefined): void {
    const before = this.tiles.get(view);
    if (before?.width === tile?.width && before?.height === tile?.height) return;
    if (tile) this.tiles.set(view, { ...tile });
    else this.tiles.delete(view);
    if (this.tiles.size === 0) this.setReceiving(false);
    this.onWanted();
  }

  setTrack(track: MediaStreamTrack | undefined): void {
    if (track === this.track) return;
    this.track = track;
    if (!track) this.setReceiving(false);
    for (const follow of [...this.followers]) follow();
  }

  setAvailable(isAvailable: boolean): void {
    if (isAvailable === this.isAvailable) return;
    this.isAvailable = isAvailable;
    this.emitter.emit("isAvailableChanged");
  }

  /** Whether pictures come. */
  setReceiving(isReceiving: boolean): void {
    if (isReceiving === this.isReceiving) return;
    this.isReceiving = isReceiving;
    this.emitter.emit("isReceivingChanged");
  }

  setSize(width: number, height: number): void {
    if (width === 0 || height === 0 || (width === this.size.width && height === this.size.height)) return;
    // Replaced, not changed: the old object may be frozen (rule 5).
    this.size = { width, height };
    this.emitter.emit("sizeChanged");
  }

  /** Calls `follow` when another track carries it. The answer ends it. */
  follow(follow: () => void): () => void {
    this.followers.add(follow);
    return () => void this.followers.delete(follow);
  }

  getMediaStream = async (): Promise<MediaStream> => new MediaStream(this.track ? [this.track] : []);

  on = this.emitter.on;
  off = this.emitter.off;
}
