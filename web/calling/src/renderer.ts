/** Shows a stream in the page. */

import { failure } from "./errors.js";
import { LocalVideoStream } from "./streams/local-video.js";
import { RemoteVideoStream } from "./streams/remote-video.js";
import type * as T from "./types.js";
import { View } from "./view.js";

/** What is asked of the server for a view that is not in the page yet: a tile of a small gallery. */
const FIRST_TILE: T.StreamSize = { width: 640, height: 360 };

export class VideoStreamRenderer implements T.VideoStreamRenderer {
  private readonly stream: LocalVideoStream | RemoteVideoStream;
  private readonly views = new Set<View>();
  private stopFollowing: (() => void) | undefined;
  private isDisposed = false;

  constructor(stream: T.LocalVideoStream | T.RemoteVideoStreamCommon) {
    this.stream = stream as unknown as LocalVideoStream | RemoteVideoStream;
    // The camera of a preview goes off with its last renderer.
    if (this.stream instanceof LocalVideoStream) this.stream.hold();
  }

  get size(): T.StreamSize {
    if (this.stream instanceof RemoteVideoStream) return { ...this.stream.size };
    const [view] = this.views;
    return view?.pictureSize ?? { width: 0, height: 0 };
  }

  /**
   * An element with the picture, to be put into the page; done when there is something to see.
   *
   * **Errors**: a camera that cannot be opened; a renderer that was disposed.
   */
  createView = async (options?: T.CreateViewOptions): Promise<T.VideoStreamRendererView> => {
    if (this.isDisposed) throw failure(400, 43209, "The renderer is disposed.");
    const view = this.stream instanceof RemoteVideoStream ? this.showRemote(this.stream, options) : undefined;
    const shown = view ?? (await this.showLocal(this.stream as LocalVideoStream, options));
    await shown.firstFrame();
    return shown;
  };

  dispose = (): void => {
    if (this.isDisposed) return;
    this.isDisposed = true;
    for (const view of [...this.views]) view.dispose();
    this.stopFollowing?.();
    if (this.stream instanceof LocalVideoStream) this.stream.release();
  };

  private showRemote(stream: RemoteVideoStream, options: T.CreateViewOptions | undefined): View {
    const view: View = new View(options, {
      onTile: (tile) => stream.setTile(view, tile),
      onFrames: (areComing) => stream.setReceiving(areComing),
      onPictureSize: ({ width, height }) => stream.setSize(width, height),
      onDispose: () => {
        this.views.delete(view);
        stream.setTile(view, undefined);
      },
      // A shared screen on which nothing moves is as good as one that does.
      isStillNormal: stream.mediaStreamType === "ScreenSharing",
    });
    this.views.add(view);
    stream.setTile(view, FIRST_TILE);
    this.stopFollowing ??= stream.follow(() => {
      for (const one of this.views) one.show(tracksOf(stream));
    });
    view.show(tracksOf(stream));
    return view;
  }

  private async showLocal(stream: LocalVideoStream, options: T.CreateViewOptions | undefined): Promise<View> {
    const media = await stream.getMediaStream();
    if (this.isDisposed) throw failure(400, 43209, "The renderer is disposed.");
    const view: View = new View(options, { onDispose: () => this.views.delete(view) });
    this.views.add(view);
    this.stopFollowing ??= stream.follow((next) => {
      for (const one of this.views) one.show(next.getVideoTracks());
    });
    view.show(media.getVideoTracks());
    return view;
  }
}

const tracksOf = (stream: RemoteVideoStream): MediaStreamTrack[] => (stream.track ? [stream.track] : []);
