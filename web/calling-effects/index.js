/**
 * The effects that the UI library imports, by name. None is done here: `isSupported` of a stream's effects feature
 * answers false for each of them, and starting one is refused.
 */

export class BackgroundBlurEffect {
  constructor() {
    this.name = "BackgroundBlur";
  }
}

export class BackgroundReplacementEffect {
  constructor() {
    this.name = "BackgroundReplacement";
  }
}

export class DeepNoiseSuppressionEffect {
  constructor() {
    this.name = "DeepNoiseSuppression";
  }
}
