"""What the documents print can be run: every snippet of docs/authentication.md, and the README's three pages.

The JavaScript snippets are run by the JavaScript suite, between the same commands.
"""

import re
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from azure.communication.identity import CommunicationIdentityClient

import browser
from documents import LANGUAGES, Walk, sections
from harness import binary_path, running_server, start_server
from hook import running_hook
from issuer import Issuer
from sdk import BearerCredential, GUID, claims_of

GUIDE = "docs/authentication.md"
README = "README.md"
# Its first section is what the reader's shell knows in all others.
PREPARATION = ""
WITH_BROWSER = ("A person signs in", "Exchanges: from a directory user to a communication user")
WITH_SETTINGS = ("Your own issuer", "From the configuration")
# Building Trunkline is what brings this suite to run.
NOT_RUN_HERE = ("Two commands",)
WITH_WEB_HOOK = "Page three: events at your web hook"
SUBJECT = "system:serviceaccount:shop:calls"
START_DEADLINE_SECONDS = 30

# What a program prints when it has worked.
USER = rf"^8:acs:{GUID}_{GUID}( \S+)?$"
PRINTS = {"ARM clients": rf"^/subscriptions/{GUID}/.*/fabrikam\nendpoint=https://\S+;accesskey=\S+$"}


@pytest.fixture(scope="module")
def cluster():
    """What stands for the issuer of the documents' Kubernetes cluster."""
    with Issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def installation():
    """A server as a reader has it: its data in `trunkline-data`, `trunkline` beside it."""
    with TemporaryDirectory(prefix="trunkline-documents-") as name:
        folder = Path(name)
        (folder / "trunkline-data").symlink_to("data")
        (folder / "trunkline").symlink_to(binary_path())
        server = start_server(folder, test_clock=False, settings="")
        try:
            yield folder, server
        finally:
            server.stop()


@pytest.fixture
def reader(installation, cluster):
    """Somebody who starts to read."""
    folder, server = installation
    token = folder / "identity-token"
    token.write_text(cluster.workload_token(SUBJECT), "ascii")
    replaced = {
        "https://kubernetes.example.com": cluster.url,
        "/var/run/secrets/azure/tokens/azure-identity-token": str(token),
    }
    return Walk(folder, server.endpoint, replaced)


def prepare(reader: Walk) -> None:
    """What the guide says first: variables for every section, and a service."""
    for snippet in sections(GUIDE)[PREPARATION]:
        if snippet.language == "sh":
            reader.shell(snippet.text)
        elif snippet.language == "python":
            reader.save("service.py", snippet.text)


def walk(reader: Walk, snippets) -> list[str]:
    """Runs a section: its commands, and after them its programs, or the service after each change of variables."""
    outputs = []
    has_program = any(snippet.language == "python" for snippet in snippets)
    for language, text in snippets:
        if language == "sh":
            reader.shell(text)
            if "export " in text and not has_program:
                outputs.append(reader.run(reader.save("again.py", service())))
        elif language == "python":
            outputs.append(reader.run(reader.save("program.py", text)))
    return outputs


def service() -> str:
    """The service of the guide."""
    program, = (text for language, text in sections(GUIDE)[PREPARATION] if language == "python")
    return program


def names(*left_out) -> list[str]:
    """The guide's sections that have snippets, without some."""
    return [name for name in sections(GUIDE) if name not in (PREPARATION, *left_out)]


def test_every_snippet_has_somebody_who_runs_it():
    for document in (GUIDE, README):
        for heading, snippets in sections(document).items():
            for language, _ in snippets:
                assert language in LANGUAGES, f"{document}, {heading}: {language}"
                assert language != "toml" or heading in WITH_SETTINGS, f"{document}, {heading}: settings nobody tries"
    assert set(WITH_BROWSER) | set(WITH_SETTINGS) <= set(sections(GUIDE))


@pytest.mark.parametrize("section", names(*WITH_BROWSER, *WITH_SETTINGS))
def test_section_of_the_guide(reader, section):
    prepare(reader)
    for printed in walk(reader, sections(GUIDE)[section]):
        assert re.search(PRINTS.get(section, USER), printed.strip()), printed


