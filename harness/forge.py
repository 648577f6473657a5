"""The forge that runs this job: GitHub, Gitea or Forgejo, known by the environment alone.

All three take workflow commands on standard output and files named by environment variables
(GitHub Docs, "Workflow commands for GitHub Actions"); the other two have names of their own beside
GitHub's.  Failing to write such a file never changes a verdict: it is told, and that is all.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError

_PREFIXES = ("FORGEJO", "GITEA", "GITHUB")
#: GitHub drops the whole summary of a step that is larger.
SUMMARY_LIMIT = 1024 * 1024


class ForgeFileError(HarnessError):
    """A file of the runner's cannot be written."""


@dataclass(frozen=True)
class Forge:
    """What the runner offers; a path is None where it offers none."""

    active: bool  # whether a forge reads our output
    summary: Path | None
    output: Path | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Forge:
        """The forge of *environment*, which is `os.environ` but for tests."""
        active = any(environment.get(f"{prefix}_ACTIONS") == "true" for prefix in _PREFIXES)
        return cls(active, _file(environment, "STEP_SUMMARY"), output=_file(environment, "OUTPUT"))

    def summary_budget(self) -> int:
        """How many bytes the job's summary page has left; 0 when there is none."""
        if self.summary is None:
            return 0
        try:
            used = self.summary.stat().st_size
        except OSError:
            used = 0  # it does not exist yet; if it is out of reach, writing will tell
        return max(0, SUMMARY_LIMIT - used)

    def add_summary(self, markdown: str) -> None:
        """Append to the job's summary page.  Raises `ForgeFileError`."""
        if self.summary is None:
            raise ForgeFileError(
                "there is no job summary to write to", hint="is GITHUB_STEP_SUMMARY set?"
            )
        _append(self.summary, markdown)

    def set_output(self, name: str, value: str) -> None:
        """Give a later step *value*, of any characters.  Raises `ForgeFileError`."""
        if self.output is None:
            raise ForgeFileError(f"there is no place for {name}", hint="is GITHUB_OUTPUT set?")
        # A delimiter that the value cannot have guessed: it cannot end early and set another name.
        end = f"end-{secrets.token_hex(16)}"
        _append(self.output, f"{name}<<{end}\n{value}\n{end}\n")


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    words = (environment.get(f"{prefix}_{name}") for prefix in _PREFIXES)
    return next((Path(word) for word in words if word), None)


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise ForgeFileError(f"cannot write {path}: {error.strerror}") from error
