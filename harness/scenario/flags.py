"""The flags that a scenario may give to an offline rebuild: an allowlist of exact words.

They end up on a command line in the machine, so nothing else gets through: neither another
option, nor a character that a shell could take for its own.  The options are those of the Nix
manual's nix.conf chapter that decide whether and how Nix asks a substituter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.scenario.wording import shown, unknown

#: The flag that states what every shipped matrix uses: ask no substituter at all.
SUBSTITUTION_OFF = "--option substitute false"

_TRUTH = re.compile(r"true|false")
_COUNT = re.compile(r"0|[1-9][0-9]{0,5}")
_EMPTY = re.compile(r'""')

_WORDS = ("--offline", "--fallback")
_OPTIONS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "substitute": (_TRUTH, "true or false"),
    "fallback": (_TRUTH, "true or false"),
    "substituters": (_EMPTY, '""'),
    "extra-substituters": (_EMPTY, '""'),
    "binary-caches": (_EMPTY, '""'),  # the name of `substituters` before Nix 2.0
    "connect-timeout": (_COUNT, "a number of seconds"),
    "stalled-download-timeout": (_COUNT, "a number of seconds"),
    "download-attempts": (_COUNT, "a count"),
    "http-connections": (_COUNT, "a count"),
    "narinfo-cache-negative-ttl": (_COUNT, "a number of seconds"),
    "narinfo-cache-positive-ttl": (_COUNT, "a number of seconds"),
    "tarball-ttl": (_COUNT, "a number of seconds"),
}


class FlagError(ValueError):
    """The flags are none that a scenario may use; the message says which word and why."""


def split_flags(flags: str) -> tuple[str, ...]:
    """The words of one command line's worth of flags; `""` in them stands for an empty word.

    Raises `FlagError` for everything that is not in the allowlist.
    """
    found: list[str] = []
    words = iter(flags.split(" ") if flags else ())
    for word in words:
        if word == "--option":
            found += ["--option", *_option(next(words, ""), next(words, ""))]
        elif word in _WORDS:
            found.append(word)
        else:
            raise FlagError(unknown("flag", word, (*_WORDS, "--option NAME VALUE")))
    return tuple(found)


def _option(name: str, value: str) -> tuple[str, str]:
    if name not in _OPTIONS:
        raise FlagError(unknown("option", name, _OPTIONS))
    pattern, meaning = _OPTIONS[name]
    if not pattern.fullmatch(value):
        raise FlagError(f"the option {name} takes {meaning}, not {shown(value)}")
    return name, value.replace('""', "")
