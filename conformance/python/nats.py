"""A NATS server from Debian, and the smallest client that can subscribe (docs.nats.io, client protocol)."""

import json
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

READY_DEADLINE_SECONDS = 30
USER, PASSWORD = "trunkline", "secret-of-nats"


class Subscriber:
    """One connection to a NATS server that listens to one subject."""

    def __init__(self, port: int, subject: str):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=READY_DEADLINE_SECONDS)
        self._lines = self._socket.makefile("rb")
        assert self._lines.readline().startswith(b"INFO ")
        options = {"verbose": False, "headers": True, "no_responders": True, "user": USER, "pass": PASSWORD}
        self._socket.sendall(f"CONNECT {json.dumps(options)}\r\nSUB {subject} 1\r\nPING\r\n".encode())
        while (line := self._lines.readline()) != b"PONG\r\n":
            assert line and not line.startswith(b"-ERR"), line

    def message(self) -> tuple[str, bytes]:
        """The next message: its subject and its payload without headers."""
        while line := self._lines.readline():
            words = line.decode().split()
            if words[0] == "PING":
                self._socket.sendall(b"PONG\r\n")
            elif words[0] in ("MSG", "HMSG"):
                content = self._lines.read(int(words[-1]) + 2)[:-2]
                return words[1], content[int(words[-2]):] if words[0] == "HMSG" else content
            assert not line.startswith(b"-ERR"), line
        raise AssertionError("the NATS server closed the connection")

    def close(self):
        """Ends the connection."""
        self._lines.close()
        self._socket.close()


@contextmanager
def running_nats_server():
    """A NATS server on loopback that wants a password; gives its port."""
    program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert program, "nats-server is missing: cargo xtask setup"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "-a", "127.0.0.1", "-p", str(port), "--user", USER, "--pass", PASSWORD]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + READY_DEADLINE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, "nats-server does not start"
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()
