"""A binary cache's record of one store path: how large it is and what it refers to.

The fields are those that `NarInfo::NarInfo` reads in `src/libstore/nar-info.cc` of NixOS/nix; as
there, fields with other names are passed over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import Problem, SetupError

_NAME = r"[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]{1,211}"
_SIZE = r"[0-9]{1,20}"

#: A hash in base 16, 32 or 64 (with a dash: SRI), of any algorithm that Nix has.
_HASH = "|".join(
    rf"{algorithm}:[0-9a-f]{{{size * 2}}}"
    rf"|{algorithm}:[0-9a-df-np-sv-z]{{{(size * 8 - 1) // 5 + 1}}}"
    rf"|{algorithm}[:-][0-9A-Za-z+/]{{{(size * 8 - 1) // 6 + 1}}}=*"
    for algorithm, size in {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}.items()
)

#: What the value of each field must look like, and what to call it; all but `Sig` come only once.
_FIELDS = {
    name: (re.compile(pattern), what)
    for name, pattern, what in [
        ("StorePath", rf"/(?:[^/\s]+/)+{_NAME}", "a store path"),
        ("URL", r"(?!/)(?!(?:.*/)?\.\.(?:/|$))\S+", "a path inside the cache"),
        ("Compression", r"[0-9a-z-]*", "a compression"),
        ("FileHash", rf"{_HASH}|", "a hash"),
        ("FileSize", _SIZE, "a size in bytes"),
        ("NarHash", _HASH, "a hash"),
        ("NarSize", rf"(?!0+$){_SIZE}", "a size in bytes above zero"),
        ("References", rf"(?:{_NAME}(?: {_NAME})*)?", "a list of store paths' names"),
        ("Deriver", rf"(?:{_NAME}\.drv)?|unknown-deriver", "a derivation's name"),
        ("System", r"\S*", "a system"),
        ("Sig", r"[^:\s]+:[0-9A-Za-z+/]+={0,2}", "a signature (NAME:BASE64)"),
        ("CA", r"\S*", "a content address"),
    ]
}
_REQUIRED = ("StorePath", "URL", "NarHash", "NarSize")


class NarInfoError(SetupError):
    """A narinfo that Nix would not take; `problems` has every fault with its line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(
            "\n".join(str(problem) for problem in problems),
            hint="the binary cache is broken: delete this narinfo and publish the path again",
        )
        self.problems = problems


@dataclass(frozen=True)
class NarInfo:
    """One store path in a binary cache. Sizes are bytes; hashes are as the cache writes them.

    *references* and *deriver* are names without the store's folder, as in the file.  *file_hash*
    and *file_size* tell of the compressed NAR and may be absent; *nar_size* is the unpacked one.
    """

    store_path: str
    url: str
    nar_hash: str
    nar_size: int
    compression: str = "bzip2"  # what Nix assumes when nothing is said
    file_hash: str | None = None
    file_size: int | None = None
    references: tuple[str, ...] = ()
    deriver: str | None = None
    system: str | None = None
    signatures: tuple[str, ...] = ()
    content_address: str | None = None

    @property
    def digest(self) -> str:
        """The 32 characters that name this narinfo."""
        return self.store_path.rpartition("/")[2][:32]

    def __str__(self) -> str:
        fields = [
            ("StorePath", self.store_path),
            ("URL", self.url),
            ("Compression", self.compression),
            ("FileHash", self.file_hash),
            ("FileSize", self.file_size),
            ("NarHash", self.nar_hash),
            ("NarSize", self.nar_size),
            ("References", " ".join(self.references)),
            ("Deriver", self.deriver),
            ("System", self.system),
            *(("Sig", signature) for signature in self.signatures),
            ("CA", self.content_address),
        ]
        return "".join(f"{name}: {value}\n" for name, value in fields if value is not None)


def parse_narinfo(text: str, origin: str = "narinfo") -> NarInfo:
    """Read the *text* of a narinfo; *origin* (a file or URL) is what errors name.

    Raises `NarInfoError` with all that is wrong: a missing, repeated or malformed field, a line
    that is no field, a last line without its end (a file that was cut short).
    """
    fields = _Fields(text, origin)
    if fields.problems:
        raise NarInfoError(tuple(fields.problems))
    deriver = fields.get("Deriver")
    file_size = fields.get("FileSize")
    return NarInfo(
        store_path=fields.values["StorePath"],
        url=fields.values["URL"],
        nar_hash=fields.values["NarHash"],
        nar_size=int(fields.values["NarSize"]),
        compression=fields.get("Compression") or "bzip2",
        file_hash=fields.get("FileHash"),
        file_size=None if file_size is None else int(file_size),
        references=tuple(fields.values.get("References", "").split()),
        deriver=None if deriver == "unknown-deriver" else deriver,
        system=fields.get("System"),
        signatures=tuple(fields.signatures),
        content_address=fields.get("CA"),
    )


class _Fields:
    """The known fields of a narinfo, and every problem in the order of the lines."""

    def __init__(self, text: str, origin: str) -> None:
        self._origin = origin
        self._lines: dict[str, int] = {}
        self.values: dict[str, str] = {}
        self.signatures: list[str] = []
        self.problems: list[Problem] = []
        lines = text.split("\n")
        unfinished = lines.pop()
        for number, line in enumerate(lines, start=1):
            self._read(number, line)
        end = len(lines) + 1
        if unfinished:
            self._complain(end, 1, f"the file is cut short: no end of line after {unfinished!r}")
        for name in _REQUIRED:
            if name not in self._lines:
                self._complain(end, 1, f"{name} is missing")

    def get(self, name: str) -> str | None:
        """The value of an optional field; None as well when it is empty."""
        return self.values.get(name) or None

    def _complain(self, line: int, column: int, message: str) -> None:
        self.problems.append(Problem(self._origin, line, column, message))

    def _read(self, number: int, line: str) -> None:
        name, colon, value = line.partition(": ")
        if not colon:
            self._complain(number, 1, f"not of the form `Name: value`: {line!r}")
            return
        if name not in _FIELDS:
            return
        pattern, what = _FIELDS[name]
        if name in self._lines and name != "Sig":
            self._complain(number, 1, f"{name} was given on line {self._lines[name]} already")
        elif not pattern.fullmatch(value):
            self._complain(number, len(name) + 3, f"{value!r} is not {what}")
        elif name == "Sig":
            self.signatures.append(value)
        else:
            self.values[name] = value
        self._lines.setdefault(name, number)
