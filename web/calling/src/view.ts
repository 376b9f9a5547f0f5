/** An element with a moving picture. The page moves it about as it likes. */

import type * as T from "./types.js";

/** After this time a view is given although nothing has come: the page shows its own sign of waiting meanwhile. */
const FIRST_FRAME_MS = 5000;

/** How often it is looked whether pictures come. */
const LOOK_MS = 1000;

/** After so many looks without a new picture a stream counts as not receiving. */
const STILL_LOOKS_MAX = 3;

const FITS: Record<T.ScalingMode, string> = { Crop: "cover", Fit: "contain", Stretch: "fill" };

/** What a view tells its renderer. */
export interface ViewEvents {
  /** Its size in device pixels. */
  onTile?(tile: T.StreamSize): void;
  /** Whether pictures come. */
  onFrames?(areComing: boolean): void;
  onPictureSize?(size: T.StreamSize): void;
  onDispose(): void;
  /** No new pictures are no sign that something is wrong. */
  isStillNormal?: boolean;
}

export class View implements T.VideoStreamRendererView {
  readonly target: HTMLElement = document.createElement("div");
  readonly isMirrored: boolean;
  scalingMode: T.ScalingMode;
  private readonly video = document.createElement("video");
  private readonly tiles: ResizeObserver;
  private readonly looking: ReturnType<typeof setInterval>;
  /** Looks since the last picture; undefined before the first one. */
  private stillLooks: number | undefined;
  private isDisposed = false;

  constructor(
    options: T.CreateViewOptions | undefined,
    private readonly events: ViewEvents,
  ) {
    this.scalingMode = options?.scalingMode ?? "Crop";
    this.isMirrored = options?.isMirrored ?? false;
    // Muted: sound has its own elements, and browsers start only silent videos by themselves.
    Object.assign(this.video, { autoplay: true, muted: true, playsInline: true });
    Object.assign(this.video.style, { display: "block", width: "100%", height: "100%" });
    this.video.style.objectFit = FITS[this.scalingMode];
    if (this.isMirrored) this.video.style.transform = "scaleX(-1)";
    Object.assign(this.target.style, { width: "100%", height: "100%", overflow: "hidden" });
    this.target.append(this.video);
    this.video.onresize = () => events.onPictureSize?.(this.pictureSize);
    this.video.onpause = () => this.play();
    this.tiles = new ResizeObserver(([entry]) => this.resized(entry?.contentRect));
    this.tiles.observe(this.target);
    this.looking = setInterval(() => this.look(), LOOK_MS);
    this.noteFrames();
  }

  get pictureSize(): T.StreamSize {
    return { width: this.video.videoWidth, height: this.video.videoHeight };
  }

  /** Shows these tracks from now on. */
  show(tracks: readonly MediaStreamTrack[]): void {
    if (this.isDisposed) return;
    this.video.srcObject = tracks.length > 0 ? new MediaStream([...tracks]) : null;
    this.play();
  }

  /** Done when there is something to see, or nothing came for a while. */
  firstFrame(): Promise<void> {
    if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, FIRST_FRAME_MS);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.video.addEventListener("loadeddata", done, { once: true });
      this.target.addEventListener("trunkline-disposed", done, { once: true });
    });
  }

  updateScalingMode = async (mode: T.ScalingMode): Promise<void> => {
    this.scalingMode = mode;
    this.video.style.objectFit = FITS[mode];
  };

  dispose = (): void => {
    if (this.isDisposed) return;
    this.isDisposed = true;
    clearInterval(this.looking);
    this.tiles.disconnect();
    this.video.srcObject = null;
    this.target.remove();
    this.target.dispatchEvent(new Event("trunkline-disposed"));
    this.events.onDispose();
  };

  /** A video that is taken out of the page stops, and does not go on by itself when it is put back. */
  private play(): void {
    if (!this.isDisposed && this.video.srcObject) this.video.play().catch(() => undefined);
  }

  private resized(rectangle: DOMRectReadOnly | undefined): void {
    const { width = 0, height = 0 } = rectangle ?? {};
    // Out of the page it has no size, and is about to be put elsewhere or disposed.
    if (width === 0 || height === 0) return;
    if (this.video.paused) this.play();
    this.events.onTile?.({ width: Math.round(width * devicePixelRatio), height: Math.round(height * devicePixelRatio) });
  }

  private noteFrames(): void {
    if (!this.events.onFrames) return;
    const noted = () => {
      if (this.isDisposed) return;
      this.stillLooks = 0;
      this.events.onFrames?.(true);
      this.video.requestVideoFrameCallback?.(noted);
    };
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(noted);
    else this.video.ontimeupdate = noted;
  }

  private look(): void {
    // Hidden pages draw nothing, whatever comes.
    if (this.events.isStillNormal || document.hidden || this.stillLooks === undefined) return;
    this.stillLooks += 1;
    if (this.stillLooks >= STILL_LOOKS_MAX) this.events.onFrames?.(false);
  }
}
