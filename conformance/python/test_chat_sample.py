"""The chat sample, with the unmodified ChatComposite in it: people talk in browsers of their own."""

import base64
import os
import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import browser
import web
from browser import appearance, wait_for

# A picture of 160 times 90 points.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAKAAAABaCAIAAACwpMoFAAAAtElEQVR42u3bQQ0AMAgEQRxgtAb7qDbqAAGXSVYB87xQc0vBOQFgARZgARZgAR"
    "ZgwAIswAIswAKsBbjPU3CAAQuwAAuwAAuwAAMWYAEWYAEWYC3AFlODvwALsAALsAALMGABFmABFmABFmDfhTL4C7AAC7AAC7AAAxZgARZgARZg"
    "AfZdKIO/AAuwAAuwAAMWYAEWYAEWYAEWYN+FMvgLsAALsAALMGABFmABFmABFmDArhDdBw8oos8/26u1AAAAAElFTkSuQmCC"
)
LOOKS = [(width_px, scheme) for width_px in (1280, 390) for scheme in ("light", "dark")]

WRITE = (By.ID, "sendbox")
NAME = (By.NAME, "user")
TOPIC = (By.NAME, "topic")
BODY = (By.TAG_NAME, "body")
MESSAGES = (By.CSS_SELECTOR, "[data-testid=chat-composite-message]")
PEOPLE = (By.CSS_SELECTOR, "aside[aria-label=People]")
PERSON = (By.NAME, "person")
SEEN = (By.CSS_SELECTOR, "[aria-label='Message seen by others']")
# A message that is still being sent has the icon too, but nothing to press.
OPTIONS = (By.CSS_SELECTOR, "[data-testid=chat-composite-message-action-icon][tabindex]")
OPEN_OPTIONS = (By.CSS_SELECTOR, "[data-testid=chat-composite-message-action-icon][aria-expanded=true]")
EDIT = (By.CSS_SELECTOR, "[data-testid=chat-composite-message-contextual-menu-edit-action]")
REMOVE = (By.CSS_SELECTOR, "[data-testid=chat-composite-message-contextual-menu-remove-action]")
EDITING = (By.CSS_SELECTOR, "textarea[data-ui-id=edit-box]")
FILE = (By.CSS_SELECTOR, "input[type=file]")

# Of the topmost element that has a background.
BRIGHTNESS_OF_COMPOSITE = """
    const elements = [...document.querySelectorAll(".composite *")];
    const backgrounds = elements.map((each) => getComputedStyle(each).backgroundColor);
    const [red, green, blue] = backgrounds.find((each) => !each.includes(", 0)")).match(/[0-9.]+/g).map(Number);
    return (red + green + blue) / 3;
"""
WIDTH = "return document.documentElement.scrollWidth"
# What reaches beyond the given width.
STICKING_OUT = """
    const elements = [...document.querySelectorAll("header *, aside *, form *, main *")];
    const isOut = (each) => each.getClientRects().length > 0 && each.getBoundingClientRect().right > arguments[0] + 0.5;
    return elements.filter(isOut).map((each) => each.outerHTML.slice(0, 200));
"""


@pytest.fixture(scope="module")
def samples():
    """The server with the samples."""
    with web.running_samples() as server:
        yield server


