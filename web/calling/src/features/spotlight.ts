/** People whom everybody sees large. */

import type { CommunicationIdentifier } from "@azure/communication-common";
import { Emitter } from "../emitter.js";
import { failure } from "../errors.js";
import { identifierOf, rawIdOf } from "../identifiers.js";
import type * as T from "../types.js";

/** As many as the service takes. */
const SPOTLIGHT_MAX = 7;

type Update = { added: T.SpotlightedParticipant[]; removed: T.SpotlightedParticipant[] };
type Act = (change: { add?: string[]; remove?: string[]; clear?: boolean }) => Promise<unknown>;

export class Spotlight implements T.SpotlightCallFeature {
  readonly maxParticipantsToSpotlight = SPOTLIGHT_MAX;
  private readonly emitter = new Emitter<{ spotlightChanged: [Update] }>();
  private rawIds: readonly string[] = [];

  /** `self`: the raw id of the user, who is meant when nobody is named. */
  constructor(
    private readonly self: () => string,
    private readonly act: Act,
  ) {}

  startSpotlight = async (people?: CommunicationIdentifier[]): Promise<void> => {
    const add = this.named(people);
    if (new Set([...this.rawIds, ...add]).size > SPOTLIGHT_MAX) {
      // The library looks for this very text.
      const text = `startSpotlight failed. ${SPOTLIGHT_MAX} is the max number of participants that can be Spotlighted`;
      throw failure(400, 45400, text);
    }
    await this.act({ add });
  };
  stopSpotlight = async (people?: CommunicationIdentifier[]): Promise<void> =>
    void (await this.act({ remove: this.named(people) }));
  stopAllSpotlight = async (): Promise<void> => void (await this.act({ clear: true }));

  getSpotlightedParticipants = (): T.SpotlightedParticipant[] =>
    this.rawIds.map((rawId, order) => ({ identifier: identifierOf(rawId), order }));

  /** Takes the raw ids of everybody in the spotlight, in order. */
  set(rawIds: readonly string[]): void {
    const before = this.rawIds;
    this.rawIds = [...rawIds];
    const added = rawIds.filter((one) => !before.includes(one)).map(shown);
    const removed = before.filter((one) => !rawIds.includes(one)).map(shown);
    if (added.length + removed.length > 0) this.emitter.emit("spotlightChanged", { added, removed });
  }

  private named(people: CommunicationIdentifier[] | undefined): string[] {
    return people && people.length > 0 ? people.map(rawIdOf) : [this.self()];
  }

  on = this.emitter.on;
  off = this.emitter.off;
}

const shown = (rawId: string): T.SpotlightedParticipant => ({ identifier: identifierOf(rawId) });
