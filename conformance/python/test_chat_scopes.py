"""What a token may do in chats by its scopes, and tokens that may do nothing."""

import pytest
from azure.core.exceptions import ClientAuthenticationError

from chat import TOPIC, contents, until
from sdk import ALL_SCOPES, expect_error, handmade_token

OWNERS = {"chat"}
HOSTS = OWNERS | {"chat.join"}
GUESTS = HOSTS | {"chat.join.limited"}


def everything(someone, thread_id, message_id, third):
    """Every operation as `(call, scopes that may)`; each call is made when it is asked for."""
    thread = someone.within(thread_id)
    return {
        "create_chat_thread": (lambda: someone.chat.create_chat_thread(TOPIC), OWNERS),
        "list_chat_threads": (lambda: someone.chat.list_chat_threads(), GUESTS),
        "get_properties": (lambda: thread.get_properties(), GUESTS),
        "update_topic": (lambda: thread.update_topic("x"), OWNERS),
        "send_message": (lambda: thread.send_message("x"), GUESTS),
        "get_message": (lambda: thread.get_message(message_id), GUESTS),
        "list_messages": (lambda: thread.list_messages(), GUESTS),
        "update_message": (lambda: thread.update_message(message_id, "y"), GUESTS),
        "send_read_receipt": (lambda: thread.send_read_receipt(message_id), GUESTS),
        "list_read_receipts": (lambda: thread.list_read_receipts(), GUESTS),
        "send_typing_notification": (lambda: thread.send_typing_notification(), GUESTS),
        "list_participants": (lambda: thread.list_participants(), GUESTS),
        "add_participants": (lambda: thread.add_participants([third.named()]), HOSTS),
        "remove_participant": (lambda: thread.remove_participant(third.user), HOSTS),
        "delete_message": (lambda: thread.delete_message(message_id), GUESTS),
        "delete_chat_thread": (lambda: someone.chat.delete_chat_thread(thread_id), OWNERS),
    }


@pytest.mark.parametrize("scope", ALL_SCOPES)
async def test_scope_decides_what_may_be_done(people, scope):
    owner, third = await people(2)
    someone = (await people(scopes=[scope]))[0]
    thread_id = await owner.open_thread(someone)
    sent = await (someone if scope in GUESTS else owner).within(thread_id).send_message("x")
    for name, (call, scopes) in everything(someone, thread_id, sent.id, third).items():
        if scope in scopes:
            await call()
        else:
            error = await expect_error(call(), 403)
            assert error.error.code == "Forbidden", name


@pytest.mark.parametrize("token", ["unsigned", "nonsense"])
async def test_token_nobody_issued_opens_nothing(people, token):
    owner, third = await people(2)
    thread_id = await owner.open_thread()
    sent = await owner.within(thread_id).send_message("secret")
    # The SDK itself refuses what has not the form of a token.
    owner.token = handmade_token(3600) if token == "unsigned" else owner.token[:-8] + "AAAAAAAA"
    impostor = owner.client()
    await expect_error(impostor.list_chat_threads(), 401, kind=ClientAuthenticationError)
    for name, (call, _) in everything(owner, thread_id, sent.id, third).items():
        if "chat_thread" in name:
            continue  # Those go through the client that was made with the good token.
        error = await expect_error(call(), 401, kind=ClientAuthenticationError)
        assert "secret" not in str(error)


# aiohttp thinks it is a mistake.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_refusal_reaches_who_is_still_writing(person):
    """The server knows the token is bad before the message has arrived; it hears the rest out all the same."""
    person.token = handmade_token(3600)
    thread = person.within("19:any@thread.v2")
    for size in (100, 20_000, 200_000, 3_000_000):
        for _ in range(5):
            await expect_error(thread.send_message("x" * size), 401, kind=ClientAuthenticationError)


async def test_revoked_token_opens_nothing(people, connect, server, person):
    thread_id = await person.open_thread()
    await connect(server).revoke_tokens(person.user)
    await expect_error(person.chat.list_chat_threads(), 401, kind=ClientAuthenticationError)
    await expect_error(person.within(thread_id).send_message("x"), 401, kind=ClientAuthenticationError)


async def test_token_of_one_resource_opens_nothing_in_another(people, person, own_server):
    there = (await people(of=own_server))[0]
    thread_id = await there.open_thread()
    there.token = person.token
    await expect_error(there.client().list_chat_threads(), 401, kind=ClientAuthenticationError)
    await expect_error(there.within(thread_id).get_properties(), 401, kind=ClientAuthenticationError)


async def test_deleted_user_takes_their_messages_along(people, connect, server, person, other):
    thread_id = await person.open_thread(other)
    mine, theirs = person.within(thread_id), other.within(thread_id)
    sent = await theirs.send_message("to be forgotten")
    await theirs.send_read_receipt(sent.id)
    await mine.send_message("stays")
    await connect(server).delete_user(other.user)

    async def is_forgotten():
        return "to be forgotten" not in contents(await mine.list_messages())

    await until(is_forgotten)
    seen = await mine.list_messages()
    assert "to be forgotten" not in str([vars(message.content) for message in seen])
    assert "stays" in contents(seen)
    assert await mine.list_read_receipts() == []
    assert [each.identifier.raw_id for each in await mine.list_participants()] == [person.raw_id]
