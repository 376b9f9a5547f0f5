// What a camera sees that costs bits as a real one does: the browser's own test picture fits through any link.

import { randomFillSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

// The browser begins again at the end.
const FRAMES = 15;
const FRAMES_PER_SECOND = 15;
// What a sensor adds to each pixel in a dim room.
const GRAIN = 24;
const GREY = 128;

/** Writes a film of grain on moving stripes into a folder, as YUV4MPEG2, and gives its path. */
export async function writeCamera(folder, { width, height }) {
  const head = Buffer.from(`YUV4MPEG2 W${width} H${height} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`);
  const frames = Array.from({ length: FRAMES }, (_, number) => frame(width, height, number));
  const path = join(folder, "camera.y4m");
  await writeFile(path, Buffer.concat([head, ...frames]));
  return path;
}

function frame(width, height, number) {
  const luma = randomFillSync(Buffer.alloc(width * height));
  for (let at = 0; at < luma.length; at++) {
    const stripe = ((at % width) + (number * width) / FRAMES) % 160;
    luma[at] = 48 + stripe / 2 + (luma[at] % GRAIN);
  }
  const colours = Buffer.alloc((width * height) / 2, GREY);
  return Buffer.concat([Buffer.from("FRAME\n"), luma, colours]);
}
