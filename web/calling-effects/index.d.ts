/** Blurs what is behind a person. */
export declare class BackgroundBlurEffect {
  constructor(config?: object);
  readonly name: string;
}

/** Puts a picture behind a person. */
export declare class BackgroundReplacementEffect {
  constructor(config?: { backgroundImageUrl: string });
  readonly name: string;
}

/** Takes noise out of a microphone's sound. */
export declare class DeepNoiseSuppressionEffect {
  readonly name: string;
}
