"""Quoting for commands that run in a machine: the one place where words become shell text."""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def command(template: str, *values: object) -> str:
    """Fill each ``%s`` of *template* with the quoted value, as pytest-testinfra's ``run`` does.

    A list or tuple becomes several words.  Raises `TypeError` when the counts differ.
    """
    return template % tuple(_quoted(value) for value in values)


def _quoted(value: object) -> str:
    if isinstance(value, list | tuple):
        return words(value)
    return shlex.quote(str(value))


def words(values: Iterable[object]) -> str:
    """Several words, each quoted, with spaces between."""
    return " ".join(shlex.quote(str(value)) for value in values)


def write_file(path: str, text: str) -> str:
    """A command that writes *text* to *path*, whole or not at all."""
    return command("printf %%s %s > %s && mv %s %s", text, f"{path}.new", f"{path}.new", path)
