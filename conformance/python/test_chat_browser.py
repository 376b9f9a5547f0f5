"""Realtime by the unmodified JavaScript SDK in a real browser, in a page of another origin than the server's."""

from urllib.parse import urlsplit

import pytest
from azure.communication.identity import CommunicationIdentityClient

import browser
import web
from browser import wait_for

TOPIC = "Tö 😀 %41 \\ \"q\" 's'"
TEXT = "hällo 😀 %41 \\ \"q\" <b>&amp;"
METADATA = {"kéy %41": "väl 😀 \\ \""}


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """Where the page is served."""
    folder = tmp_path_factory.mktemp("witness")
    web.bundle("witness", folder)
    with web.served(folder) as address:
        yield address


@pytest.fixture(scope="module")
def watched_page():
    """A browser that notes what it asks for."""
    with browser.chromium(notes_network=True) as driver:
        yield driver


class Witness:
    """The SDK in the page."""

    def __init__(self, driver):
        self._driver = driver

    def start(self, name, server, token):
        """Opens a user's channel under a name."""
        self._driver.execute_script("return chat.start(...arguments)", name, server.endpoint, token)

    def call(self, name, method, *words):
        """Calls a method of the chat client."""
        return self._driver.execute_script("return chat.call(...arguments)", name, method, *words)

    def call_thread(self, name, thread_id, method, *words):
        """Calls a method of the thread's client."""
        return self._driver.execute_script("return chat.callThread(...arguments)", name, thread_id, method, *words)

    def heard(self, name, event, count=1) -> dict:
        """What the application was told of a kind of event, once it was told that often."""
        script = """
            const [name, kind] = arguments;
            return chat.told[name].filter(({ event }) => event === kind).map(({ payload }) => payload);
        """

        def look(driver):
            payloads = driver.execute_script(script, name, event)
            return payloads[count - 1] if len(payloads) >= count else None

        return wait_for(self._driver, look)

    def kinds(self, name) -> list[str]:
        """The kinds of all events told but typing, which has no place in the order."""
        kinds = self._driver.execute_script("return chat.told[arguments[0]].map(({ event }) => event)", name)
        return [kind for kind in kinds if kind != "typingIndicatorReceived"]


@pytest.mark.parametrize("query", ["", "?blocked"], ids=["websocket", "polling"])
def test_all_notifications_reach_a_page_of_another_origin(watched_page, origin, real_time_server, query):
    identities = CommunicationIdentityClient.from_connection_string(real_time_server.connection_string)
    with identities._identity_service_client:
        (alice, alice_token), (bob, bob_token), (eve, _) = [
            identities.create_user_and_token(["chat"]) for _ in range(3)
        ]
    users = {"alice": alice.raw_id, "bob": bob.raw_id, "eve": eve.raw_id}
    ids = {name: {"communicationUserId": raw_id} for name, raw_id in users.items()}
    browser.addresses_asked(watched_page)
    watched_page.get(f"{origin}/{query}")
    page = Witness(watched_page)
    page.start("bob", real_time_server, bob_token.token)
    page.start("alice", real_time_server, alice_token.token)

    participants = [{"id": ids["bob"], "displayName": TOPIC}]
    options = {"participants": participants, "metadata": METADATA}
    made = page.call("alice", "createChatThread", {"topic": TOPIC}, options)
    thread_id = made["chatThread"]["id"]
    created = page.heard("bob", "chatThreadCreated")
    assert created["threadId"] == thread_id
    assert created["properties"] == {"topic": TOPIC, "metadata": METADATA}
    assert [member["id"]["communicationUserId"] for member in created["participants"]] == [users["alice"], users["bob"]]
    assert created["participants"][1]["displayName"] == TOPIC

    said = {"senderDisplayName": TOPIC, "metadata": METADATA}
    message = page.call_thread("alice", thread_id, "sendMessage", {"content": TEXT}, said)
    received = page.heard("bob", "chatMessageReceived")
    assert (received["id"], received["message"], received["metadata"]) == (message["id"], TEXT, METADATA)
    assert received["senderDisplayName"] == TOPIC
    assert received["sender"]["communicationUserId"] == users["alice"]
    page.call_thread("alice", thread_id, "updateMessage", message["id"], {"content": f"{TEXT}!"})
    assert page.heard("bob", "chatMessageEdited")["message"] == f"{TEXT}!"
    assert page.call_thread("alice", thread_id, "sendTypingNotification", {"senderDisplayName": TOPIC}) is True
    assert page.heard("bob", "typingIndicatorReceived")["senderDisplayName"] == TOPIC
    page.call_thread("bob", thread_id, "sendReadReceipt", {"chatMessageId": message["id"]})
    receipt = page.heard("alice", "readReceiptReceived")
    assert receipt["chatMessageId"] == message["id"]
    assert receipt["sender"]["communicationUserId"] == users["bob"]
    newcomer = {"id": ids["eve"], "displayName": "Eve"}
    page.call_thread("alice", thread_id, "addParticipants", {"participants": [newcomer]})
    added = page.heard("bob", "participantsAdded")["participantsAdded"]
    assert [person["id"]["communicationUserId"] for person in added] == [users["eve"]]
    page.call_thread("alice", thread_id, "removeParticipant", ids["eve"])
    removed = page.heard("bob", "participantsRemoved")["participantsRemoved"]
    assert [person["id"]["communicationUserId"] for person in removed] == [users["eve"]]
    page.call_thread("alice", thread_id, "updateTopic", f"{TOPIC}!")
    assert page.heard("bob", "chatThreadPropertiesUpdated")["properties"]["topic"] == f"{TOPIC}!"
    page.call_thread("alice", thread_id, "deleteMessage", message["id"])
    assert page.heard("bob", "chatMessageDeleted")["id"] == message["id"]
    page.call("alice", "deleteChatThread", thread_id)
    assert page.heard("bob", "chatThreadDeleted")["threadId"] == thread_id

    page.heard("alice", "chatThreadDeleted")
    expected = [
        "chatThreadCreated", "chatMessageReceived", "chatMessageEdited", "readReceiptReceived", "participantsAdded",
        "participantsRemoved", "chatThreadPropertiesUpdated", "chatMessageDeleted", "chatThreadDeleted",
    ]
    assert page.kinds("bob") == expected
    assert page.kinds("alice") == expected
    asked = browser.addresses_asked(watched_page)
    hosts = {urlsplit(address).netloc for address in asked if not address.startswith("data:")}
    assert hosts == {urlsplit(origin).netloc, real_time_server.host}, "the SDK asked somebody else"
    assert any(address.startswith("wss:") for address in asked) == (query == "")
    assert any("/xhr-polling/" in address for address in asked) == (query != "")
    assert browser.complaints_of_the_browser(watched_page) == []
    # The next page is not to find this one's clients at work.
    watched_page.get("about:blank")
