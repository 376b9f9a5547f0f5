"""Debian's Chromium, driven by its own chromedriver: nothing is downloaded, no display is needed."""

import json
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import parse_qsl, urlsplit

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

# What is waited for takes a second at most; with other work on the machine a page may take much longer.
PAGE_DEADLINE_SECONDS = 60
# How long a listener may take to notice that its test is over.
STOP_WAIT_SECONDS = 0.02

USER_NAME = (By.CSS_SELECTOR, "form input:not([type=hidden]):not([type=password])")
PASSWORD = (By.CSS_SELECTOR, "form input[type=password]")
SUBMIT = (By.CSS_SELECTOR, "form [type=submit]")
ERROR = (By.CSS_SELECTOR, "[role=alert]")


@contextmanager
def chromium(*, notes_network: bool = False):
    """A browser without a window, and with a profile of its own; LookupError when it is not installed.

    With `notes_network` it remembers every request, for `addresses_asked`.
    """
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if missing:
        raise LookupError(f"{' and '.join(missing)} not found: `cargo xtask setup` installs what the tests need")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for word in (
        "--headless=new",
        # Tests run as root in containers, where neither the sandbox nor a large /dev/shm is to be had.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
    ):
        options.add_argument(word)
    # The browser has no store of authorities that a test could add to; trust is what the SDKs witness.
    options.accept_insecure_certs = True
    logs = {"browser": "ALL"} | ({"performance": "ALL"} if notes_network else {})
    options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(PAGE_DEADLINE_SECONDS)
    driver.set_script_timeout(PAGE_DEADLINE_SECONDS)
    try:
        yield driver
    finally:
        driver.quit()


def wait_for(driver, condition):
    """Waits until `condition(driver)` is true and returns what it gave.

    What it looks at may go while it looks, when the next page comes, or not be ready yet for a click or a key; then it
    is asked again.
    """

    def look(page):
        try:
            return condition(page)
        except WebDriverException as failure:
            # Chromium's own words, which chromedriver passes on, when the page goes between two steps of one command.
            if "does not belong to the document" in (failure.msg or ""):
                raise StaleElementReferenceException(failure.msg) from failure
            raise

    ignored = [StaleElementReferenceException, ElementNotInteractableException, ElementClickInterceptedException]
    return WebDriverWait(driver, PAGE_DEADLINE_SECONDS, 0.02, ignored).until(look)


def fill_in(driver, user_name: str, password: str) -> None:
    """Types into the sign-in page that is open, sends it, as somebody without a mouse does, and sees it go."""
    field = wait_for(driver, lambda page: page.find_element(*USER_NAME))
    field.send_keys(Keys.CONTROL, "a", Keys.NULL, user_name, Keys.TAB, password, Keys.ENTER)
    wait_for(driver, staleness_of(field))


def complaint(driver) -> str:
    """What the page says about the last attempt, once it says something."""
    return wait_for(driver, lambda page: page.find_element(*ERROR).text)


def complaints_of_the_browser(driver) -> list[str]:
    """What the browser's console has to say, such as breaches of the page's own policy.

    It also notes each answer that is an error, among them every refused sign-in; those are no fault of the page.
    """
    return [entry["message"] for entry in driver.get_log("browser") if entry["source"] != "network"]


def addresses_asked(driver) -> list[str]:
    """The addresses of all requests since the last call, and of sockets, which start with `wss:`."""
    entries = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
    sockets = [entry["params"]["url"] for entry in entries if entry["method"] == "Network.webSocketCreated"]
    return asked + sockets


@contextmanager
def appearance(driver, width_px: int, scheme: str):
    """The page as on a screen of that width, for somebody who prefers `light` or `dark`."""
    metrics = {"width": width_px, "height": 844, "deviceScaleFactor": 2, "mobile": width_px < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def screenshot(driver, folder: Path, name: str) -> None:
    """Keeps what the browser shows, for somebody to look at."""
    (folder / f"{name}.png").write_bytes(driver.get_screenshot_as_png())


class Receiver:
    """A native application's own listener, to which the browser brings the answer of a sign-in."""

    def __init__(self):
        answers = self._answers = Queue()

        class Handler(BaseHTTPRequestHandler):
            """Notes each answer and says thank you."""

            def do_GET(self):  # pylint: disable=invalid-name
                """An answer in the query."""
                self._note(urlsplit(self.path).query)

            def do_POST(self):  # pylint: disable=invalid-name
                """An answer in a form."""
                self._note(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def _note(self, text):
                body = b"<!doctype html><title>Signed in</title><p>Signed in."
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                if text:
                    answers.put(dict(parse_qsl(text)))

            def log_message(self, *_):
                """Says nothing."""

        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://localhost:{self._listener.server_port}"

    def __enter__(self):
        threading.Thread(target=self._listener.serve_forever, args=(STOP_WAIT_SECONDS,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown()
        self._listener.server_close()

    def answer(self) -> dict:
        """The next answer the browser brought."""
        return self._answers.get(timeout=PAGE_DEADLINE_SECONDS)

    def has_answer(self) -> bool:
        """Whether the browser brought one."""
        return not self._answers.empty()
