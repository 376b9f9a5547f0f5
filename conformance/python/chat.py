"""Fixtures and helpers of the chat tests: people with the SDK's clients, awaited whichever SDK is behind them."""

import asyncio
import importlib
import time
from urllib.parse import quote

import pytest
import requests
from azure.communication.chat import ChatParticipant, CommunicationUserIdentifier

from sdk import collected, settled

# For a thread that needs no other topic.
TOPIC = "Lunch"
NEWEST_VERSION = "2025-03-15"
TIMEOUT_SECONDS = 30
# What the server does behind an answer is done within a second or two, on a busy machine in some more.
BACKGROUND_DEADLINE_SECONDS = 60


class Client:
    """A client of either SDK whose methods are awaited; lists come whole, or page by page from `pages`."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        async def call(*arguments, **options):
            value = await self._begun(name, arguments, options)
            return await collected(value) if hasattr(value, "by_page") else value

        return call

    async def _begun(self, name, arguments, options):
        method = getattr(self._client, name)
        if asyncio.iscoroutinefunction(method):
            return await method(*arguments, **options)
        return await asyncio.to_thread(method, *arguments, **options)

    async def pages(self, name, **options):
        """The pages of a list, each asked for when the one before it has been used."""
        pages = (await self._begun(name, (), options)).by_page()
        if hasattr(pages, "__aiter__"):
            async for page in pages:
                yield [item async for item in page]
        else:
            for page in pages:
                yield list(page)

    async def close(self):
        """Closes the client below."""
        await settled(self._client.close())


class Person:
    """A user with a token, and the clients that act for them; made by `people`."""

    def __init__(self, server, flavour, user, token, options):
        self.server = server
        self.raw_id = user.raw_id
        self.user = CommunicationUserIdentifier(user.raw_id)
        self.token = token
        self._package = importlib.import_module("azure.communication.chat" + ("" if flavour == "sync" else ".aio"))
        self._options = dict(options)
        if not server.trusted_by_environment:
            self._options.setdefault("connection_verify", server.ca_file)
        self._opened = []
        self.chat = self._open(self._package.ChatClient, server.endpoint)

    def _open(self, kind, *arguments, **options):
        credential = self._package.CommunicationTokenCredential(self.token)
        options = self._options | options
        self._opened.append(Client(kind(arguments[0], credential, *arguments[1:], **options)))
        return self._opened[-1]

    def client(self, **options) -> Client:
        """A further chat client, with options of its own."""
        return self._open(self._package.ChatClient, self.server.endpoint, **options)

    def within(self, thread_id: str, **options) -> Client:
        """The client of a thread."""
        return self._open(self._package.ChatThreadClient, self.server.endpoint, thread_id, **options)

    def named(self, name: str | None = None, since=None) -> ChatParticipant:
        """This person as a participant of a request."""
        return ChatParticipant(identifier=self.user, display_name=name, share_history_time=since)

    async def open_thread(self, *others: "Person", topic: str = TOPIC) -> str:
        """Makes a thread with `others` and returns its id."""
        made = await self.chat.create_chat_thread(topic, thread_participants=[other.named() for other in others])
        assert made.errors == []
        return made.chat_thread.id

    async def close(self):
        """Closes every client."""
        for client in self._opened:
            await client.close()


class Plain:
    """Requests without an SDK, for what none of this language has; the token is the person's."""

    def __init__(self, person: Person, version: str = NEWEST_VERSION):
        self._person, self._version = person, version

    async def __call__(self, method, path, body=None, *, data=None, kind="application/json", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {"Authorization": f"Bearer {self._person.token}", "Content-Type": kind}
        server = self._person.server
        options = {"verify": True if server.trusted_by_environment else server.ca_file, "timeout": TIMEOUT_SECONDS}
        url = f"{server.endpoint.rstrip('/')}{path}{'&' if '?' in path else '?'}api-version={self._version}"
        return await asyncio.to_thread(
            requests.request, method, url, json=body, data=data, headers=headers, **options
        )


def path_of(thread_id: str) -> str:
    """The path of a thread."""
    return f"/chat/threads/{quote(thread_id, safe='')}"


async def until(condition):
    """Asks `condition`, which is awaited, until it holds."""
    deadline = time.monotonic() + BACKGROUND_DEADLINE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.02)


@pytest.fixture
async def people(connect, flavour, server):
    """A function that makes people; `scopes` are their token's, further options go to their clients."""
    made = []

    async def make(count=1, *, scopes=("chat",), of=None, **options):
        identities = connect(of or server)
        for _ in range(count):
            user, token = await identities.create_user_and_token(list(scopes))
            made.append(Person(of or server, flavour, user, token.token, options))
        return made[-count:]

    yield make
    for person in made:
        await person.close()


@pytest.fixture
async def person(people):
    """Somebody with a token for everything."""
    return (await people())[0]


@pytest.fixture
async def other(people):
    """Somebody else."""
    return (await people())[0]


@pytest.fixture
async def thread(person):
    """The client of a thread in which `person` is alone."""
    return person.within(await person.open_thread())


@pytest.fixture
async def shared(person, other):
    """The clients of one thread for `person`, who made it, and `other`."""
    thread_id = await person.open_thread(other)
    return person.within(thread_id), other.within(thread_id)


def contents(messages) -> list[str]:
    """What people wrote, without the thread's own messages."""
    return [message.content.message for message in messages if message.type in ("text", "html")]


def system_messages(messages) -> list:
    """The thread's own messages."""
    return [message for message in messages if message.type not in ("text", "html")]


async def missing(person: Person) -> list[str]:
    """Identifiers of threads that `person` cannot know: of a form we make, of none, and of somebody's deleted one."""
    deleted = await person.open_thread()
    await person.chat.delete_chat_thread(deleted)
    return ["19:" + "A" * 43 + "1@thread.v2", "nonsense", "19:ü@thread.v2", "x" * 500, deleted]
