"""Where else events go than to a web hook over HTTP: TLS, a NATS subject, the terminal, a developer's own program."""

import asyncio
import ipaddress
import json
import subprocess
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from event_grid import CALL, CLOUD_EVENTS, SMS, hurrying_clock
from harness import binary_path, running_server
from hook import running_hook
from nats import PASSWORD, USER, Subscriber, running_nats_server

NATS_SETTINGS = """
[events.nats]
url = "nats://127.0.0.1:{port}"
user = "{user}"
password = "{password}"
"""


@pytest.fixture(scope="session")
def hook_certificate(tmp_path_factory):
    """A self-signed certificate for `localhost` and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook")])
    now = datetime.now(timezone.utc)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(name, name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path_factory.mktemp("hook") / "hook.pem"
    file.write_bytes(
        certificate.public_bytes(encoding)
        + key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, unencrypted)
    )
    return file


async def test_hook_behind_tls(server, event_grid_of, hook_certificate, monkeypatch):
    # The machine's authorities, as the server sees them.
    monkeypatch.setenv("SSL_CERT_FILE", str(hook_certificate))
    with running_server(test_clock=False) as trusting, running_hook(hook_certificate) as hook:
        grid = event_grid_of(trusting)
        made = await grid.subscribe("secure", hook)
        assert made.provisioning_state == "Succeeded"
        [sent] = grid.send_test(SMS)
        [event] = await hook.wait_for_events(1)
        assert event["id"] == sent


async def test_hook_with_a_certificate_nobody_knows(own_grid, hook_certificate):
    with running_hook(hook_certificate) as hook:
        with hurrying_clock(own_grid.server):
            with pytest.raises(Exception, match="(?i)tls|certificate"):
                await own_grid.subscribe("secure", hook)
        assert not hook.received


@pytest.mark.parametrize("schema", ["event-grid", "cloud-events"])
async def test_nats_subject(server, event_grid_of, schema):
    with running_nats_server() as port:
        settings = NATS_SETTINGS.format(port=port, user=USER, password=PASSWORD)
        with running_server(test_clock=False, settings=settings) as publishing:
            grid = event_grid_of(publishing)
            words = ["events", "subscribe", "bus", "acs.sms", "--nats", "--schema", schema, "--type", "SMSReceived"]
            publishing.command(*words, "--resource", grid.resource)
            subscriber = Subscriber(port, "acs.>")
            try:
                grid.send_test(CALL)
                sent = grid.send_test(SMS, count=3)
                messages = [await asyncio.to_thread(subscriber.message) for _ in sent]
            finally:
                subscriber.close()
    assert {subject for subject, _ in messages} == {"acs.sms"}
    contents = [json.loads(payload) for _, payload in messages]
    contents = [event for content in contents for event in (content if isinstance(content, list) else [content])]
    read = EventGridEvent.from_dict if schema == "event-grid" else CloudEvent.from_dict
    assert sorted(read(content).id for content in contents) == sorted(sent)


@contextmanager
def listening(server, *words):
    """`trunkline events listen` beside the test; gives the process, whose output is lines of JSON."""
    command = [binary_path(), "events", "listen", *words, "--json", "--data", str(server._data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def lines_of(process, count: int) -> list[dict]:
    """The next lines of its output."""
    lines = [process.stdout.readline() for _ in range(count)]
    assert all(lines), process.stderr.read()
    return [json.loads(line) for line in lines]


async def test_terminal_prints_what_happens(grid):
    before = grid.send_test(SMS)
    words = ("--resource", grid.resource, "--type", "SMSReceived", "--since", "1h", "--limit", "3")
    with listening(grid.server, *words) as process:
        first = await asyncio.to_thread(lines_of, process, 1)
        grid.send_test(CALL)
        sent = grid.send_test(SMS, count=2)
        events = first + await asyncio.to_thread(lines_of, process, 2)
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert [event["id"] for event in events] == [*before, *sent]
    assert all(EventGridEvent.from_dict(event).event_type == SMS for event in events)


@pytest.mark.parametrize("schema", ["event-grid", "cloud-events"])
async def test_program_of_a_developer_gets_events_without_a_subscription(grid, hook, schema):
    sent = grid.send_test(SMS, count=2)
    words = ("--resource", grid.resource, "--since", "1h", "--schema", schema, "--forward", hook.url)
    with listening(grid.server, *words):
        await hook.wait_for_events(2)
    assert not await grid.listed()
    assert {request.kind for request in hook.received} == {"Notification"}
    assert sorted(event["id"] for event in hook.events) == sorted(sent)
    read = EventGridEvent.from_dict if schema == "event-grid" else CloudEvent.from_dict
    assert all(read(event).subject for event in hook.events)


async def test_hook_subscribed_with_one_command(grid, hook):
    words = ("--schema", "cloud-events", "--header", "X-Open: seen", "--resource", grid.resource)
    grid.server.command("events", "subscribe", "mine", hook.url, *words)
    [made] = await grid.listed()
    assert (made.name, made.event_delivery_schema) == ("mine", CLOUD_EVENTS)
    sent = grid.server.command("events", "send-test", "SMSReceived", "--resource", grid.resource)
    [request] = await hook.wait_for_notifications(1)
    assert request.headers["X-Open"] == "seen"
    assert [event["id"] for event in request.events] == sent["ids"]
