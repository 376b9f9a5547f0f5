"""A web hook as a customer's program has it: answers handshakes, keeps what it was sent, fails when it is told to."""

import asyncio
import json
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# A delivery takes milliseconds; on a busy machine, or when only the test clock moved, a second or two.
ARRIVAL_DEADLINE_SECONDS = 30
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


@dataclass
class Received:
    """One request that reached the hook."""

    method: str
    path: str
    headers: Message
    body: bytes
    at: float

    @property
    def kind(self) -> str:
        """`Notification`, `SubscriptionValidation`, `SubscriptionDeletion`, or the method of other requests."""
        return self.headers["aeg-event-type"] or self.method

    @property
    def events(self) -> list[dict]:
        """The events of the body, whether they came in an array or alone."""
        content = json.loads(self.body)
        return content if isinstance(content, list) else [content]


class Hook:
    """A web hook on a port of its own; made by `running_hook`.

    `statuses` are given to the next notifications one after the other, then 200 again. `handshake` is what it does
    when it is asked whether it wants events: `code` answers at once, `manual` answers 200 and leaves the visit of the
    address to somebody else, a number is a status it refuses with.
    """

    def __init__(self, scheme: str, port: int):
        # The certificate of a hook with TLS is for a name.
        host = "127.0.0.1" if scheme == "http" else "localhost"
        self.url = f"{scheme}://{host}:{port}/hook"
        self.handshake: str | int = "code"
        self.statuses: list[int] = []
        self.answer = b""
        self._received: list[Received] = []
        self._changed = threading.Condition()

    @property
    def received(self) -> list[Received]:
        """Every request so far, oldest first."""
        with self._changed:
            return list(self._received)

    @property
    def notifications(self) -> list[Received]:
        """The deliveries so far, oldest first; a repeated one counts again."""
        return [request for request in self.received if request.kind == "Notification"]

    @property
    def events(self) -> list[dict]:
        """The events of all deliveries, in the order of their arrival."""
        return [event for request in self.notifications for event in request.events]

    async def wait_for(self, condition, what: str):
        """Waits until `condition(hook)` is true and returns its value."""
        return await asyncio.to_thread(self._wait_for, condition, what)

    async def wait_for_notifications(self, count: int) -> list[Received]:
        """Waits for so many deliveries."""
        await self.wait_for(lambda hook: len(hook.notifications) >= count, f"{count} deliveries")
        return self.notifications

    async def wait_for_events(self, count: int) -> list[dict]:
        """Waits for so many events."""
        await self.wait_for(lambda hook: len(hook.events) >= count, f"{count} events")
        return self.events

    def _wait_for(self, condition, what: str):
        deadline = time.monotonic() + ARRIVAL_DEADLINE_SECONDS
        while True:
            if value := condition(self):
                return value
            left = deadline - time.monotonic()
            assert left > 0, f"waited in vain for {what}; there came {[request.kind for request in self.received]}"
            with self._changed:
                self._changed.wait(min(left, 0.05))

    def respond(self, request: Received) -> tuple[int, dict, bytes]:
        """Keeps a request and says how it is answered: status, headers, body."""
        with self._changed:
            self._received.append(request)
            self._changed.notify_all()
        if request.kind in ("SubscriptionValidation", "OPTIONS"):
            return self._respond_to_handshake(request)
        status = self.statuses.pop(0) if request.kind == "Notification" and self.statuses else 200
        return status, {}, self.answer

    def _respond_to_handshake(self, request: Received) -> tuple[int, dict, bytes]:
        if isinstance(self.handshake, int):
            return self.handshake, {}, b""
        if self.handshake == "manual":
            return 200, {}, b""
        if request.method == "OPTIONS":
            return 200, {"WebHook-Allowed-Origin": request.headers["WebHook-Request-Origin"]}, b""
        code = request.events[0]["data"]["validationCode"]
        return 200, {"Content-Type": "application/json"}, json.dumps({"validationResponse": code}).encode()


class Handler(BaseHTTPRequestHandler):
    """Reads one request after the other from a connection and hands each to the hook."""

    protocol_version = "HTTP/1.1"
    hook: Hook

    def respond(self):
        """Reads a request, asks the hook, writes the answer."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        request = Received(self.command, self.path, self.headers, body, time.monotonic())
        status, headers, answer = self.hook.respond(request)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_OPTIONS = do_GET = respond

    def log_message(self, *_):
        """Says nothing: a failing test says what came."""


class Listener(ThreadingHTTPServer):
    """Its threads end with it, and a sender that goes away is no error of the test."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        """Says nothing: servers are stopped while their connections are open."""


@contextmanager
def running_hook(certificate: Path | None = None):
    """A hook on loopback, over TLS when given a PEM file with a certificate for `localhost` and its key."""
    listener = Listener(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
    hook = Hook("https" if certificate else "http", listener.server_address[1])
    listener.RequestHandlerClass = type("HookHandler", (Handler,), {"hook": hook})
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
