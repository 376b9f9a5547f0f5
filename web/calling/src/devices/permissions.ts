/** Whether the page may use microphones and cameras. Asked for once; asking again costs nothing. */

import type * as T from "../types.js";

type Kind = "audio" | "video";

export class Permissions {
  private readonly granted = new Set<Kind>();

  /** Asks for what is not granted yet, one prompt at a time. A refusal or a missing device is `false`, no error. */
  async ask({ audio, video }: T.PermissionConstraints): Promise<T.DeviceAccess> {
    const access = { audio: false, video: false };
    if (audio) access.audio = await this.askFor("audio");
    if (video) access.video = await this.askFor("video");
    return access;
  }

  private async askFor(kind: Kind): Promise<boolean> {
    if (this.granted.has(kind) && !(await isDenied(kind))) return true;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ [kind]: true });
      // Only the permission was wanted; without this the light of the camera stays on.
      for (const track of stream.getTracks()) track.stop();
    } catch {
      this.granted.delete(kind);
      return false;
    }
    this.granted.add(kind);
    return true;
  }
}

/** Taken away by the user since. Browsers that cannot tell count as not denied. */
async function isDenied(kind: Kind): Promise<boolean> {
  const name = kind === "audio" ? "microphone" : "camera";
  const status = await navigator.permissions?.query({ name: name as PermissionName }).catch(() => undefined);
  return status?.state === "denied";
}
