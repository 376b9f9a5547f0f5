// People in front of the sample page: they press what the unmodified composites show, and look at it.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { hears, hearsNothingOf } from "./tones.mjs";

/** The server with the sample pages that `run.mjs` has started; nothing where a test starts its own. */
export const server = JSON.parse(process.env.CALLING_SERVER ?? "null");

// Several browsers share two cores, and software encodes: a picture of this size costs a tenth of one.
const CAMERA = { width: 320, height: 180 };
const IN_CALL = "Connected";

/**
 * Tests that go on where the one before ended, as parts of `context`'s: after one that failed the others would only
 * wait for what cannot come.
 */
export function story(context) {
  let failure;
  return (name, body) =>
    context.test(name, async () => {
      if (failure) throw new Error(`not tried, because "${failure}" failed`);
      failure = name;
      await body();
      failure = undefined;
    });
}

/** A person with a browser that `open` starts, such as `chromium`; `context` is the test's own, `home` the server. */
export async function personIn(open, context, name, hertz, home = server) {
  return new Person(await open(context, { hertz }), hertz, newName(name), home);
}

/** What a composite's element is found by. */
const byId = (id) => `[data-ui-id="${id}"]`;

const menuItem = (text) => `//button[@role="menuitem"][.//text()="${text}"]`;

/** A name nobody else has: the sample signs people in by their names. */
export const newName = (name) => `${name}-${randomBytes(3).toString("hex")}`;

/** An id for a group call. */
export const newGroup = () => randomUUID();

/** Somebody with a browser, who speaks with a pitch. */
export class Person {
  constructor(page, hertz, name, home = server) {
    assert(home, "start the witnesses with run.mjs: it starts the server and sets the environment");
    Object.assign(this, { page, hertz, name, home });
  }

  /** Opens the sample as this person; `query` says what to do there, `camera` how large the camera's picture is. */
  async opens(query = {}, camera = CAMERA) {
    const words = new URLSearchParams({ user: this.name, ...query });
    await this.page.open(`${this.home.endpoint}/samples/calling/?${words}`, { camera });
  }

  /** Waits on the page for calls, and is known to the server. */
  async waitsForCalls() {
    await this.opens();
    await this.page.sees("Waiting for calls");
  }

  /** Passes the composite's first page, where in a group the microphone is off; `look` names a picture of it. */
  async enters({ camera = true, microphone, look } = {}) {
    if (microphone) {
      await this.page.press(byId("call-composite-local-device-settings-microphone-button"));
      await this.seesState("the microphone is on", ({ isLocalPreviewMicrophoneEnabled: isOn }) => isOn);
    }
    if (camera) await this.turnsOnCamera();
    if (look) await this.looks(look);
    await this.page.press(byId("call-composite-start-call-button"));
  }

  /** Turns the camera on, on the composite's first page. */
  async turnsOnCamera() {
    await this.page.press(byId("call-composite-local-device-settings-camera-button"));
    await this.showsPreview();
  }

  showsPreview() {
    return this.page.until("the preview shows the camera", isShowingVideo, byId("call-composite-local-preview"));
  }

  /** Takes the call that rings, from somebody. */
  async accepts(caller, { video = true } = {}) {
    await this.isCalledBy(caller);
    await this.page.press("button[aria-label='Accept with audio']");
    await this.page.press(menuItem(video ? "Accept with Video" : "Accept"));
  }

  /** Waits until it rings. */
  isCalledBy(caller) {
    return this.page.sees(`${caller.name} is calling`);
  }

  /** Waits until it rings no more. */
  isNoLongerCalledBy(caller) {
    return this.page.noLongerSees(`${caller.name} is calling`);
  }

  /** Sends the caller away. */
  declines() {
    return this.page.press("button[aria-label='Reject']");
  }

  /** Waits until the call goes. */
  isInCall() {
    return this.seesState("in the call", (state, wanted) => state.call?.state === wanted, IN_CALL);
  }

  /** Waits until the composite shows one of its pages, such as `hold` or `leftCall`. */
  isOn(page) {
    return this.seesState(`on the page ${page}`, (state, wanted) => state.page === wanted, page);
  }

  presses(button) {
    return this.page.press(byId(`call-composite-${button}-button`));
  }

