/** Words that the other types are made of. */

/** `on` and `off` for events; a tuple says what a listener is given. */
export interface EventSource<Events extends { [event: string]: unknown[] }> {
  on<E extends keyof Events & string>(event: E, listener: (...values: Events[E]) => void): void;
  /** A listener that is not known is no mistake. */
  off<E extends keyof Events & string>(event: E, listener: (...values: Events[E]) => void): void;
}

/** Events without a payload: listeners read the property again. */
export type Changes<E extends string> = { [K in E]: [] };

export interface CollectionUpdate<T> {
  added: T[];
  removed: T[];
}
export type CollectionUpdatedEvent<T> = (change: CollectionUpdate<T>) => void;
export type PropertyChangedEvent = () => void;

export type ResultCategories = "Success" | "ExpectedError" | "UnexpectedClientError" | "UnexpectedServerError";

/** Why a call, or somebody's part in it, is over. */
export interface CallEndReason {
  code: number;
  subCode: number;
  message?: string;
  resultCategories?: ResultCategories[];
}

/** What every rejection is. */
export interface CommunicationServicesError extends Error {
  readonly code: number;
  readonly subCode: number;
  readonly resultCategories: ResultCategories[];
}

/** A key to a feature, compared by identity. */
export interface FeatureToken<F, Scope extends string> {
  readonly __feature?: F;
  readonly __scope?: Scope;
}
export type CallFeatureFactory<F> = FeatureToken<F, "call">;
export type CallClientFeatureFactory<F> = FeatureToken<F, "client">;
export type VideoStreamFeatureFactory<F> = FeatureToken<F, "video">;
export type AudioStreamFeatureFactory<F> = FeatureToken<F, "audio">;

/** Width and height in pixels. */
export interface StreamSize {
  width: number;
  height: number;
}
