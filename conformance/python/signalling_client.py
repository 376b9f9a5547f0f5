"""A client of calls made from docs/signalling.md alone, on aiortc: it beeps, shows a picture, and notes what it gets.

Test modules must not import aiohttp at their top (see README.md), so this one does it where it connects.
"""

import asyncio
import json
import math
import ssl
import uuid
from array import array
from contextlib import asynccontextmanager, suppress

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from av import VideoFrame

# What is waited for takes a second or two; with other work on the machine it may take much longer.
DEADLINE_SECONDS = 60
BEEP_SECONDS = 0.3
LOUD = 8_000
# What opus leaves of such a beep is far above this, and what it makes of silence far below.
HEARD = 1_000
PICTURE = (320, 180)
# Received sound has 48,000 samples a second of two channels; a sixth of them is enough for a beep.
STEP = 6
HEARD_RATE_HZ = 48_000 // STEP
WINDOW = HEARD_RATE_HZ // 10


class Beeps(AudioStreamTrack):
    """300 ms of a pitch, 300 ms of nothing: a steady tone would be taken for noise by browsers."""

    def __init__(self, pitch_hz: int):
        super().__init__()
        self._pitch_hz = pitch_hz

    async def recv(self):
        """The next 20 ms, when it is time for them."""
        frame = await super().recv()
        times = ((frame.pts + at) / frame.sample_rate for at in range(frame.samples))
        frame.planes[0].update(array("h", [self._level(time) for time in times]).tobytes())
        return frame

    def _level(self, time: float) -> int:
        is_on = time % (2 * BEEP_SECONDS) < BEEP_SECONDS
        return round(LOUD * math.sin(2 * math.pi * self._pitch_hz * time)) if is_on else 0