def test_readme(reader):
    """From the first page to the second, in one shell."""
    reader.shell("trunkline key show")
    left_out = (*NOT_RUN_HERE, WITH_WEB_HOOK)
    pages = {name: snippets for name, snippets in sections(README).items() if name not in left_out}
    assert [name.partition(":")[0] for name in pages] == ["Connect your SDK", "Page two"]
    for snippets in pages.values():
        printed, = walk(reader, snippets)
        assert re.search(USER, printed.strip()), printed


async def test_readme_with_a_web_hook(installation):
    """The commands of page three; what they publish arrives."""
    folder, server = installation
    with running_hook() as hook:
        reader = Walk(folder, server.endpoint, {"http://localhost:3000/hook": hook.url})
        for language, text in sections(README)[WITH_WEB_HOOK]:
            assert language == "sh"
            reader.shell(text)
        event, = await hook.wait_for_events(1)
    assert event["eventType"] == "Microsoft.Communication.ChatMessageReceived"


@pytest.mark.parametrize("section", WITH_BROWSER)
def test_section_with_a_browser(reader, installation, page, tmp_path, section):
    prepare(reader)
    snippets = sections(GUIDE)[section]
    for language, text in snippets:
        if language == "sh":
            reader.shell(text)
    program, = (text for language, text in snippets if language == "python")
    name, = re.findall(r"directory-user create (\S+)", "".join(text for _, text in snippets))
    address = tmp_path / "address"
    opener = tmp_path / "open"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {address}.part\nmv {address}.part {address}\n', "ascii")
    opener.chmod(0o700)
    running = reader.start(reader.save("program.py", program), BROWSER=f"{opener} %s")
    try:
        page.get(when_written(address, running))
        browser.fill_in(page, name, reader.value("password"))
        printed, complaints = running.communicate(timeout=START_DEADLINE_SECONDS)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 0, complaints
    token = printed.strip().splitlines()[-1]
    if section == WITH_BROWSER[1]:
        assert claims_of(token)["skypeid"].startswith(f"acs:{installation[1].resource_id}_")
    else:
        assert token.count(".") == 2


def when_written(address: Path, running: subprocess.Popen) -> str:
    """The address that a program wants to show in a browser."""
    deadline = time.monotonic() + START_DEADLINE_SECONDS
    while not address.exists():
        assert running.poll() is None, running.stderr.read()
        assert time.monotonic() < deadline, "the program opened no browser"
        time.sleep(0.02)
    return address.read_text("utf-8")


def settings_of(section: str) -> str:
    """The configuration that a section prints."""
    text, = (text for language, text in sections(GUIDE)[section] if language == "toml")
    return text


def test_own_issuer():
    """The second issuer of the guide is one of the suite's own; the first is Entra ID, which is never asked here."""
    with Issuer() as issuer:
        settings = settings_of("Your own issuer").replace("https://keycloak.example.com/realms/acs", issuer.url)
        with running_server(test_clock=False, settings=settings) as server:
            token = issuer.token("some-client", "somebody", aud="trunkline", groups=["/operations"])
            client = CommunicationIdentityClient(
                server.endpoint, BearerCredential("sync", token), connection_verify=server.ca_file
            )
            with client._identity_service_client:
                assert re.search(USER, client.create_user().raw_id)


def test_applications_and_users_from_the_configuration():
    with TemporaryDirectory(prefix="trunkline-documents-") as name:
        folder = Path(name)
        for file in ("billing", "ada"):
            (folder / file).write_text("correct-horse-battery-staple\n", "ascii")
        settings = f'default_resource = "contoso"\n{settings_of("From the configuration")}'
        server = start_server(folder, test_clock=False, settings=settings.replace("/run/secrets", str(folder)))
        try:
            application = server.command("app", "show", "billing")
            user = server.command("directory-user", "show", "ada@example.com")
        finally:
            server.stop()
    assert application["clientId"] == "4b1e2d6c-2f0a-4c8f-9a55-3a5cb1b0f6a1"
    assert sorted(each["kind"] for each in application["credentials"]) == ["federated", "secret"]
    assert sorted(each["role"] for each in application["roleAssignments"]) == ["contributor", "sms-sender"]
    assert user["displayName"] == "Ada Example"
