/** Whether the call is recorded and written down: two flags that drive the page's notice. */

import { Emitter } from "../emitter.js";
import type * as T from "../types.js";

export class Recording implements T.RecordingCallFeature {
  isRecordingActive = false;
  private readonly emitter = new Emitter<T.Changes<"isRecordingActiveChanged">>();

  set(isActive: boolean): void {
    if (this.isRecordingActive === isActive) return;
    this.isRecordingActive = isActive;
    this.emitter.emit("isRecordingActiveChanged");
  }

  on = this.emitter.on;
  off = this.emitter.off;
}

export class Transcription implements T.TranscriptionCallFeature {
  isTranscriptionActive = false;
  private readonly emitter = new Emitter<T.Changes<"isTranscriptionActiveChanged">>();

  set(isActive: boolean): void {
    if (this.isTranscriptionActive === isActive) return;
    this.isTranscriptionActive = isActive;
    this.emitter.emit("isTranscriptionActiveChanged");
  }

  on = this.emitter.on;
  off = this.emitter.off;
}
