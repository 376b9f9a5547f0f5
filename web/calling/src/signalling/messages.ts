/** What goes over the socket; see docs/signalling.md. */

export interface Frame {
  n?: number;
  a?: number;
  id?: string;
  re?: string;
  t?: string;
  [field: string]: unknown;
}

export interface Welcome {
  session: string;
  resume: string;
  user: string;
  /** Servers before it was told leave it out. */
  rejoinFor_s?: number;
  now: number;
  ping_s: number;
  tokenEnds: number;
  iceServers: RTCIceServer[];
}

export interface WireReason {
  code: number;
  subCode: number;
  message?: string;
  categories?: string[];
}

export type SourceName = "audio" | "camera" | "screen";
export interface WireSize {
  width: number;
  height: number;
}

export interface WireParticipant {
  p: number;
  user: string;
  name: string;
  kind: string;
  state: "connecting" | "ringing" | "inLobby" | "connected" | "hold" | "reconnecting" | "disconnected";
  role?: string;
  muted: boolean;
  hand?: number;
  forbidden?: ("audio" | "video")[];
  sources?: Partial<Record<SourceName, Partial<WireSize>>>;
  reason?: WireReason;
}

export interface WireSlot {
  mid: string;
  p: number | null;
  source?: SourceName;
  state?: "live" | "paused" | "waiting";
}

export interface WireCall {
  kind: string;
  count: number;
  spotlight: number[];
  recording: boolean;
  transcription: boolean;
  speakers: number[];
  threadId: string | null;
}

export interface Joined {
  call: string;
  p: number;
  legToken: string;
  serverCallId?: string;
  answer?: { sdp: string; epoch: number };
}

/** Somebody calls. */
export interface Ring {
  leg: string;
  call: string;
  from: { user: string; name?: string };
  kind: string;
  /** The end, by the server's clock. */
  until: number;
  customContext?: { userToUser?: string; xHeaders?: { key: string; value: string }[] };
}