@pytest.fixture(scope="module")
def browsers():
    """Two browsers with a profile each."""
    with browser.chromium(notes_network=True) as one, browser.chromium(notes_network=True) as other:
        yield one, other


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Where pictures of the pages go: `CONFORMANCE_SCREENSHOTS`, or a temporary folder; the newest are kept."""
    folder = Path(os.environ.get("CONFORMANCE_SCREENSHOTS") or tmp_path_factory.mktemp("chat-sample"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"pictures of the sample pages: {folder}")
    return folder


class Somebody:
    """A person in front of a browser."""

    def __init__(self, driver):
        self.driver = driver

    def find(self, place):
        """What stands there, once it does and can be seen."""

        return wait_for(self.driver, lambda driver: visible(driver, place))

    def press(self, label):
        """Presses the button with these words on it, or with this name for those who do not see it."""
        place = (By.XPATH, f"//button[normalize-space()='{label}' or @aria-label='{label}']")
        wait_for(self.driver, lambda driver: clicked(driver, place))

    def sees(self, text):
        """Waits until a text stands on the page."""
        wait_for(self.driver, lambda driver: text in driver.find_element(*BODY).text)

    def no_longer_sees(self, text):
        """Waits until no message has a text. (What was said for those who listen to the page stays in it.)"""
        wait_for(self.driver, lambda driver: all(text not in each.text for each in driver.find_elements(*MESSAGES)))

    def writes(self, text):
        """Sends a message by keyboard."""
        self.find(WRITE).send_keys(text, Keys.ENTER)
        self.sees(text)

    def chooses(self, text, action):
        """Opens the menu of one's own message and chooses from it, by keyboard: no mouse hovers here."""

        def choose(driver):
            if clicked(driver, action):
                return True
            place = f"//*[@data-testid='chat-composite-message'][contains(., '{text}')]"
            message = driver.find_element(By.XPATH, place)
            # The menu goes when the focus does, or when the message is drawn anew; then it is opened again.
            if not message.find_elements(*OPEN_OPTIONS):
                driver.execute_script("arguments[0].focus()", message)
                options = visible(message, OPTIONS)
                if options:
                    options.send_keys(Keys.ENTER)
            return False

        wait_for(self.driver, choose)

    def sends_picture(self, file):
        """Chooses a file as the dialog of the page's button does."""
        file.write_bytes(PICTURE)
        self.driver.find_element(*FILE).send_keys(str(file))

    def sees_picture(self):
        """Waits until a picture is there, with its points."""
        script = "return [...document.querySelectorAll('.composite img')].some((each) => each.naturalWidth > 0)"
        wait_for(self.driver, lambda driver: driver.execute_script(script))

    @property
    def thread_id(self) -> str:
        """The thread that is open, as the address says."""
        return parse_qs(urlsplit(self.driver.current_url).query)["thread"][0]


def visible(within, place):
    """The first element that stands there and can be seen; None where there is none."""
    return next((each for each in within.find_elements(*place) if each.is_displayed()), None)


def clicked(driver, place) -> bool:
    """Presses what stands there and can be seen; whether there was something."""
    found = visible(driver, place)
    if found:
        found.click()
    return found is not None


def chat_address(samples, **query) -> str:
    """The address of the chat page."""
    return f"{samples.endpoint}/samples/chat/?{urlencode(query)}"


def test_two_people_talk_in_two_browsers(samples, browsers, tmp_path):
    alice, bob = Somebody(browsers[0]), Somebody(browsers[1])
    for driver in browsers:
        browser.addresses_asked(driver)
    alice.driver.get(f"{samples.endpoint}/")
    alice.find((By.LINK_TEXT, "Open the chat")).click()
    alice.find(NAME).send_keys("Alice", Keys.TAB, "Plans for lunch", Keys.ENTER)
    alice.find(WRITE)
    alice.sees("Plans for lunch")
    bob.driver.get(chat_address(samples, thread=alice.thread_id))
    bob.find(NAME).send_keys("Bob", Keys.ENTER)
    bob.find(WRITE)
    alice.sees("Bob joined the chat")

    alice.writes("Hello Bob, %41 is not A")
    bob.sees("Hello Bob, %41 is not A")
    alice.find(SEEN)
    bob.find(WRITE).send_keys("Hello")
    alice.sees("Bob is typing")
    bob.find(WRITE).send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.BACKSPACE)
    bob.writes("Hello Alice")
    alice.sees("Hello Alice")

    alice.writes("At noon?")
    bob.sees("At noon?")
    alice.chooses("At noon?", EDIT)
    alice.find(EDITING).send_keys(Keys.CONTROL, "a", Keys.NULL, "At one?", Keys.ENTER)
    bob.sees("At one?")
    bob.sees("Edited")
    bob.no_longer_sees("At noon?")
    alice.chooses("At one?", REMOVE)
    bob.no_longer_sees("At one?")
    alice.no_longer_sees("At one?")

    alice.press("People")
    alice.find(PERSON).send_keys("Carol", Keys.ENTER)
    bob.sees("Carol joined the chat")
    wait_for(alice.driver, lambda driver: "Carol" in driver.find_element(*PEOPLE).text)
    alice.press("Remove Carol")
    bob.sees("Carol left the chat")
    wait_for(alice.driver, lambda driver: "Carol" not in driver.find_element(*PEOPLE).text)
    alice.press("People")

    alice.sends_picture(tmp_path / "Straße %41.png")
    bob.sees_picture()
    alice.sees_picture()

    bob.driver.get(bob.driver.current_url)
    for text in ("Hello Bob, %41 is not A", "Hello Alice"):
        bob.sees(text)
    bob.sees_picture()
    for person in (alice, bob):
        addresses = browser.addresses_asked(person.driver)
        hosts = {urlsplit(address).netloc for address in addresses if not address.startswith(("data:", "blob:"))}
        assert hosts == {samples.host}, "the page asked somebody else"
        assert any(address.startswith("wss:") for address in addresses)
        assert browser.complaints_of_the_browser(person.driver) == []


