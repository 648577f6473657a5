"""How a message names a word that is not known, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def shown(word: str) -> str:
    """A word that somebody wrote, quoted, without control characters, and short."""
    return repr(word if len(word) <= 60 else word[:57] + "...")


def unknown(what: str, word: str, allowed: Collection[str]) -> str:
    """A message that names the word, its nearest match and all that is allowed."""
    close = difflib.get_close_matches(word, list(allowed), n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    choices = ", ".join(choice or '""' for choice in allowed)
    return f"unknown {what} {shown(word)}; {meant}(allowed: {choices})"