  /** Leaves the call, or gives it up; with a mouse one is asked whether one means it. */
  async leaves() {
    await this.presses("hangup");
    await this.page.press(`//*[@role="dialog"]//button[.//text()="Leave"]`);
  }

  /** Puts the call on hold, from the menu behind the dots. */
  async holds() {
    await this.page.press(byId("common-call-composite-more-button"));
    await this.page.press(menuItem("Hold call"));
  }

  resumes() {
    return this.page.press(byId("hold-page-resume-call-button"));
  }

  async reacts(reaction) {
    await this.presses("reaction");
    await this.page.press(`${byId("reaction-sub-menu")} [aria-label="${reaction}"]`);
  }

  /** Waits until a condition on the adapter's state holds; it runs in the page. */
  seesState(what, condition, word) {
    return this.page.until(what, look(condition, word));
  }

  /** The state of the adapter that the composite shows. */
  state() {
    return this.page.evaluate(look((state) => state));
  }

  /** Waits until a condition on how the adapter shows somebody else holds. */
  seesOf(other, what, condition, word) {
    const find = `(state, [name, word]) => {
      const all = Object.values(state.call?.remoteParticipants ?? {});
      const them = all.find(({ displayName }) => displayName === name);
      return them && (${condition})(them, word);
    }`;
    return this.page.until(`${what} (${other.name})`, look(find, [other.name, word]));
  }

  /** Waits until somebody else is in the call, by what the adapter knows. */
  seesInCall(other) {
    return this.seesOf(other, "is in the call", ({ state }) => state === "Connected");
  }

  /** Waits until somebody else is not in the call any more. */
  seesGone(other) {
    const isGone = (state, name) =>
      Object.values(state.call?.remoteParticipants ?? {}).every(({ displayName }) => displayName !== name);
    return this.seesState(`${other.name} is gone`, isGone, other.name);
  }

  async hears(...others) {
    for (const other of others) await hears(this.page, other.hertz);
  }

  async hearsNothingOf(...others) {
    for (const other of others) await hearsNothingOf(this.page, other.hertz);
  }

  decodes(count) {
    return this.page.decodes(count);
  }

  /** Nothing went wrong: no error the composite knows of, nothing in the console. */
  async isContent() {
    const { latestErrors } = await this.state();
    assert.deepEqual(latestErrors, {}, this.name);
    this.page.assertQuiet();
  }

  /** Keeps a picture of the page where `CONFORMANCE_SCREENSHOTS` says, if it says. */
  async looks(name) {
    const folder = process.env.CONFORMANCE_SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await this.page.tab.screenshot({ path: join(folder, `calling-${name}.png`) });
  }
}

/** Runs in the page: whether an element shows a picture that moves. */
function isShowingVideo(place) {
  const video = document.querySelector(`${place} video`);
  return video && !video.paused && video.videoWidth > 0;
}

/** The expression that asks a condition about the adapter's state. (The page's policy forbids it to make functions.) */
const look = (condition, word = null) => `(${condition})((${stateOfAdapter})(), ${JSON.stringify(word)})`;

/** Runs in the page: the state of the adapter that a composite was given, as JSON has it; `{}` where none is shown. */
function stateOfAdapter() {
  const isRoot = (name) => name.startsWith("__reactContainer$");
  const host = [...document.querySelectorAll("body *")].find((each) => Object.keys(each).some(isRoot));
  const waiting = host ? [host[Object.keys(host).find(isRoot)]] : [];
  for (let fiber = waiting.pop(); fiber; fiber = waiting.pop()) {
    const adapter = fiber.memoizedProps?.adapter;
    if (adapter?.getState) {
      const { page, isLocalPreviewMicrophoneEnabled, call, endedCall, ...rest } = adapter.getState();
      // With chat there are two lists of errors.
      const known = { ...rest.latestErrors, ...rest.latestCallErrors, ...rest.latestChatErrors };
      const errors = Object.entries(known).map(([name, error]) => [name, String(error)]);
      const shown = { latestErrors: Object.fromEntries(errors), call, endedCall };
      const state = { page, isLocalPreviewMicrophoneEnabled, ...shown };
      // A view is an element of the page, which no answer can carry.
      return JSON.parse(JSON.stringify(state, (name, value) => (name === "view" ? undefined : value)));
    }
    if (fiber.sibling) waiting.push(fiber.sibling);
    if (fiber.child) waiting.push(fiber.child);
  }
  return {};
}
