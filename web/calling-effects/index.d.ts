/** What an application may say of a blur. */
export interface BackgroundBlurConfig {}

/** What stands behind the person. */
export interface BackgroundReplacementConfig {
  backgroundImageUrl: string;
}

/** Blurs what is behind a person. */
export declare class BackgroundBlurEffect {
  constructor(config?: BackgroundBlurConfig);
  readonly name: string;
}

/** Puts a picture behind a person. */
export declare class BackgroundReplacementEffect {
  constructor(config: BackgroundReplacementConfig);
  readonly name: string;
}

/** Takes noise out of a microphone's sound. */
export declare class DeepNoiseSuppressionEffect {
  readonly name: string;
}
