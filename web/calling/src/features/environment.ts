/** What browser this is. Asked for by the library before anything else: it never fails. */

import type * as T from "../types.js";

const BROWSERS: readonly (readonly [name: string, version: RegExp])[] = [
  ["edge", /Edg\w*\/([\d.]+)/],
  ["opera", /OPR\/([\d.]+)/],
  ["firefox", /(?:Firefox|FxiOS)\/([\d.]+)/],
  ["chrome", /(?:Chrome|Chromium|CriOS)\/([\d.]+)/],
  // All the others say "Safari" too.
  ["safari", /Version\/([\d.]+).*Safari/],
];

const PLATFORMS: readonly (readonly [name: string, mark: RegExp])[] = [
  ["ios", /iPhone|iPad|iPod/],
  ["android", /Android/],
  ["mac", /Mac OS X/],
  ["windows", /Windows/],
  ["linux", /Linux|CrOS/],
];

/** Reads a `navigator.userAgent`. */
export function readUserAgent(agent: string): T.EnvironmentInfo["environment"] {
  const platform = PLATFORMS.find(([, mark]) => mark.test(agent))?.[0] ?? "unknown";
  for (const [browser, version] of BROWSERS) {
    const found = version.exec(agent);
    if (found) return { platform, browser, browserVersion: found[1] ?? "" };
  }
  return { platform, browser: "unknown", browserVersion: "" };
}

// Functions of an object literal, because the library spreads it (rule 12).
export const debugInfo = () => ({
  getEnvironmentInfo: async (): Promise<T.EnvironmentInfo> => {
    const environment = readUserAgent(navigator.userAgent);
    const isAble = typeof RTCPeerConnection !== "undefined" && navigator.mediaDevices !== undefined;
    return {
      environment,
      isSupportedPlatform: environment.platform !== "unknown",
      isSupportedBrowser: isAble,
      isSupportedBrowserVersion: isAble,
      isSupportedEnvironment: isAble,
    };
  },
});
