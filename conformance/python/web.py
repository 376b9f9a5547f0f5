"""The pages of `web/`: bundled, and served to a browser."""

import json
import random
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from harness import start_server

WEB = Path(__file__).resolve().parents[2] / "web"
BUNDLE_DEADLINE_SECONDS = 120
# Starting Node.js with the identity SDK takes a second, on a busy machine several.
SERVICE_DEADLINE_SECONDS = 60
ANSWER_DEADLINE_SECONDS = 30
# Below those that Linux takes for outgoing connections and for port 0.
FREE_PORTS = (12_000, 32_000)
# How long a listener may take to notice that its test is over.
STOP_WAIT_SECONDS = 0.02


def samples_folder() -> Path:
    """The built sample pages, which `cargo xtask setup` and `cargo xtask test` build; LookupError without them."""
    built = WEB / "dist"
    if not (built / "chat" / "index.html").is_file():
        raise LookupError(f"{built} has no sample pages: `cargo xtask setup` builds them")
    return built


def bundle(page: str, target: Path) -> None:
    """Bundles a page of `web/` into a folder with the packages that are installed there."""
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    words = ["build", str(WEB / page), "--outDir", str(target), "--emptyOutDir", "--base", "./", "--logLevel", "warn"]
    command = ["node", str(vite), *words]
    finished = subprocess.run(
        command, cwd=WEB, capture_output=True, text=True, timeout=BUNDLE_DEADLINE_SECONDS, check=False
    )
    assert finished.returncode == 0, f"{page} cannot be bundled: {finished.stdout}{finished.stderr}"


@contextmanager
def served(folder: Path):
    """Serves the files of a folder; gives their origin."""
    handler = partial(QuietFiles, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(STOP_WAIT_SECONDS,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()
            thread.join()


class QuietFiles(SimpleHTTPRequestHandler):
    """Python's own file server without its lines."""

    def log_message(self, *_):
        """Says nothing."""


@contextmanager
def running_samples():
    """A server with the sample pages and their trusted service beside it, as `cargo xtask run` starts both."""
    with TemporaryDirectory(prefix="trunkline-samples-") as folder:
        port = free_port()
        settings = f"""
            [samples]
            folder = {json.dumps(str(samples_folder()))}
            trusted_service = "http://127.0.0.1:{port}"
        """
        state = Path(folder) / "people.json"
        companion = ("node", str(WEB / "start.mjs"), "READY_FILE", str(port), str(state), "SERVER_ID")
        server = start_server(Path(folder), False, settings, companion)
        try:
            wait_for_service(server)
            server.service_port = port
            yield server
        finally:
            server.stop()


def start_without_a_server(folder: Path) -> None:
    """Starts what `cargo xtask run` starts beside a server, for one that ends at once; waits until nothing is left."""
    words = ("node", str(WEB / "start.mjs"), str(folder / "ready.json"), str(free_port()), str(folder / "people.json"))
    # The output is at its end when the last process that holds it is.
    subprocess.run(
        ["sh", "-c", '"$@" "$$" & exec true', "sh", *words],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=SERVICE_DEADLINE_SECONDS, check=True,
    )


def children_of(pid: int) -> list[int]:
    """The processes that a process started and that still run."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def wait_until_service_is_gone(server) -> None:
    """Waits until nobody listens where the trusted service did."""
    deadline = time.monotonic() + SERVICE_DEADLINE_SECONDS
    while True:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", server.service_port)) != 0:
                return
        assert time.monotonic() < deadline, "the trusted service is still there"
        time.sleep(0.05)


def wait_for_service(server) -> None:
    """Waits until somebody can sign in."""
    deadline = time.monotonic() + SERVICE_DEADLINE_SECONDS
    while True:
        answer = ask_service(server, "/token", {"user": "somebody"})
        if answer.status_code == 200:
            return
        assert time.monotonic() < deadline, f"the trusted service is not there: {answer.text}"
        time.sleep(0.05)


def ask_service(server, path: str, body, *, method="POST", **options) -> requests.Response:
    """An answer of the trusted service, through the server."""
    url = f"{server.endpoint}/samples/trusted-service{path}"
    if "data" not in options:
        options["data"] = json.dumps(body)
        options["headers"] = {"Content-Type": "application/json", **options.get("headers", {})}
    return ask(method, url, verify=server.ca_file, **options)


def ask(method: str, url: str, **options) -> requests.Response:
    """An answer, whatever the environment says of proxies and authorities."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=ANSWER_DEADLINE_SECONDS, **options)


def free_port() -> int:
    """A port that nobody uses and that the system gives nobody by itself."""
    while True:
        port = random.randrange(*FREE_PORTS)
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) != 0:
                return port
