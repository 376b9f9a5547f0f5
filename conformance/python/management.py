"""The management clients of both SDKs, pointed at a server as a customer with another cloud would."""

import asyncio
import time
import uuid

from azure.core.pipeline.transport import RequestsTransport

from directory import MANAGEMENT_SCOPE
from sdk import completed, settled

# The group of resources that were made without naming one.
DEFAULT_GROUP = "default"


def new_name(prefix: str = "witness") -> str:
    """A name for a resource or a group that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


# Between two polls of a long-running operation, in place of the whole second the server asks for.
POLL_SECONDS = 0.02


class ImpatientTransport(RequestsTransport):
    """The synchronous SDK's own transport, with short waits."""

    def sleep(self, duration):
        """Waits for a moment only."""
        time.sleep(min(duration, POLL_SECONDS))


def impatient_transport(opened, **options):
    """The own transport of the SDK under test, with short waits."""
    if opened.flavour == "sync":
        return ImpatientTransport(**options)
    from azure.core.pipeline.transport import AioHttpTransport  # Imports aiohttp, which must come late.

    class AsyncImpatientTransport(AioHttpTransport):
        """The asynchronous SDK's own transport, with short waits."""

        async def sleep(self, duration):
            """Waits for a moment only."""
            await asyncio.sleep(min(duration, POLL_SECONDS))

    return AsyncImpatientTransport(**options)


class Arm:
    """Management clients of one server for one credential.

    `communication`, `resources` and `subscriptions` are the clients themselves; the methods are the few calls that many
    tests make. All speak to the server's own origin and ask for the public cloud's scope.
    """

    def __init__(self, opened, server, credential, **options):
        def made(package, name, *arguments):
            return opened(
                package, name, credential, *arguments,
                **{
                    "base_url": server.endpoint,
                    "credential_scopes": [MANAGEMENT_SCOPE],
                    "transport": impatient_transport(opened),
                    **options,
                },
            )

        subscription = server.subscription_id
        self.communication = made(
            "azure.mgmt.communication", "CommunicationServiceManagementClient", subscription
        )
        self.resources = made("azure.mgmt.resource.resources", "ResourceManagementClient", subscription)
        self.subscriptions = made("azure.mgmt.resource.subscriptions", "SubscriptionClient")
        self.services = self.communication.communication_services

    async def create(self, name: str, group: str = DEFAULT_GROUP, **fields):
        """A resource, once it has been created or updated."""
        body = {"location": "global", "properties": {"dataLocation": "Europe"}, **fields}
        return await completed(self.services.begin_create_or_update(group, name, body))

    async def delete(self, name: str, group: str = DEFAULT_GROUP) -> None:
        """Deletes a resource and waits until it is gone."""
        await completed(self.services.begin_delete(group, name))

    async def get(self, name: str, group: str = DEFAULT_GROUP):
        """A resource."""
        return await settled(self.services.get(group, name))

    async def update(self, name: str, body: dict, group: str = DEFAULT_GROUP):
        """A resource after a change of some fields."""
        return await settled(self.services.update(group, name, body))

    async def list_keys(self, name: str, group: str = DEFAULT_GROUP):
        """Both keys of a resource."""
        return await settled(self.services.list_keys(group, name))

    async def regenerate_key(self, name: str, which: str, group: str = DEFAULT_GROUP):
        """Both keys of a resource after one has been replaced."""
        return await settled(self.services.regenerate_key(group, name, {"keyType": which}))

    def list_by_subscription(self):
        """Every resource the credential may see."""
        return self.services.list_by_subscription()
