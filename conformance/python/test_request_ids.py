"""Request ids: ours on every answer, the client's own given back."""

import uuid

import pytest
from azure.communication.identity import CommunicationUserIdentifier
from azure.core.exceptions import HttpResponseError

from sdk import Responses, new_identifier


async def test_client_request_id_is_echoed(client):
    wanted, responses = str(uuid.uuid4()), Responses()
    await client.create_user(request_id=wanted, **responses.hook)
    assert responses.last_request.headers["x-ms-client-request-id"] == wanted
    assert responses.last.headers["x-ms-client-request-id"] == wanted


async def test_every_answer_has_an_id_of_its_own(client):
    responses, ids = Responses(), set()
    for _ in range(5):
        await client.create_user(**responses.hook)
        ids.add(responses.last.headers["x-ms-request-id"])
    assert len(ids) == 5 and all(ids)


async def test_answer_without_content_has_ids_too(client):
    user, responses = await client.create_user(), Responses()
    await client.delete_user(user, **responses.hook)
    assert responses.last.headers["x-ms-request-id"]
    assert responses.last.headers["x-ms-client-request-id"]


async def test_refusal_has_ids_too(client, server):
    wanted = str(uuid.uuid4())
    with pytest.raises(HttpResponseError) as raised:
        user = CommunicationUserIdentifier(new_identifier(server.resource_id))
        await client.get_token(user, ["chat"], request_id=wanted)
    assert raised.value.response.headers["x-ms-client-request-id"] == wanted
    assert raised.value.response.headers["x-ms-request-id"]
