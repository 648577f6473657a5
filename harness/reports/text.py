"""Text that came out of a machine, made fit for a report."""

from __future__ import annotations

import re

# ECMA-48 control sequences (CSI), operating system commands (OSC), and other two-byte escapes.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-~]"
)
# What XML 1.0 (section 2.2) forbids, and the control characters that it only discourages.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """*text* without terminal escapes and without characters that XML cannot carry.

    Line ends become ``\\n``: XML readers would change the others.
    """
    if text.isprintable():  # as most texts are
        return text
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, width: int = 300) -> str:
    """*text*, clean, on one line of at most *width* characters."""
    if len(text) <= width and text.isprintable() and "  " not in text:
        return text.strip()
    line = _SPACES.sub(" ", clean(text[: 8 * width])).strip()
    return line if len(line) <= width else line[: width - 3] + "..."


def tail(text: str, *, lines: int, size: int) -> str:
    """The end of *text*, clean: at most *lines* lines and *size* bytes of UTF-8.

    A first line says that something was cut; it counts neither as a line nor in bytes.
    """
    recent = clean(text[-2 * size :]).rstrip("\n")
    kept = "\n".join(recent.split("\n")[-lines:])
    encoded = kept.encode()
    if len(encoded) > size:
        kept = encoded[-size:].decode(errors="ignore")
        kept = kept[kept.find("\n") + 1 :]  # the first line is whole, unless it is the only one
    whole = len(text) <= 2 * size and len(kept) == len(recent)
    return kept if whole else f"[the beginning is cut]\n{kept}"


def kilobytes(size: int) -> str:
    """*size* bytes in kB (1,000 bytes), the unit in which strategies are compared."""
    return f"{size / 1000:,.0f}"


def human_bytes(size: int) -> str:
    """*size* bytes in the decimal unit that fits."""
    amount, unit = float(size), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if abs(amount) < 1000:
            break
        amount, unit = amount / 1000, bigger
    return f"{amount:,.0f} {unit}" if unit == "B" or abs(amount) >= 100 else f"{amount:.1f} {unit}"


def human_seconds(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def count(number: int, noun: str) -> str:
    """*number* and its *noun*, which takes an s in the plural."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