@pytest.fixture(scope="module")
def talk(samples, browsers, tmp_path_factory):
    """A thread with something in it, open in the first browser."""
    alice, bob = Somebody(browsers[0]), Somebody(browsers[1])
    thread_id = web.ask_service(samples, "/threads", {"user": "Alice", "topic": "Plans for lunch"}).json()["threadId"]
    path = f"/threads/{thread_id}/participants"
    for name in ("Bob", "Somebody-with-a-name-that-is-much-longer-than-most-names-are"):
        assert web.ask_service(samples, path, {"user": name}).status_code == 200
    alice.driver.get(chat_address(samples, user="Alice", thread=thread_id))
    bob.driver.get(chat_address(samples, user="Bob", thread=thread_id))
    bob.writes("Shall we go out for lunch?")
    alice.writes("Yes, gladly. The new place at the corner has a garden, and the weather is going to stay like this.")
    bob.sends_picture(tmp_path_factory.mktemp("talk") / "flag.png")
    alice.sees_picture()
    bob.writes("https://example.com/a-long-address-without-a-place-to-break-it/" + "garden" * 12)
    alice.sees("gardengarden")
    return alice


def assert_looks_right(driver, width_px, scheme):
    """Nothing sticks out, everything to press has a name and a size, and the colours are those asked for."""
    wait_for(driver, lambda page: (brightness(page, "body") > 128) == (scheme == "light"))
    assert driver.execute_script("return document.documentElement.lang")
    with suppress(TimeoutException):  # What was not reached in time is told by the assertions below.
        wait_for(driver, lambda page: not page.execute_script(STICKING_OUT, width_px))
        wait_for(driver, lambda page: page.execute_script(WIDTH) <= width_px)
    assert driver.execute_script(STICKING_OUT, width_px) == []
    assert driver.execute_script(WIDTH) <= width_px
    wait_for(driver, can_be_pressed)


def can_be_pressed(driver) -> bool:
    """Everything to press has a name and a size; what is drawn anew meanwhile is looked at again."""
    for element in driver.find_elements(By.CSS_SELECTOR, "button, a[href], input:not([type=file]), textarea"):
        if not element.is_displayed():
            continue
        assert element.accessible_name, f"nameless: {element.get_attribute('outerHTML')[:200]}"
        if "button" in (element.get_attribute("class") or "").split():
            assert element.rect["height"] >= 32 and element.rect["width"] >= 32
    return True


def brightness(driver, selector) -> float:
    """The mean of the parts of a background's colour."""
    colour = driver.find_element(By.CSS_SELECTOR, selector).value_of_css_property("background-color")
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3


@pytest.mark.parametrize(("width_px", "scheme"), LOOKS)
def test_chat_is_readable(talk, pictures, width_px, scheme):
    driver = talk.driver
    with appearance(driver, width_px, scheme):
        talk.sees("gardengarden")
        wait_for(driver, lambda page: (page.execute_script(BRIGHTNESS_OF_COMPOSITE) > 128) == (scheme == "light"))
        assert_looks_right(driver, width_px, scheme)
        browser.screenshot(driver, pictures, f"chat-{width_px}-{scheme}")
        talk.press("People")
        talk.find(PERSON)
        assert_looks_right(driver, width_px, scheme)
        browser.screenshot(driver, pictures, f"chat-{width_px}-{scheme}-people")
        talk.press("People")
    assert browser.complaints_of_the_browser(driver) == []


