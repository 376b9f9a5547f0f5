"""The Event Grid management client of both SDKs, and what its tests share: subscriptions, events, fixtures."""

import threading
from contextlib import contextmanager

import pytest
from azure.mgmt.eventgrid.models import (
    EventSubscription,
    SystemTopic,
    WebHookEventSubscriptionDestination,
)

from directory import MANAGEMENT_SCOPE, Directory
from hook import running_hook
from management import DEFAULT_GROUP, impatient_transport, new_name
from sdk import collected, completed, settled

TOPIC_TYPE = "Microsoft.Communication.CommunicationServices"
SMS = "Microsoft.Communication.SMSReceived"
CALL = "Microsoft.Communication.CallStarted"
CLOUD_EVENTS = "CloudEventSchemaV1_0"
# What a test moves the clock by, and how often, while it waits for something that is due later.
CLOCK_STEP_SECONDS = 2
CLOCK_PAUSE_SECONDS = 0.02


def web_hook(hook, query: str = "", **fields) -> WebHookEventSubscriptionDestination:
    """A destination: a running hook, or the address of one."""
    return WebHookEventSubscriptionDestination(endpoint_url=getattr(hook, "url", hook) + query, **fields)


def sms(**fields) -> dict:
    """Data of an SMS, with further fields for filters to look at."""
    received = {"messageId": "m", "from": "+4930123", "to": "+4930999", "message": "Hello", "segmentCount": 1}
    return {**received, **fields}


def shown(model) -> dict:
    """Everything a model of the SDK says, also what only the service may set."""
    return model.as_dict(keep_readonly=True)


async def attempted(call, *arguments, **options):
    """What a call comes to. Nothing happens before this is awaited, also with the synchronous SDK."""
    return await settled(call(*arguments, **options))


async def attempted_operation(call, *arguments, **options):
    """The same of a long-running operation."""
    return await completed(call(*arguments, **options))


class EventGrid:
    """The management client of one server for one credential, and the events of one resource of it.

    The methods are the calls that many tests make; everything else is called on `client`.
    """

    def __init__(self, opened, server, credential, resource: str):
        trust = {} if server.trusted_by_environment else {"connection_verify": server.ca_file}
        self.server = server
        self.resource = resource
        self.group = DEFAULT_GROUP
        self.client = opened(
            "azure.mgmt.eventgrid", "EventGridManagementClient", credential, server.subscription_id,
            base_url=server.endpoint, credential_scopes=[MANAGEMENT_SCOPE],
            transport=impatient_transport(opened, **trust),
        )
        self.subscriptions = self.client.event_subscriptions
        self.topics = self.client.system_topics
        self.topic_subscriptions = self.client.system_topic_event_subscriptions

    @property
    def scope(self) -> str:
        """The resource as subscriptions name it."""
        return (
            f"/subscriptions/{self.server.subscription_id}/resourceGroups/{self.group}"
            f"/providers/Microsoft.Communication/communicationServices/{self.resource}"
        )

    async def subscribe(self, name: str, hook, **fields):
        """A subscription of the resource, once its handshake has ended."""
        fields.setdefault("destination", hook if hasattr(hook, "endpoint_type") else web_hook(hook))
        return await completed(
            self.subscriptions.begin_create_or_update(self.scope, name, EventSubscription(**fields))
        )

    async def update(self, name: str, parameters):
        """A subscription after a change of some fields."""
        return await completed(self.subscriptions.begin_update(self.scope, name, parameters))

    async def get(self, name: str):
        """A subscription."""
        return await settled(self.subscriptions.get(self.scope, name))

    async def delete(self, name: str) -> None:
        """Deletes a subscription."""
        await completed(self.subscriptions.begin_delete(self.scope, name))

    async def listed(self, **options) -> list:
        """The subscriptions of the resource."""
        kind = ("Microsoft.Communication", "communicationServices")
        return await collected(self.subscriptions.list_by_resource(self.group, *kind, self.resource, **options))

    async def make_topic(self, name: str, **fields):
        """A system topic of the resource."""
        topic = SystemTopic(location="global", source=self.scope, topic_type=TOPIC_TYPE, **fields)
        return await completed(self.topics.begin_create_or_update(self.group, name, topic))

    def operate(self, method: str, path: str, body: dict | None = None):
        """Asks the operator API below the resource."""
        return self.server.operate(method, f"/trunkline/resources/{self.resource}{path}", body)

    def send_test(self, kind: str, **fields) -> list[str]:
        """Publishes sample events of a type; returns their ids."""
        return self.operate("POST", "/events/:sendTest", {"type": kind, **fields})["ids"]

    def attempts(self, **query) -> list[dict]:
        """The log of delivery attempts."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return self.operate("GET", f"/deliveries?{text}")["value"]


@contextmanager
def hurrying_clock(server):
    """Lets a server's test clock run much faster than time while the body waits.

    In a thread of its own: the synchronous SDK's pollers leave the event loop no turn.
    """
    is_over = threading.Event()

    def hurry():
        while not is_over.wait(CLOCK_PAUSE_SECONDS):
            server.advance_clock(CLOCK_STEP_SECONDS)

    thread = threading.Thread(target=hurry, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.fixture
def hook():
    """A web hook for one test."""
    with running_hook() as running:
        yield running


@pytest.fixture
def other_hook():
    """A second web hook for the same test."""
    with running_hook() as running:
        yield running


@pytest.fixture
def event_grid_of(opened):
    """A function that makes an `EventGrid` of a server, by default as an owner of everything on a new resource."""

    def make(server, application=None, resource=None):
        directory = Directory(server)
        application = application or directory.application("owner")
        trust = {} if server.trusted_by_environment else {"connection_verify": server.ca_file}
        credential = opened(
            "azure.identity", "ClientSecretCredential",
            directory.tenant_id, application["clientId"], directory.secret(application["clientId"]),
            authority=directory.authority, disable_instance_discovery=True, **trust,
        )
        if resource is None:
            resource = new_name()
            server.operate("PUT", f"/trunkline/resources/{resource}")
        return EventGrid(opened, server, credential, resource)

    return make


@pytest.fixture
def grid(event_grid_of, real_time_server):
    """The events of a resource of the test's own, on the shared server by the machine's clock."""
    return event_grid_of(real_time_server)


@pytest.fixture
def own_grid(event_grid_of, own_server):
    """The events of a resource on a server of the test's own, whose clock may be moved."""
    return event_grid_of(own_server)
