/** Whose microphone and camera presenters have forbidden. */

import type { CommunicationIdentifier } from "@azure/communication-common";
import { Emitter } from "../emitter.js";
import { identifierOf, rawIdOf } from "../identifiers.js";
import type * as T from "../types.js";

type Medium = "audio" | "video";
type Events = {
  mediaAccessChanged: [T.MediaAccessChangedEvent];
  meetingMediaAccessChanged: [T.MeetingMediaAccessChangedEvent];
};
/** Nobody named: all attendees. */
type Act = (change: { [Each in Medium]?: boolean }, rawIds?: string[]) => Promise<unknown>;

export class MediaAccessList implements T.MediaAccessCallFeature {
  private readonly emitter = new Emitter<Events>();
  private readonly forbidden = new Map<string, readonly Medium[]>();

  constructor(private readonly act: Act) {}

  getAllOthersMediaAccess = (): T.MediaAccess[] =>
    [...this.forbidden].map(([rawId, media]) => ({
      participant: identifierOf(rawId),
      isAudioPermitted: !media.includes("audio"),
      isVideoPermitted: !media.includes("video"),
    }));

  /** What holds for people who come is not restricted by the service. */
  getMeetingMediaAccess = (): T.MeetingMediaAccess => ({ isAudioPermitted: true, isVideoPermitted: true });

  permitAudio = (people: CommunicationIdentifier[]): Promise<void> => this.change("audio", true, people);
  forbidAudio = (people: CommunicationIdentifier[]): Promise<void> => this.change("audio", false, people);
  permitVideo = (people: CommunicationIdentifier[]): Promise<void> => this.change("video", true, people);
  forbidVideo = (people: CommunicationIdentifier[]): Promise<void> => this.change("video", false, people);
  permitOthersAudio = (): Promise<void> => this.change("audio", true);
  forbidOthersAudio = (): Promise<void> => this.change("audio", false);
  permitOthersVideo = (): Promise<void> => this.change("video", true);
  forbidOthersVideo = (): Promise<void> => this.change("video", false);

  /** What is forbidden to somebody in the call; undefined when they have left. */
  set(rawId: string, media: readonly Medium[] | undefined): void {
    const before = this.forbidden.get(rawId);
    if (!media) {
      this.forbidden.delete(rawId);
      return;
    }
    this.forbidden.set(rawId, [...media]);
    if ((before ?? []).join() === media.join()) return;
    this.emitter.emit("mediaAccessChanged", { mediaAccesses: this.getAllOthersMediaAccess() });
  }

  private async change(medium: Medium, isPermitted: boolean, people?: CommunicationIdentifier[]): Promise<void> {
    await this.act({ [medium]: isPermitted }, people?.map(rawIdOf));
  }

  on = this.emitter.on;
  off = this.emitter.off;
}
