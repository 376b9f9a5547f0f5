"""Runs a Trunkline server for the tests: starts it, speaks to its command line, moves its clock, stops it."""

import http.client
import json
import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import isodate

# A server that is not ready by then is broken: start to ready is a fraction of a second, on a busy machine a few.
READY_DEADLINE_SECONDS = 60
# Draining has nothing to wait for once the clients are closed.
STOP_DEADLINE_SECONDS = 60
COMMAND_DEADLINE_SECONDS = 30
LOG_TAIL_BYTES = 4_000


class LocalConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket of a data folder; whoever may open it is an operator with every right."""

    def __init__(self, path: Path):
        super().__init__("localhost", timeout=COMMAND_DEADLINE_SECONDS)
        self._path = path

    def connect(self):
        """Opens the socket in place of a TCP connection."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Server:
    """One running server with a data folder of its own; made by `running_server`."""

    def __init__(self, binary: str, process: subprocess.Popen, data: Path, log: Path, ready: dict):
        self._binary = binary
        self._process = process
        self._data = data
        self._log = log
        self.endpoint: str = ready["endpoint"]
        self.connection_string: str = ready["connectionString"]
        self.ca_file: str = ready["caFile"]
        self.resource_name: str = ready["resourceName"]
        self.resource_id: str = ready["resourceId"]
        self.admin_endpoint: str = ready["adminEndpoint"]
        self.subscription_id: str = ready["subscriptionId"]
        # Absent where the built-in directory is switched off.
        self.tenant_id: str | None = ready.get("tenantId")
        self.authority: str | None = ready.get("authority")
        self.issuer: str | None = ready.get("issuer")
        self.managed_identity_endpoint: str | None = ready.get("managedIdentityEndpoint")
        self.client_id: str | None = ready.get("clientId")
        # True for the one server whose authorities the environment's variables name.
        self.trusted_by_environment = False

    @property
    def host(self) -> str:
        """Host and port, as a client signs them."""
        return urlsplit(self.endpoint).netloc

    @property
    def access_key(self) -> str:
        """The key inside the connection string; base64, may end in `=`."""
        return self.connection_string.partition("accesskey=")[2]

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def memory_peak_bytes(self) -> int:
        """The most memory the server has had so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def command(self, *arguments: str) -> dict:
        """Runs the command line against this server's data folder and returns its JSON answer."""
        finished = subprocess.run(
            [self._binary, *arguments, "--data", str(self._data), "--json"],
            capture_output=True,
            text=True,
            timeout=COMMAND_DEADLINE_SECONDS,
            check=False,
        )
        assert finished.returncode == 0, f"trunkline {' '.join(arguments)} failed: {finished.stderr}"
        return json.loads(finished.stdout)

    def operate(self, method: str, path: str, body: dict | None = None) -> dict | None:
        """Asks the operator API, by the socket the command line uses, and returns its answer."""
        connection = LocalConnection(self._data / "trunkline.sock")
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        assert response.status < 300, f"{method} {path} failed with {response.status}: {text}"
        return json.loads(text) if text else None

    def advance_clock(self, seconds: int) -> datetime:
        """Moves the test clock forward and returns the server's new time."""
        request = urllib.request.Request(
            f"{self.admin_endpoint}/clock",
            data=json.dumps({"advanceSeconds": seconds}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=COMMAND_DEADLINE_SECONDS) as response:
            assert response.status == 200
            return isodate.parse_datetime(json.load(response)["now"])

    def stop(self) -> None:
        """Asks for a clean end with SIGTERM and insists on getting one."""
        still_running = self._process.poll() is None
        self._process.terminate()
        try:
            code = self._process.wait(STOP_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"SIGTERM did not end it in {STOP_DEADLINE_SECONDS} s\n{tail(self._log)}") from None
        assert still_running, f"the server ended by itself with code {code}\n{tail(self._log)}"
        assert code == 0, f"the server answered SIGTERM with exit code {code}\n{tail(self._log)}"


def binary_path() -> str:
    """The program under test, from `TRUNKLINE_BIN`; ValueError when that is missing or names nothing that runs."""
    binary = os.environ.get("TRUNKLINE_BIN", "")
    if not binary:
        raise ValueError("TRUNKLINE_BIN is not set: `cargo xtask test` sets it, or point it at a built `trunkline`")
    path = Path(binary).resolve()
    if not os.access(path, os.X_OK) or path.is_dir():
        raise ValueError(f"TRUNKLINE_BIN names {binary}, which is not an executable file")
    return str(path)


@contextmanager
def running_server(*, test_clock: bool, settings: str = ""):
    """A server that keeps everything in memory; given out once it says it is ready, stopped cleanly at the end.

    Its folder lies directly under the system's temporary folder: the data folder holds a Unix socket, whose whole path
    may not exceed some hundred bytes.
    """
    with TemporaryDirectory(prefix="trunkline-conformance-") as folder:
        server = start_server(Path(folder), test_clock, settings)
        try:
            yield server
        finally:
            server.stop()


def start_server(folder: Path, test_clock: bool, settings: str, companion: tuple[str, ...] = ()) -> Server:
    """Starts a server in `folder`, with `settings` as its configuration file, and waits until it is ready.

    A `companion` is a program that becomes the server's child, as what `cargo xtask run` starts before it turns into
    the server; `READY_FILE` among its words stands for the server's, `SERVER_ID` for its process id.
    """
    data, ready_file, log = folder / "data", folder / "ready.json", folder / "server.log"
    binary = binary_path()
    command = [binary, "serve", "--data", str(data), "--port", "0", "--ready-file", str(ready_file), "--ephemeral"]
    if test_clock:
        command.append("--test-clock")
    if settings:
        config = folder / "trunkline.toml"
        config.write_text(settings, "utf-8")
        command += ["--config", str(config)]
    if companion:
        words = [str(ready_file) if word == "READY_FILE" else word for word in companion]
        # The shell starts the companion and then becomes the server.
        numbers = enumerate(words, start=1)
        started = " ".join('"$$"' if word == "SERVER_ID" else f'"${{{number}}}"' for number, word in numbers)
        command = ["sh", "-c", f'{started} & shift {len(words)}; exec "$@"', "sh", *words, *command]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        ready = wait_until_ready(process, ready_file, log)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Server(binary, process, data, log, ready)


def wait_until_ready(process: subprocess.Popen, ready_file: Path, log: Path) -> dict:
    """Waits for the ready file, which appears whole or not at all."""
    deadline = time.monotonic() + READY_DEADLINE_SECONDS
    while not ready_file.exists():
        code = process.poll()
        assert code is None, f"the server ended with code {code} before it was ready\n{tail(log)}"
        assert time.monotonic() < deadline, f"no ready file after {READY_DEADLINE_SECONDS} s\n{tail(log)}"
        time.sleep(0.01)
    ready = json.loads(ready_file.read_text("utf-8"))
    assert ready["pid"] == process.pid, "the ready file names another process"
    return ready


def tail(log: Path) -> str:
    """The last lines the server printed, for a failure's message."""
    return "--- server log ---\n" + log.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
