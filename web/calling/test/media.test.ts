/** Layers by size, codecs in order, wishes in one message, identifiers: things that are only computed. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { categoriesOf } from "../src/codes.js";
import { identifierOf, rawIdOf } from "../src/identifiers.js";
import { layersFor } from "../src/media/encodings.js";
import { preferredCodecs } from "../src/media/lines.js";
import { Wants } from "../src/media/wants.js";
import { claimsOf, signallingUrl } from "../src/signalling/endpoint.js";
import { RemoteVideoStream } from "../src/streams/remote-video.js";
import { tokenOf } from "./fakes/world.js";

const scales = (width: number, height: number) =>
  layersFor(width, height).filter(({ isOn }) => isOn).map(({ rid, scale }) => `${rid}/${scale}`).join(" ");

test("layers suit the capture: a browser leaves out the last ones of a small one", () => {
  assert.equal(scales(1280, 720), "q/4 h/2 f/1");
  assert.equal(scales(960, 540), "q/4 h/2 f/1");
  assert.equal(scales(640, 360), "q/2 h/1");
  assert.equal(scales(320, 180), "q/1");
  // Upright, as phones film.
  assert.equal(scales(720, 1280), "q/4 h/2 f/1");
});

test("codecs: Opus before RED, VP8 before plain H.264, and nothing that is not forwarded", () => {
  const video = (mimeType: string, sdpFmtpLine?: string) => ({ mimeType, ...(sdpFmtpLine ? { sdpFmtpLine } : {}) });
  const baseline = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
  const offered = [
    video("video/VP9"), video("video/rtx"), video("video/H264", "packetization-mode=0;profile-level-id=42e01f"),
    video("video/H264", baseline), video("video/H264", "packetization-mode=1;profile-level-id=640c1f"),
    video("video/VP8"), video("video/red"),
  ];
  assert.deepEqual(preferredCodecs("video", offered), [video("video/VP8"), video("video/H264", baseline), video("video/rtx")]);
  const audio = ["audio/PCMU", "audio/red", "audio/opus", "audio/CN"].map((mimeType) => ({ mimeType }));
  assert.deepEqual(preferredCodecs("audio", audio).map(({ mimeType }) => mimeType), ["audio/opus", "audio/red"]);
});

test("many changes of tiles are one wish, of the largest view each; the same wish is not repeated", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const said: unknown[] = [];
  const streams: RemoteVideoStream[] = [];
  const wants = new Wants(() => streams, (wish) => said.push(wish));
  const add = (id: number, type: "Video" | "ScreenSharing") => {
    const stream = new RemoteVideoStream(id, type, id, { width: 640, height: 360 }, () => wants.changed());
    streams.push(stream);
    return stream;
  };
  const [camera, screen, view] = [add(2, "Video"), add(3, "ScreenSharing"), {}];
  camera.setTile({}, { width: 320, height: 180 });
  camera.setTile(view, { width: 640, height: 360 });
  screen.setTile({}, { width: 1280, height: 720 });
  assert.deepEqual(said, []);
  mock.timers.tick(250);
  const screenWant = { p: 3, source: "screen", priority: 9, width: 1280, height: 720 };
  assert.deepEqual(said, [
    { want: [{ p: 2, source: "camera", priority: 1, width: 640, height: 360 }, screenWant], max: 25 },
  ]);
  camera.setTile(view, { width: 641, height: 360 });
  camera.setTile(view, { width: 640, height: 360 });
  mock.timers.tick(250);
  assert.equal(said.length, 1);
  wants.repeat();
  assert.deepEqual(said[1], said[0]);
  camera.setTile(view, undefined);
  wants.stop();
  mock.timers.tick(1000);
  assert.equal(said.length, 2);
  mock.timers.reset();
});

const USER = "8:acs:11111111-1111-1111-1111-111111111111_22222222-2222-2222-2222-222222222222";
const IDENTIFIERS: [string, Record<string, unknown>][] = [
  [USER, { kind: "communicationUser", communicationUserId: USER }],
  ["8:spool:a_b_c", { kind: "communicationUser", communicationUserId: "8:spool:a_b_c" }],
  ["4:+491234", { kind: "phoneNumber", phoneNumber: "+491234", rawId: "4:+491234" }],
  ["8:orgid:u", { kind: "microsoftTeamsUser", microsoftTeamsUserId: "u", isAnonymous: false, cloud: "public", rawId: "8:orgid:u" }],
  ["8:dod:u", { kind: "microsoftTeamsUser", microsoftTeamsUserId: "u", isAnonymous: false, cloud: "dod", rawId: "8:dod:u" }],
  ["8:teamsvisitor:u", { kind: "microsoftTeamsUser", microsoftTeamsUserId: "u", isAnonymous: true, rawId: "8:teamsvisitor:u" }],
  ["28:gcch:app", { kind: "microsoftTeamsApp", teamsAppId: "app", cloud: "gcch", rawId: "28:gcch:app" }],
  [
    "8:gcch-acs:r_t_u",
    { kind: "teamsExtensionUser", userId: "u", tenantId: "t", resourceId: "r", cloud: "gcch", rawId: "8:gcch-acs:r_t_u" },
  ],
  ["8:echo123", { kind: "unknown", id: "8:echo123" }],
];

for (const [rawId, identifier] of IDENTIFIERS) {
  test(`the identifier of ${rawId} leads back to it, also without its raw id`, () => {
    assert.deepEqual(identifierOf(rawId), identifier);
    assert.notEqual(identifierOf(rawId), identifierOf(rawId));
    const { rawId: _, kind: __, ...bare } = identifier;
    assert.equal(rawIdOf(identifier as never), rawId);
    assert.equal(rawIdOf(bare as never), rawId);
  });
}

test("an end is a success, expected, or somebody's mistake", () => {
  assert.deepEqual([categoriesOf(0, 0), categoriesOf(0, 5300), categoriesOf(603, 0)], [["Success"], ["Success"], ["Success"]]);
  assert.deepEqual([categoriesOf(487, 10004), categoriesOf(480, 10037)], [["ExpectedError"], ["ExpectedError"]]);
  assert.deepEqual([categoriesOf(410, 301005), categoriesOf(503, 0)], [["UnexpectedClientError"], ["UnexpectedServerError"]]);
});

test("a token names its server; what is no token names none", () => {
  assert.equal(claimsOf(tokenOf({ iss: "https://server.example", exp: 7 })).iss, "https://server.example");
  assert.deepEqual([claimsOf("nonsense"), claimsOf("a.b.c")], [{}, {}]);
  assert.equal(signallingUrl("https://server.example:8443/any/path?x=1"), "wss://server.example:8443/calling/signalling");
  assert.equal(signallingUrl("http://localhost:5000"), "ws://localhost:5000/calling/signalling");
  assert.throws(() => signallingUrl("nowhere"), { code: 400 });
});
