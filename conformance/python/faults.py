"""Failures between the SDK and the server, injected below the SDK's retries and with nothing to wait for."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from azure.core.pipeline.transport import AsyncHttpTransport, HttpTransport, RequestsTransport
from azure.core.rest import HttpRequest


@dataclass(frozen=True)
class Fault:
    """One attempt that fails: before the server sees it, or (`answer_lost`) after it has done the work."""

    status: int
    retry_after: str | None = None
    answer_lost: bool = False


class FaultServer:
    """A plain HTTP server that answers any request with the status its path names."""

    def __enter__(self):
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), _FaultHandler)
        self._thread = threading.Thread(target=self._listener.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *details):
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()

    def request_for(self, fault: Fault) -> HttpRequest:
        """The request whose answer is `fault`."""
        query = "?" + urlencode({"retry-after": fault.retry_after}) if fault.retry_after else ""
        return HttpRequest("GET", f"http://127.0.0.1:{self._listener.server_port}/{fault.status}{query}")


class _FaultHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        """Answers with the wanted status and an ordinary error body."""
        url = urlsplit(self.path)
        body = json.dumps({"error": {"code": "Injected", "message": "injected by the test"}}).encode()
        self.send_response(int(url.path.lstrip("/")))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for value in parse_qs(url.query).get("retry-after", []):
            self.send_header("Retry-After", value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Stays silent: the tests assert on what arrived."""


class _Script:
    """What both transports share: the faults still to come, and what was seen."""

    def __init__(self, fault_server: FaultServer, faults):
        self._fault_server = fault_server
        self._faults = list(faults)
        self.attempts: list[dict] = []
        self.waits_seconds: list[float] = []

    def next_fault(self, request) -> Fault | None:
        self.attempts.append({name.lower(): value for name, value in request.headers.items()})
        return self._faults.pop(0) if self._faults else None

    def request_for(self, fault: Fault) -> HttpRequest:
        return self._fault_server.request_for(fault)


class FaultyTransport(HttpTransport):
    """The synchronous SDK's own transport, failing first as scripted; waits are noted, not waited."""

    def __init__(self, fault_server, faults):
        self._transport = RequestsTransport()
        self.script = _Script(fault_server, faults)

    def send(self, request, **options):
        """Sends the request, or has the fault server answer in its place."""
        fault = self.script.next_fault(request)
        if fault is None:
            return self._transport.send(request, **options)
        if fault.answer_lost:
            assert self._transport.send(request, **dict(options, stream=False)).status_code < 300
        return self._transport.send(self.script.request_for(fault), **options)

    def sleep(self, duration):
        """Notes how long the SDK wanted to wait."""
        self.script.waits_seconds.append(duration)

    def open(self):
        """Opens the transport below."""
        self._transport.open()

    def close(self):
        """Closes the transport below."""
        self._transport.close()

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, *details):
        self.close()


class AsyncFaultyTransport(AsyncHttpTransport):
    """The asynchronous SDK's own transport, failing first as scripted; waits are noted, not waited.

    The SDK signs the form aiohttp will send only if it finds aiohttp's transport here or under `_transport`.
    """

    def __init__(self, fault_server, faults):
        from azure.core.pipeline.transport import AioHttpTransport  # Imports aiohttp, which must come late.

        self._transport = AioHttpTransport()
        self.script = _Script(fault_server, faults)

    async def send(self, request, **options):
        """Sends the request, or has the fault server answer in its place."""
        fault = self.script.next_fault(request)
        if fault is None:
            return await self._transport.send(request, **options)
        if fault.answer_lost:
            assert (await self._transport.send(request, **dict(options, stream=False))).status_code < 300
        return await self._transport.send(self.script.request_for(fault), **options)

    async def sleep(self, duration):
        """Notes how long the SDK wanted to wait."""
        self.script.waits_seconds.append(duration)

    async def open(self):
        """Opens the transport below."""
        await self._transport.open()

    async def close(self):
        """Closes the transport below."""
        await self._transport.close()

    async def __aenter__(self):
        await self.open()
        return self

    async def __aexit__(self, *details):
        await self.close()
