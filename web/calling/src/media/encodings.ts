/**
 * Simulcast by the size of the capture.
 *
 * Chromium 156 decides by the size how many layers it sends and leaves out the LAST ones of the list, whatever their
 * scale: a capture of 640x360 with scales 4, 2, 1 never sends its full size, one of 320x180 only 80x45 (measured). So
 * the lowest layers carry what is to be sent, and the rest is off.
 */

export interface Layer {
  rid: "q" | "h" | "f";
  isOn: boolean;
  scale: number;
  kbps: number;
}

const layer = (rid: Layer["rid"], scale: number, kbps: number): Layer => ({ rid, isOn: kbps > 0, scale, kbps });

export function layersFor(width: number, height: number): Layer[] {
  const pixels = width * height;
  if (pixels >= 960 * 540) {
    return [layer("q", 4, 150), layer("h", 2, 500), layer("f", 1, pixels >= 1280 * 720 ? 1700 : 1200)];
  }
  if (pixels >= 480 * 270) return [layer("q", 2, 150), layer("h", 1, 700), layer("f", 1, 0)];
  return [layer("q", 1, 250), layer("h", 1, 0), layer("f", 1, 0)];
}

/** `wanted`: the layers somebody sees, from `media.layers`; undefined for all. */
export async function applyLayers(
  sender: RTCRtpSender,
  layers: readonly Layer[],
  wanted: ReadonlySet<string> | undefined,
): Promise<void> {
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) {
    const one = layers.find(({ rid }) => rid === encoding.rid) ?? layers[0];
    if (!one) continue;
    encoding.active = one.isOn && (wanted?.has(one.rid) ?? true);
    if (one.isOn) {
      encoding.scaleResolutionDownBy = one.scale;
      encoding.maxBitrate = one.kbps * 1000;
    }
  }
  await sender.setParameters(parameters);
}
