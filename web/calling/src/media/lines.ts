/** The lines of an offer in the order that the protocol gives a meaning (§4.1), and their codecs. */

import type { Lines } from "../call/info.js";
import { layersFor } from "./encodings.js";

/** What a screen may take; text stays sharp at few pictures a second. */
const SCREEN = { maxBitrate: 2_000_000, maxFramerate: 15 };
/** What the layers are made for until a camera says its size. */
const FIRST_CAPTURE = { width: 1280, height: 720 };

/** The lines on which this side sends. */
export interface Senders {
  microphone: RTCRtpSender;
  camera: RTCRtpSender;
  screen: RTCRtpSender;
}

/** Adds microphone, camera and screen, in this order. */
export function addSenders(connection: RTCPeerConnection): Senders {
  const layers = layersFor(FIRST_CAPTURE.width, FIRST_CAPTURE.height);
  const sendEncodings = layers.map(({ rid, scale, kbps }) => ({
    rid,
    scaleResolutionDownBy: scale,
    maxBitrate: kbps * 1000,
  }));
  return {
    microphone: addLine(connection, "audio", { direction: "sendonly" }).sender,
    camera: addLine(connection, "video", { direction: "sendonly", sendEncodings }).sender,
    screen: addLine(connection, "video", { direction: "sendonly", sendEncodings: [SCREEN] }).sender,
  };
}

/** Adds receiving lines until there are so many. */
export function addReceivers(connection: RTCPeerConnection, { audio, video }: Lines): void {
  for (let at = receivers(connection, "audio").length; at < audio; at++) {
    addLine(connection, "audio", { direction: "recvonly" });
  }
  for (let at = receivers(connection, "video").length; at < video; at++) {
    addLine(connection, "video", { direction: "recvonly" });
  }
}

/** The lines on which this side receives, in the order of the offer. */
export function receivers(connection: RTCPeerConnection, kind: "audio" | "video"): RTCRtpTransceiver[] {
  return connection
    .getTransceivers()
    .filter(({ direction, receiver }) => direction === "recvonly" && receiver.track.kind === kind);
}

function addLine(connection: RTCPeerConnection, kind: "audio" | "video", init: RTCRtpTransceiverInit) {
  const line = connection.addTransceiver(kind, init);
  const codecs = RTCRtpReceiver.getCapabilities?.(kind)?.codecs ?? [];
  const preferred = preferredCodecs(kind, codecs);
  if (preferred.length > 0) line.setCodecPreferences?.(preferred);
  return line;
}

/** What the server forwards, best first. The rest would only make the offer long. */
export function preferredCodecs<C extends Pick<RTCRtpCodec, "mimeType" | "sdpFmtpLine">>(
  kind: "audio" | "video",
  codecs: readonly C[],
): C[] {
  const rank = kind === "audio" ? audioRank : videoRank;
  return codecs.filter((codec) => rank(codec) >= 0).sort((a, b) => rank(a) - rank(b));
}

type Codec = Pick<RTCRtpCodec, "mimeType" | "sdpFmtpLine">;
const nameOf = ({ mimeType }: Codec): string => mimeType.slice(mimeType.indexOf("/") + 1).toUpperCase();

// Opus before RED: Chromium sends RED always when it stands first.
const audioRank = (codec: Codec): number => ["OPUS", "RED"].indexOf(nameOf(codec));

function videoRank(codec: Codec): number {
  const name = nameOf(codec);
  if (name !== "H264") return { VP8: 0, RTX: 2 }[name] ?? -1;
  const parameters = codec.sdpFmtpLine ?? "";
  const isPlain = /packetization-mode=1/.test(parameters) && /profile-level-id=42(e0|00)1f/i.test(parameters);
  return isPlain ? 1 : -1;
}
