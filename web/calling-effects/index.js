/** The names the UI library imports. `isSupported` of a stream's effects feature answers false for each of them. */

export class BackgroundBlurEffect {
  name = "BackgroundBlur";
}

export class BackgroundReplacementEffect {
  name = "BackgroundReplacement";
}

export class DeepNoiseSuppressionEffect {
  name = "DeepNoiseSuppression";
}
