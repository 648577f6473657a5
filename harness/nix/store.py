"""Nix inside a machine: the one module that knows its commands and their differences by version.

Only commands that behave alike from Nix 2.8 on are used where there is a choice; see the table
"Commands that differ by version" in the project's notes on semantics, repeated here in `_FORMS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.errors import MachineError
from harness.machines.base import Machine
from harness.machines.shell import command, words

GC_ROOTS = "/nix/var/nix/gcroots/harness"
SYSTEM_PROFILE = "/nix/var/nix/profiles/system"
#: Settings that a strategy needs; nix.conf ends with ``!include`` of this file.
SETTINGS_FILE = "/etc/nix/harness.conf"

#: Store paths on one command line, which 128 KiB would hold a thousand of.
_AT_ONCE = 200
_STORE_PATH = re.compile(r"/nix/store/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+\-._?=]+")


@dataclass(frozen=True)
class Registration:
    """A valid path as the database has it: NAR size in bytes, deriver ("": none), references."""

    size: int
    deriver: str
    references: tuple[str, ...]


class Store:
    """Commands of Nix in one machine. Methods raise `MachineError` when a command must work."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    # Facts

    def version(self) -> str:
        """Nix's version, such as ``2.26.3``."""
        text = self.machine.succeed("nix --version")
        found = re.search(r"\d+\.\d+(\.\d+)?\S*", text)
        if found is None:
            raise MachineError(f"`nix --version` printed no version: {text!r}")
        return found.group()

    def setting(self, name: str) -> str:
        """The value in force, as the collector and the builder will see it."""
        # `nix config show` is `nix show-config` up to 2.19; the old name is an alias since.
        shown = self.machine.succeed("nix show-config 2>/dev/null || nix config show")
        for line in shown.splitlines():
            key, _, value = line.partition(" = ")
            if key == name:
                return value.strip()
        raise MachineError(f"this Nix has no setting called {name}")

    def registrations(self) -> dict[str, Registration]:
        """What the database knows of every valid path, by path."""
        return parse_registrations(self.machine.succeed("nix-store --dump-db"))

    def size(self) -> int:
        """The sum of the NAR sizes of all valid paths, in bytes."""
        return sum(known.size for known in self.registrations().values())

    def is_valid(self, path: str) -> bool:
        """Whether *path* is registered in the store and there on the disk."""
        check = command("nix-store --check-validity %s && test -e %s", path, path)
        return self.machine.execute(check).status == 0

    def deriver(self, path: str) -> str:
        """The .drv that *path* was built from, as far as the database knows; "" when it does not.

        It is not there any more, or another one, where the path was substituted (NixOS/nix#2712).
        """
        printed = self.machine.succeed(command("nix-store -q --deriver %s", path)).strip()
        return printed if printed.startswith("/") else ""

    def closure(self, path: str, *, outputs: bool = False) -> list[str]:
        """What *path* refers to, transitively; of a .drv with *outputs*, those that exist too."""
        option = "--include-outputs " if outputs else ""
        return self.machine.succeed(command(f"nix-store -qR {option}%s", path)).split()

    def valid(self, paths: Sequence[str]) -> list[str]:
        """Those of *paths* that are valid."""
        check = " | xargs -r nix-store --check-validity --print-invalid"
        invalid = set(self.machine.succeed(f"printf '%s\\n' {words(paths)}{check}").split())
        return [path for path in paths if path not in invalid]

    def derivations(self, drv: str) -> dict[str, str]:
        """The text of every .drv file in *drv*'s build closure, inputs before their users."""
        return self._texts(command("nix-store -qR %s | grep '\\.drv$'", drv))

    def all_derivations(self) -> dict[str, str]:
        """The text of every .drv file in the store."""
        return self._texts("find /nix/store -maxdepth 1 -name '*.drv'")

    def derivations_since(self, file: str) -> dict[str, str]:
        """The text of every .drv file written after *file* was touched, in the machine."""
        # Nix sets the modification time of every store path to 1; the change time stays true, in
        # seconds, so some that were there before may come along.
        return self._texts(
            "find /nix/store -maxdepth 1 -name '*.drv' | xargs -r stat -c '%Z %n'"
            + command(" | awk -v since=$(stat -c %%Z %s) '$1 >= since {print $2}'", file)
        )

    def _texts(self, listing: str) -> dict[str, str]:
        # A .drv file is one line (ATerm escapes line ends), without a line end of its own.
        printed = self.machine.succeed(f"{listing} | xargs -r awk '{{print FILENAME \"\\t\" $0}}'")
        lines = (line.partition("\t") for line in printed.split("\n") if line)
        return {path: text for path, _, text in lines}

    def rooted(self, name: str) -> list[str]:
        """The store paths behind the roots that `root` made under *name*, dangling ones too."""
        link = f"{GC_ROOTS}/{name}"
        listed = command("for l in %s %s-*; do", link, link)
        return self.machine.succeed(
            listed + ' if test -L "$l"; then readlink "$l"; fi; done'
        ).split()

    # Changes

    def configure(self, settings: Iterable[tuple[str, str]]) -> None:
        """Put *settings* in force from now on, in place of those set here before."""
        text = "".join(f"{name} = {value}\n" for name, value in settings)
        self.machine.succeed(command("printf %%s %s > %s", text, SETTINGS_FILE))

    def instantiate(self, expression: Sequence[str]) -> str:
        """The .drv path of *expression* (words for ``nix-instantiate``)."""
        printed = self.machine.succeed(f"nix-instantiate {words(expression)}")
        return printed.strip().split("!")[0]

    def realise(self, targets: Sequence[str]) -> None:
        """Build or fetch paths, derivations, or single outputs of them (``DRV!OUTPUT``)."""
        self.machine.succeed(
            f"printf '%s\\n' {words(targets)} | xargs nix-store --realise > /dev/null"
        )

    def realise_inputs(self, drv: str) -> None:
        """Realise every output of every derivation in *drv*'s build closure (all of them)."""
        self.machine.succeed(
            command("nix-store -qR %s | grep '\\.drv$' | xargs nix-store --realise", drv)
            + " > /dev/null"
        )

    def root(self, name: str, paths: Sequence[str]) -> None:
        """Realise *paths* and make each a GC root. Raises when one is not there afterwards.

        The second and later paths get links called NAME-2, NAME-3, ... (nix-store(1)); a command
        line does not hold them all, and each that `xargs` makes would begin with NAME again.
        """
        wanted = list(dict.fromkeys(paths))
        for start in range(0, len(wanted), _AT_ONCE):
            link = f"{GC_ROOTS}/{name}{f'-from-{start}' if start else ''}"
            some = words(wanted[start : start + _AT_ONCE])
            add = command("nix-store --add-root %s --realise", link)
            self.machine.succeed(f"mkdir -p {GC_ROOTS} && {add} {some} > /dev/null")
        # The collector skips a dangling root with no more than a message.
        rooted = self.rooted(name)
        valid = self.valid(rooted)
        if len(rooted) < len(wanted) or len(valid) < len(rooted):
            raise MachineError(
                f"of {len(wanted)} paths {len(rooted)} became GC roots {name}, {len(valid)} valid"
            )

    def root_derivation(self, name: str, drv: str) -> None:
        """Make a .drv file itself (not its outputs) a GC root."""
        link = f"{GC_ROOTS}/{name}"
        self.machine.succeed(command("mkdir -p %s && ln -sfn %s %s", GC_ROOTS, drv, link))

    def set_profile(self, path: str, profile: str = SYSTEM_PROFILE) -> None:
        """Make *path* the next generation of *profile* (``nix-env --set``)."""
        self.machine.succeed(command("nix-env -p %s --set %s", profile, path))

    def collect_garbage(self, *options: str) -> str:
        """``nix-collect-garbage -d``: old generations and all that nothing keeps. Its output."""
        return self.machine.succeed(f"nix-collect-garbage -d {words(options)} 2>&1")

    def export(self, paths: Sequence[str], file: str) -> None:
        """Write the whole closure *paths* as one file (``nix-store --export``)."""
        listing = f"{file}.paths"
        self.machine.succeed(command("printf '%%s\\n' %s > %s", list(paths), listing))
        # One command for all: what a second one wrote would come after the end of the bundle.
        self.machine.succeed(command("nix-store --export $(< %s) > %s", listing, file))

    def import_file(self, file: str) -> list[str]:
        """Import what `export` wrote; root may import unsigned paths. The imported paths."""
        return self.machine.succeed(command("nix-store --import < %s", file)).split()

    def copy_to(self, url: str, paths: Sequence[str], *, recipes: bool = False) -> None:
        """``nix copy`` to a binary cache; with *recipes* the .drv files themselves."""
        option = "--derivation " if recipes else ""
        self.machine.succeed(
            f"printf '%s\\n' {words(paths)}"
            + command(f" | xargs nix copy {option}--to %s", url)
            + " 2>&1"
        )


