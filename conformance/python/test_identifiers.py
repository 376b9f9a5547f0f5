"""The identifiers handed out, read back by the SDKs' own parsers."""

from azure.communication import chat, identity

from sdk import assert_identifier


async def test_identifier_parses_as_a_communication_user(client, server):
    """Three parts joined by `_` would make it a Teams extension user in the newer parser."""
    raw_id = (await client.create_user()).raw_id
    assert_identifier(raw_id, server.resource_id)
    for package in (identity, chat):
        parsed = package.identifier_from_raw_id(raw_id)
        assert isinstance(parsed, package.CommunicationUserIdentifier), package.__name__
        assert parsed.properties["id"] == raw_id


async def test_user_rebuilt_from_a_stored_raw_id_is_the_same_user(client):
    raw_id = (await client.create_user()).raw_id
    stored = identity.identifier_from_raw_id(raw_id)
    await client.get_token(stored, ["chat"])
    await client.revoke_tokens(stored)
    await client.delete_user(stored)
