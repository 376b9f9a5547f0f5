"""Runs the snippets of a Markdown document as its reader would: section by section, in one folder, as printed."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
# Where the documents say the server is.
PRINTED_ORIGIN = "https://localhost:8443"
DEADLINE_SECONDS = 60
# What a reader's shell has before the document says anything.
KEPT = ("PATH", "HOME", "LANG", "NO_PROXY", "no_proxy")
# Languages the suites know what to do with; `js` is run by the JavaScript suite, `toml` by tests of its own.
LANGUAGES = ("sh", "python", "js", "toml")

# Where each value stands in the output of the commands that the reader ran in the same section: the last one counts.
PRINTED_VALUES = {
    "AZURE_CLIENT_ID": r"^Client id +(\S+)$",
    "AZURE_CLIENT_SECRET": r"^Secret +(\S+)$",
    "AZURE_TENANT_ID": r'"tenantId":"([^"]+)"',
    "AZURE_SUBSCRIPTION_ID": r'"subscriptionId":"([^"]+)"',
    "ACS_CONNECTION_STRING": r"^Primary connection string +(\S+)$",
    "role remove": r"^([0-9a-f-]{36}) +audit ",
    "accesskey": r"^Primary key +(\S+)$",
    "password": r"^Password +(\S+)$",
}


class Snippet(NamedTuple):
    """One fenced block."""

    language: str
    text: str


def sections(document: str) -> dict[str, list[Snippet]]:
    """The fenced blocks of a document below the repository's root, by heading of the second level, in order."""
    found, heading, fence = {}, "", None
    for line in (ROOT / document).read_text("utf-8").splitlines():
        if fence is None and line.startswith("## "):
            heading = line.removeprefix("## ")
        elif fence is None and line.startswith("```"):
            fence = Snippet(line.removeprefix("```"), "")
        elif line == "```":
            found.setdefault(heading, []).append(fence)
            fence = None
        elif fence is not None:
            fence = fence._replace(text=f"{fence.text}{line}\n")
    assert fence is None, f"{document} ends inside of a block"
    return found


class Walk:
    """A reader of one document: a folder with programs in it, and a shell whose variables last."""

    def __init__(self, folder: Path, endpoint: str, replaced: dict[str, str] | None = None):
        self._folder = folder
        self._replaced = {PRINTED_ORIGIN: endpoint, **(replaced or {})}
        self._printed = ""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment = {**kept, "PATH": f"{folder}{os.pathsep}{kept['PATH']}"}

    def filled_in(self, text: str) -> str:
        """A snippet as the reader types it: with what was printed before in place of each `…`."""
        for printed, real in self._replaced.items():
            text = text.replace(printed, real)
        gap = rf'({"|".join(PRINTED_VALUES)})([ =]"?)…'
        return re.sub(gap, lambda found: found[1] + found[2] + self.value(found[1]), text)

    def value(self, name: str) -> str:
        """A value that a command has printed."""
        values = re.findall(PRINTED_VALUES[name], self._printed, re.MULTILINE)
        assert values, f"nothing printed {name}: {self._printed}"
        return values[-1]

    def shell(self, snippet: str) -> None:
        """Runs commands and keeps the variables they set; a line with a gap waits for what those before it print."""
        for part in re.split(r"^(?=.*…)", snippet, flags=re.MULTILINE):
            text = self.filled_in(part)
            assert "…" not in text, f"nobody knows what to put here: {text}"
            variables = self._folder / "variables"
            printed = self._run(["bash", "-euo", "pipefail", "-c", f"{text}\nenv -0 > {variables}"], text)
            pairs = variables.read_text("utf-8").split("\0")
            self.environment = dict(pair.split("=", 1) for pair in pairs if pair)
            self._printed += f"{printed}\n"

    def save(self, name: str, text: str) -> Path:
        """Saves a program under a name."""
        file = self._folder / name
        file.write_text(self.filled_in(text), "utf-8")
        return file

    def start(self, file: Path, **environment) -> subprocess.Popen:
        """Starts a Python program with the shell's variables and further ones."""
        return subprocess.Popen(
            [sys.executable, str(file)], cwd=self._folder, env={**self.environment, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def run(self, file: Path) -> str:
        """Runs a Python program with the shell's variables and returns what it printed."""
        return self._run([sys.executable, str(file)], file.read_text("utf-8"))

    def _run(self, command: list[str], text: str) -> str:
        finished = subprocess.run(
            command, cwd=self._folder, env=self.environment, capture_output=True, text=True,
            timeout=DEADLINE_SECONDS, check=False,
        )
        assert finished.returncode == 0, f"{text}\n--- failed ---\n{finished.stdout}\n{finished.stderr}"
        return finished.stdout