def parse_registrations(text: str) -> dict[str, Registration]:
    """Read ``nix-store --dump-db``: path, hash, size, deriver, number of references, references.

    The text is the same in all versions.  Raises `MachineError` when it is something else.
    """
    lines = iter(text.splitlines())
    found = {}
    try:
        for path in lines:
            _hash, size, deriver, count = (next(lines) for _ in range(4))
            references = tuple(next(lines) for _ in range(int(count)))
            found[path] = Registration(int(size), deriver, references)
    except (StopIteration, ValueError, RuntimeError) as error:
        raise MachineError("`nix-store --dump-db` printed something unexpected") from error
    return found


def built_names(log: str) -> tuple[str, ...]:
    """The derivations that a rebuild's standard error says it built, by name, in order."""
    names = (name_of(drv).removesuffix(".drv") for drv in built_derivations(log))
    return tuple(dict.fromkeys(names))


def built_derivations(log: str) -> tuple[str, ...]:
    """The .drv paths of what a rebuild's standard error says it built, in order."""
    found = re.findall(r"^building '(/nix/store/[^']+\.drv)'", log, re.MULTILINE)
    return tuple(dict.fromkeys(found))


def store_paths(text: str) -> list[str]:
    """Every store path that *text* mentions, in order, once each."""
    return list(dict.fromkeys(_STORE_PATH.findall(text)))


def name_of(path: str) -> str:
    """The name part of a store path: what follows the hash."""
    return path.rsplit("/", 1)[-1][33:]