class Picture(VideoStreamTrack):
    """One grey after the other."""

    async def recv(self):
        """The next picture, when it is time for it."""
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(*PICTURE, "yuv420p")
        for plane, value in zip(frame.planes, (pts // 3_000 % 256, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Noticed:
    """What came on the receiving lines: pictures of a size, and how often each pitch was heard."""

    def __init__(self, pitches_hz):
        self.pictures = {}
        self.beeps = dict.fromkeys(pitches_hz, 0)
        self._tasks = set()

    def take(self, track):
        """Looks at a track until it ends."""
        task = asyncio.create_task(self._watch(track) if track.kind == "video" else self._listen(track))
        self._tasks.add(task)

    async def end(self):
        """Stops looking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, track):
        while True:
            frame = await track.recv()
            size = (frame.width, frame.height)
            self.pictures[size] = self.pictures.get(size, 0) + 1

    async def _listen(self, track):
        samples = array("h")
        while True:
            frame = await track.recv()
            channels = len(frame.layout.channels)
            sound = array("h", bytes(frame.planes[0])[: frame.samples * channels * 2])
            samples.extend(sound[:: channels * STEP])
            if len(samples) >= WINDOW:
                for pitch_hz in self.beeps:
                    self.beeps[pitch_hz] += strength(samples, pitch_hz) > HEARD
                samples = array("h")


def strength(samples, pitch_hz: int) -> float:
    """The amplitude of a pitch in some sound, by Goertzel's algorithm."""
    turn = 2 * math.cos(2 * math.pi * pitch_hz / HEARD_RATE_HZ)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + turn * last - before
    return 2 * math.sqrt(max(0.0, last * last + before * before - turn * last * before)) / len(samples)


class Refused(Exception):
    """The server's `error` to a request."""

    def __init__(self, reply: dict):
        super().__init__(json.dumps(reply))
        self.name, self.code, self.sub_code = reply["name"], reply["code"], reply.get("subCode")


class Session:
    """A numbered conversation over one socket; it is not resumed."""

    def __init__(self, socket):
        self.welcome = None
        self.heard = []
        self._socket = socket
        self._sent = self._received = 0
        self._waiting = {}
        self._changed = asyncio.Event()

    async def hello(self, token: str, name: str, wants=("ring",)):
        """Says who one is; raises ConnectionRefusedError when the server does not want one."""
        client = {"name": "signalling_client.py", "version": "1", "agent": "aiortc"}
        device = f"d-{uuid.uuid4()}"
        words = {"token": token, "client": client, "device": device, "displayName": name, "wants": list(wants)}
        await self._socket.send_json({"t": "hello", "v": [1], **words})
        answer = await asyncio.wait_for(self._socket.receive_json(), DEADLINE_SECONDS)
        if answer["t"] != "welcome":
            raise ConnectionRefusedError(json.dumps(answer))
        self.welcome = answer

    async def read(self):
        """Takes what the server says until the socket ends."""
        async for frame in self._socket:
            message = json.loads(frame.data)
            if (number := message.get("n")) is not None:
                assert number == self._received + 1, "a gap, though the socket was never lost"
                self._received = number
                await self._socket.send_json({"a": number})
            waiting = self._waiting.pop(message.get("re"), None)
            if waiting is not None:
                waiting.set_result(message)
            self.heard.append(message)
            self._changed.set()

    async def keep(self):
        """Shows the server, as often as it wants to be shown, that one is there."""
        while True:
            await asyncio.sleep(self.welcome["ping_s"])
            await self._socket.send_json({"t": "ping", "at": 0})

    async def ask(self, kind: str, **words) -> dict:
        """Makes a request; answers its reply, raises Refused."""
        self._sent += 1
        name = f"q{self._sent}"
        self._waiting[name] = reply = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"n": self._sent, "a": self._received, "id": name, "t": kind, **words})
        message = await asyncio.wait_for(reply, DEADLINE_SECONDS)
        if message["t"] == "error":
            raise Refused(message)
        return message

    async def hears(self, condition):
        """Waits for a message of which a condition holds, also an earlier one, and answers it."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                for message in self.heard:
                    if condition(message):
                        return message
                self._changed.clear()
                await self._changed.wait()


class Client:
    """Somebody who can call."""

    def __init__(self, session: Session, pitch_hz: int, listens_for):
        self.session = session
        self.noticed = Noticed(listens_for)
        self.leg = str(uuid.uuid4())
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.connection.addTransceiver(Beeps(pitch_hz), direction="sendonly")
        self.connection.addTransceiver(Picture(), direction="sendonly")
        # No screen.
        self.connection.addTransceiver("video", direction="inactive")
        for kind in ("audio", "video"):
            self.connection.addTransceiver(kind, direction="recvonly")
        self.connection.on("track", self.noticed.take)

    async def join(self, group: str) -> dict:
        """Joins a group call."""
        return await self._enter("call.join", locator={"groupId": group})

    async def start(self, *users: str) -> dict:
        """Calls somebody."""
        return await self._enter("call.start", to=users)

    async def accept(self) -> dict:
        """Takes the call that rings, once one does."""
        ring = await self.session.hears(lambda message: message.get("t") == "ring")
        self.leg = ring["leg"]
        return await self._enter("call.accept")

    async def _enter(self, kind: str, **words) -> dict:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        width, height = PICTURE
        media = {"offer": {"sdp": self.connection.localDescription.sdp}, "sources": {"camera": {"width": width, "height": height}}}
        reply = await self.session.ask(kind, leg=self.leg, muted=False, **media, **words)
        answer = with_candidates_everywhere(reply["answer"]["sdp"])
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return reply

    async def ask(self, kind: str, **words) -> dict:
        """Does something in the call."""
        return await self.session.ask(kind, leg=self.leg, **words)

    async def hears(self, kind: str, condition=lambda _: True) -> dict:
        """Waits for a message about the call."""
        return await self.session.hears(
            lambda each: each.get("t") == kind and each.get("leg") == self.leg and condition(each)
        )

    async def notices(self, condition):
        """Waits until a condition on what was noticed holds."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition(self.noticed):
                await asyncio.sleep(0.05)


def with_candidates_everywhere(sdp: str) -> str:
    """The answer with the candidates of its first line in all of them.

    In a bundle they belong to the first line alone (RFC 8843 §7.1.3); aiortc 1.16 looks for them in the last.
    """
    head, first, *others = sdp.split("m=")
    lines = first.splitlines(keepends=True)
    candidates = "".join(line for line in lines if line.startswith(("a=candidate:", "a=end-of-candidates")))
    return "m=".join([head, first, *(other + candidates for other in others)])


@asynccontextmanager
async def connected(server, token: str, name: str, pitch_hz: int, listens_for=()):
    """A client with a session at a server."""
    import aiohttp  # noqa: PLC0415 (see above)

    trust = ssl.create_default_context(cafile=server.ca_file)
    address = server.endpoint.rstrip("/").replace("http", "ws", 1) + "/calling/signalling"
    async with aiohttp.ClientSession() as http, http.ws_connect(address, ssl=trust) as socket:
        session = Session(socket)
        await session.hello(token, name)
        tasks = [asyncio.create_task(work()) for work in (session.read, session.keep)]
        client = Client(session, pitch_hz, listens_for)
        try:
            yield client
        finally:
            await client.connection.close()
            await client.noticed.end()
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