@pytest.mark.parametrize(("width_px", "scheme"), LOOKS)
def test_entrances_are_readable(samples, browsers, pictures, width_px, scheme):
    stranger = Somebody(browsers[1])
    with appearance(stranger.driver, width_px, scheme):
        stranger.driver.get(f"{samples.endpoint}/")
        stranger.sees("Open the chat")
        assert_looks_right(stranger.driver, width_px, scheme)
        browser.screenshot(stranger.driver, pictures, f"start-{width_px}-{scheme}")
        stranger.driver.get(chat_address(samples))
        stranger.find(TOPIC)
        assert_looks_right(stranger.driver, width_px, scheme)
        browser.screenshot(stranger.driver, pictures, f"chat-entrance-{width_px}-{scheme}")
        stranger.driver.get(chat_address(samples, thread="19:nowhere@thread.v2"))
        stranger.find(NAME).send_keys("Eve", Keys.ENTER)
        stranger.sees("There is no such chat.")
        assert_looks_right(stranger.driver, width_px, scheme)
        browser.screenshot(stranger.driver, pictures, f"chat-entrance-{width_px}-{scheme}-refused")
    assert browser.complaints_of_the_browser(stranger.driver) == []


REFUSED = [
    ("/token", "POST", {}, 400),
    ("/token", "POST", {"user": ""}, 400),
    ("/token", "POST", {"user": " \t"}, 400),
    ("/token", "POST", {"user": 7}, 400),
    ("/token", "POST", {"user": "x" * 101}, 400),
    ("/token", "POST", [], 400),
    ("/token", "POST", None, 400),
    ("/token", "POST", {"user": "x" * 20_000}, 413),
    ("/token", "GET", {"user": "Eve"}, 405),
    ("/elsewhere", "POST", {"user": "Eve"}, 404),
    ("/threads", "POST", {"user": "Eve"}, 400),
    ("/threads", "POST", {"user": "Eve", "topic": "x" * 101}, 400),
    ("/threads/19:nowhere@thread.v2/participants", "POST", {"user": "Eve"}, 404),
    ("/threads/__proto__/participants", "POST", {"user": "Eve"}, 404),
    ("/threads/%ff/participants", "POST", {"user": "Eve"}, 400),
]


@pytest.mark.parametrize(("path", "method", "body", "status"), REFUSED)
def test_trusted_service_refuses(samples, path, method, body, status):
    answer = web.ask_service(samples, path, body, method=method)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert "accesskey" not in answer.text


def test_trusted_service_takes_json_of_its_own_pages_only(samples):
    body = {"user": "Eve"}
    plain = web.ask_service(samples, "/token", None, data="{\"user\":\"Eve\"}", headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    foreign = web.ask_service(samples, "/token", body, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    assert web.ask_service(samples, "/token", body, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_trusted_service_listens_on_this_machine_only(samples):
    direct = f"http://127.0.0.1:{samples.service_port}/token"
    renamed = web.ask("POST", direct, json={"user": "Eve"}, headers={"Host": "attacker.example"})
    assert renamed.status_code == 403
    assert web.ask("POST", direct, json={"user": "Eve"}).status_code == 200
    port_hex = f"{samples.service_port:04X}"
    tables = [Path(f"/proc/net/{name}").read_text("ascii") for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table.splitlines()[1:]]
    listening = [line[1] for line in lines if line[3] == "0A" and line[1].endswith(f":{port_hex}")]
    assert listening == [f"0100007F:{port_hex}"]


def test_nothing_is_left_of_a_server_that_ends_at_once(tmp_path):
    web.start_without_a_server(tmp_path)


def test_trusted_service_ends_with_the_server():
    with web.running_samples() as running:
        pass
    web.wait_until_service_is_gone(running)


def test_trusted_service_ends_with_what_started_it():
    with web.running_samples() as running:
        [starter] = web.children_of(running.pid)
        os.kill(starter, signal.SIGKILL)
        web.wait_until_service_is_gone(running)


def test_one_name_is_one_user(samples):
    ids = {web.ask_service(samples, "/users", {"user": name}).json()["userId"] for name in ("Zoe", "zoe", " ZOE ")}
    assert len(ids) == 1
    signed_in = web.ask_service(samples, "/token", {"user": "Zoe"}).json()
    assert signed_in["userId"] in ids
    assert set(signed_in) == {"endpoint", "userId", "displayName", "token", "expiresOn"}
    for name in ("__proto__", "constructor", "toString"):
        assert web.ask_service(samples, "/users", {"user": name}).json()["userId"] not in ids
