"""Keeping the host out of the reports: its folders become placeholders, its secrets vanish."""

from __future__ import annotations

import dataclasses
import operator
import os
import re
import tempfile
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")

_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|PRIVATE_KEY", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")
# Where a path begins (also right after an option's letter, as in -I/home/ann) and ends.
_BEFORE = r"(?:(?<![\w.+@~-])|(?<=\s-[A-Za-z]))"
_AFTER = r"(?![\w+@-]|\.\w)"
#: Shorter values of secret variables ("1", "yes") are ordinary words and not worth hiding.
_SHORTEST_SECRET = 8


class Redactor:
    """Replaces folders of the host by placeholders, and secret values by ``***``.

    The longest folder wins, so that a cache below the home folder is called the cache; a folder
    is only found as a whole path: ``/home/ann`` is not in ``/home/anna`` or ``/mnt/home/ann``.
    """

    def __init__(
        self, folders: Mapping[str, str] | None = None, secrets: Sequence[str] | None = None
    ) -> None:
        """*folders*: absolute path to placeholder. What is not given is taken from this host."""
        folders = host_folders() if folders is None else folders
        usable = {path.rstrip("/"): name for path, name in folders.items()}
        self._names = {path: name for path, name in usable.items() if path.startswith("/")}
        longest_first = sorted(self._names, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, longest_first)) or "(?!)"
        self._folders = re.compile(f"{_BEFORE}(?:{alternatives}){_AFTER}")
        secrets = host_secrets() if secrets is None else secrets
        self._secrets = sorted(set(filter(None, secrets)), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """*text* without them."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if "/" not in text:
            return text
        text = self._folders.sub(lambda found: self._names[found.group()], text)
        return _URL_PASSWORD.sub(r"\1:***@", text) if "://" in text else text

    def apply(self, value: T) -> T:
        """A copy of a result (or a whole run) with every text in it redacted."""
        return cast(T, _Copy(self).of(value))


class _Copy:
    """One redaction of a result: texts that recur are looked at once, what is clean is kept."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact
        self._texts: dict[str, str] = {}
        self._fields: dict[type, tuple[str, ...]] = {}

    def of(self, value: Any) -> Any:
        """*value* itself when there is nothing to take out of it, else a copy."""
        kind = type(value)
        if kind is str:
            return self._text(value)
        if kind is tuple:
            items = tuple([self.of(item) for item in value])
            same = all(map(operator.is_, items, value))
            return value if same else items
        names = self._fields.get(kind)
        if names is None:
            if isinstance(value, Mapping):
                return {self._text(name): self.of(item) for name, item in value.items()}
            names = self._fields[kind] = _names(kind)
        changed = {}
        for name in names:
            before = getattr(value, name)
            after = self._text(before) if type(before) is str else self.of(before)
            if after is not before:
                changed[name] = after
        return dataclasses.replace(value, **changed) if changed else value

    def _text(self, text: str) -> str:
        known = self._texts.get(text)
        if known is None:
            redacted = self._redact(text)
            known = self._texts[text] = text if redacted == text else redacted
        return text if known == text else known


def _names(kind: type) -> tuple[str, ...]:
    """The names of a dataclass's fields that can hold a text; nothing else has any."""
    if not dataclasses.is_dataclass(kind):
        return ()
    hints = typing.get_type_hints(kind)
    return tuple(f.name for f in dataclasses.fields(kind) if _holds_text(hints[f.name]))


def _holds_text(hint: object) -> bool:
    """False for numbers, truth values and words of our own."""
    parts = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    ours = (int, float, bool, types.NoneType)
    return not all(p in ours or (isinstance(p, type) and issubclass(p, Enum)) for p in parts)


def host_folders() -> dict[str, str]:
    """The folders of this host that reports should not name, with their placeholders.

    The working folder becomes ``.``, so that paths in a checkout stay usable.
    """
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    cache = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
    places = {tempfile.gettempdir(): "$TMPDIR", str(Path.cwd()): ".", home: "~", cache: "$CACHE"}
    return {os.path.realpath(path): name for path, name in places.items()} | places


def host_secrets() -> list[str]:
    """Values of environment variables that are secret by their names (tokens of CI runners)."""
    return [
        value
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST_SECRET
    ]
