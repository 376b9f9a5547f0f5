/** Opens cameras, in a size that suits the machine. */

import { failure } from "../errors.js";
import type * as T from "../types.js";
import { deviceIdOf } from "./list.js";

/** With fewer processors than this, encoding 720 lines leaves too little for everything else. */
const PROCESSORS_FOR_HD = 3;

const HD = { width: 1280, height: 720, frameRate: 30 };
const SMALL = { width: 640, height: 360, frameRate: 15 };
const MOBILE = { width: 640, height: 360, frameRate: 24 };

/**
 * Opens a camera of the list.
 *
 * **Errors**: `Video operation failure permissionDeniedError` and `… SourceUnavailableError`, which the library looks for.
 */
export async function openCamera(camera: T.VideoDeviceInfo): Promise<MediaStream> {
  const isMobile = /Mobi/.test(navigator.userAgent);
  const isSmall = (navigator.hardwareConcurrency ?? PROCESSORS_FOR_HD) < PROCESSORS_FOR_HD;
  const { width, height, frameRate } = isMobile ? MOBILE : isSmall ? SMALL : HD;
  const deviceId = deviceIdOf(camera.id);
  const video: MediaTrackConstraints = {
    width: { ideal: width },
    height: { ideal: height },
    frameRate: { ideal: frameRate },
    // Before permission browsers give no ids: any camera then.
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ video });
  } catch (cause) {
    throw isRefusal(cause)
      ? failure(403, 43004, "Video operation failure permissionDeniedError")
      : failure(400, 43003, "Video operation failure SourceUnavailableError");
  }
}

/** Whether the user or a policy said no, and not the machine. */
export const isRefusal = (cause: unknown): boolean =>
  ["NotAllowedError", "SecurityError"].includes((cause as DOMException | undefined)?.name ?? "");
