/** The devices the browser tells of, under ids that say what they are. */

import type * as T from "../types.js";

/** A device as it stands in the list; replaced and never changed. */
export interface Device {
  /** `camera:`, `microphone:` or `speaker:` and the browser's id, which is empty before permission. */
  readonly id: string;
  /** Empty before permission. */
  readonly name: string;
  readonly kind: MediaDeviceKind;
  readonly isDefault: boolean;
}

const PREFIXES: Record<MediaDeviceKind, string> = {
  audioinput: "microphone:",
  audiooutput: "speaker:",
  videoinput: "camera:",
};

/** The browser's own id of a device. */
export const deviceIdOf = (id: string): string => id.slice(id.indexOf(":") + 1);

/** Asks the browser; each id once. Without a secure context there are no devices. */
export async function listDevices(): Promise<Device[]> {
  const listed = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const devices = new Map<string, Device>();
  for (const { deviceId, label, kind } of listed) {
    const id = `${PREFIXES[kind]}${deviceId}`;
    if (!devices.has(id)) devices.set(id, { id, name: label, kind, isDefault: deviceId === "default" });
  }
  // Only Chromium names a default; elsewhere the first of a kind is what the browser would take.
  return [...devices.values()].map((device, _, all) => {
    const alike = all.filter(({ kind }) => kind === device.kind);
    const isDefault = device.isDefault || (alike[0] === device && !alike.some((one) => one.isDefault));
    return { ...device, isDefault };
  });
}

/** What came and what went, for devices of `kinds`. A device that got its name counts as both. */
export function changes(before: readonly Device[], now: readonly Device[], kinds: readonly MediaDeviceKind[]) {
  const missingIn = (others: readonly Device[]) => (device: Device) =>
    kinds.includes(device.kind) && !others.some(({ id, name }) => id === device.id && name === device.name);
  return { added: now.filter(missingIn(before)), removed: before.filter(missingIn(now)) };
}

/** The device to use: the chosen one while it is there, else the default. */
export function pick(devices: readonly Device[], kind: MediaDeviceKind, chosen: string | undefined) {
  const alike = devices.filter((device) => device.kind === kind);
  return alike.find(({ id }) => id === chosen) ?? alike.find(({ isDefault }) => isDefault) ?? alike[0];
}

/** A fresh object: what is handed out gets frozen (rule 5). */
export const audioInfo = ({ id, name, kind, isDefault }: Device): T.AudioDeviceInfo => ({
  id,
  name,
  isSystemDefault: isDefault,
  deviceType: kind === "audioinput" ? "Microphone" : "Speaker",
});

/** A fresh object: what is handed out gets frozen (rule 5). */
export const videoInfo = ({ id, name }: Device): T.VideoDeviceInfo => ({ id, name, deviceType: "UsbCamera" });
