"""Evaluate a machine's configuration and edits of it, and learn what the evaluation itself needs.

Everything is evaluated into a *private* store (``--eval-store``, Nix 2.4 and later), which starts
empty: whatever is in it afterwards, the evaluation put there.  That is

- the .drv files of all configurations;
- outputs that were imported (import from derivation).  Nix copies them there because it reads
  them there (``EvalState::realiseContext``); Nix 2.8 even builds them there;
- sources: local ones, which the next evaluation adds again from the disk, and fetched ones (flake
  inputs, ``fetchTarball``), which it cannot add again without a network.

So nothing depends on what the machine's own store happened to hold, and that store is not touched.
Two kinds of sources look alike; `Evaluator.prove` therefore evaluates once more, from a store that
holds but what would be kept, with empty caches and every download refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ExitCode, HarnessError, UsageError
from harness.nix.command import nix
from harness.nix.database import read_database
from harness.nix.graph import DerivationGraph, ReadDerivation, load_graph, store_reader
from harness.process import ProcessError
from harness.systems.base import nix_string

#: Nothing listens there (the "discard" port of this host), so every download fails at once.
_NOWHERE = "http://127.0.0.1:9"
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY")
#: The machine's own store, for paths that the configuration names by ``builtins.storePath``.
_OWN_STORE = "auto?trusted=true"


class EvaluationError(HarnessError):
    """A configuration does not evaluate, or not in the way that was asked for."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Configuration:
    """A configuration of ``<nixpkgs/nixos>``: *file* (None: ``<nixos-config>``), ``-I`` entries."""

    file: Path | None
    search: tuple[str, ...] = ()

    def base(self) -> list[str]:
        """The command that prints base's .drv path as JSON, and writes it."""
        return self.all([], key="base")

    def all(self, edits: Sequence[Path], key: str = "all") -> list[str]:
        """The command for base and each edit: a JSON list of .drv paths."""
        main = nix_path_literal(self.file) if self.file else "<nixos-config>"
        modules = " ".join(nix_path_literal(edit) for edit in edits)
        text = (
            "let at = modules: (import <nixpkgs/nixos> { configuration = { imports = ["
            f" {main} ] ++ modules; }}; }}).system.drvPath;"
            f" base = at [ ]; all = [ base ] ++ map (edit: at [ edit ]) [ {modules} ]; in {key}"
        )
        search = [word for entry in self.search for word in ("-I", entry)]
        # Without --read-write-mode, --eval writes no .drv files (nix-instantiate(1)).
        mode = ["--eval", "--strict", "--json", "--read-write-mode"]
        return ["nix-instantiate", *mode, *search, "--expr", text]


@dataclass(frozen=True)
class FlakeHost:
    """A host of a flake: *flake* and its *attribute* below ``nixosConfigurations``."""

    flake: str
    attribute: str

    @classmethod
    def parse(cls, reference: str) -> FlakeHost:
        """``FLAKE#laptop`` (as nixos-rebuild takes it) or ``FLAKE#nixosConfigurations.laptop``."""
        flake, _, attribute = reference.partition("#")
        prefix = "nixosConfigurations."
        attribute = attribute.removeprefix(prefix)
        if not attribute:
            raise UsageError(f"{reference} names no host", hint="for instance .#laptop")
        return cls(flake or ".", prefix + attribute)

    def base(self) -> list[str]:
        """As the flake itself is evaluated: pure."""
        return self._eval([], "host: host.config.system.build.toplevel.drvPath")

    def all(self, edits: Sequence[Path]) -> list[str]:
        """Base and each edit; impure, since the edits are files outside the flake."""
        modules = " ".join(nix_path_literal(edit) for edit in edits)
        function = (
            "host: let top = one: one.config.system.build.toplevel.drvPath; in [ (top host) ]"
            f" ++ map (edit: top (host.extendModules {{ modules = [ edit ]; }})) [ {modules} ]"
        )
        return self._eval(["--impure"], function)

    def _eval(self, mode: Sequence[str], function: str) -> list[str]:
        # A cached evaluation would tell the path of a .drv without writing the file.
        options = ["--option", "eval-cache", "false", "--no-write-lock-file"]
        place = f"{self.flake}#{self.attribute}"
        features = ["--extra-experimental-features", "nix-command flakes"]
        return ["nix", *features, "eval", "--json", *mode, *options, place, "--apply", function]


Target = Configuration | FlakeHost


@dataclass(frozen=True)
class Evaluated:
    """What evaluating base and the rehearsed configurations told.

    *imported* are the derivations whose outputs the evaluations read (*imported_by_base*: that of
    base alone).  *fetched* are sources that no derivation uses, such as flake inputs; *sources*
    are all others, local ones among them.  *sizes* are NAR sizes in bytes.
    """

    base: str
    following: tuple[str, ...]
    imported_by_base: tuple[str, ...]
    imported: tuple[str, ...]
    fetched: tuple[str, ...]
    sources: tuple[str, ...]
    sizes: Mapping[str, int]
    store: PrivateStore


class PrivateStore:
    """A store below *root* that is only evaluated into."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True)
        self.root = root
        #: It need not trust what it copies: everything comes from the machine's own store.
        self.url = f"local?root={root}&require-sigs=false"

    @property
    def read(self) -> ReadDerivation:
        """Reads its .drv files by their store paths."""
        return store_reader(self.root / "nix/store")

    def sizes(self) -> Mapping[str, int]:
        """Its valid paths, with NAR sizes in bytes (0 where it is not known)."""
        known = read_database(self.root / "nix/var/nix")
        return {path: known.nar_sizes.get(path, 0) for path in known.paths}


class Evaluator:
    """Evaluates one target in *scratch*, an empty folder; *building* allows IFD to build."""

    def __init__(self, target: Target, scratch: Path, *, building: bool) -> None:
        self.target = target
        self.scratch = scratch
        self.building = building

    def evaluate(self, edits: Sequence[Path]) -> Evaluated:
        """Base and each of the *edits*. Raises `EvaluationError`."""
        store = PrivateStore(self.scratch / "evaluated")
        base = self._drvs(self.target.base(), store)[0]
        by_base = _contents(store)
        again, *following = self._drvs(self.target.all(edits), store)
        if again != base:
            raise EvaluationError(
                "the flake evaluates to another system when it may look at its surroundings "
                f"({again} instead of {base})",
                hint="rehearse the system with `--configuration FILE`, or make the flake pure",
            )
        found = _contents(store)
        return Evaluated(
            base=base,
            following=tuple(following),
            imported_by_base=by_base.imported,
            imported=found.imported,
            fetched=found.fetched,
            sources=found.sources,
            sizes=store.sizes(),
            store=store,
        )

    def prove(self, edits: Sequence[Path], kept: Iterable[str], known: Evaluated) -> str:
        """Evaluate again with nothing but *kept* and without downloads.

        Returns "" when that gives the same derivations as are *known*, else what went wrong.
        """
        name = f"proof-{len(list(self.scratch.iterdir()))}"
        store = PrivateStore(self.scratch / name)
        copy(kept, known.store.url, store.url)
        quiet = dict.fromkeys(_PROXIES, _NOWHERE)
        quiet |= {"no_proxy": "", "NO_PROXY": ""}
        quiet |= {"GIT_SSH_COMMAND": "false", "XDG_CACHE_HOME": str(self.scratch / f"{name}-cache")}
        options = ["--option", "substitute", "false", "--option", "download-attempts", "1"]
        try:
            printed = nix([*self.target.all(edits), *self._in(store), *options], quiet)
        except ProcessError as error:
            return last_error(error.completed.stderr)
        same = _paths(printed) == [known.base, *known.following]
        return "" if same else "it evaluates to another system"

    def _drvs(self, command: Sequence[str], store: PrivateStore) -> list[str]:
        own = ["--option", "extra-substituters", _OWN_STORE]
        if not self.building:
            # What is valid here may be read; nothing is built, and no cache is asked.
            own = ["--option", "substituters", _OWN_STORE, "--option", "substitute", "true"]
            own += ["--option", "max-jobs", "0", "--option", "builders", ""]
        try:
            return _paths(nix([*command, *self._in(store), *own]))
        except ProcessError as error:
            said = error.completed.stderr
            raise EvaluationError(
                f"the configuration does not evaluate: {last_error(said)}",
                hint=_hint(said, building=self.building),
            ) from error

    def _in(self, store: PrivateStore) -> list[str]:
        return ["--eval-store", store.url]


def copy(paths: Iterable[str], source: str, target: str, *options: str) -> None:
    """Copy store paths with what they refer to from one store to another (``nix copy``)."""
    listed = list(paths)
    if listed:
        command = ["nix", "--extra-experimental-features", "nix-command", "copy", *options]
        nix([*command, "--no-check-sigs", "--from", source, "--to", target, *listed])


def nix_path_literal(path: Path) -> str:
    """A path expression for any file name (the path syntax itself has no spaces)."""
    return f"(/. + {nix_string(str(path.absolute()))})"


def last_error(stderr: str) -> str:
    """The line of Nix's output that says most about a failure."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:") and line != "error:"]
    return next(iter([*errors[::-1], *lines[::-1]]), "no message").removeprefix("error: ")


def _hint(stderr: str, *, building: bool) -> str:
    if not building and "nable to start any build" in stderr:
        return (
            "it imports from a derivation that is not built: what that needs cannot be told by a "
            "dry run; leave --dry-run out, or build the system first"
        )
    if "eval-store" in stderr:
        return "Nix 2.4 or later is needed"
    return "`nixos-rebuild dry-build` or `nix eval` with the same files shows all of the error"


def _paths(printed: str) -> list[str]:
    found = json.loads(printed)
    return [found] if isinstance(found, str) else list(found)


@dataclass(frozen=True)
class _Contents:
    imported: tuple[str, ...]
    fetched: tuple[str, ...]
    sources: tuple[str, ...]


def _contents(store: PrivateStore) -> _Contents:
    valid = store.sizes()
    graph = load_graph((path for path in sorted(valid) if path.endswith(".drv")), store.read)
    made = _made(graph)
    used = {source for sources in graph.sources for source in sources}
    plain = [path for path in sorted(valid) if path not in made and not path.endswith(".drv")]
    imported = sorted({made[path] for path in valid if path in made})
    return _Contents(
        imported=tuple(graph.derivations[node] for node in imported),
        fetched=tuple(path for path in plain if path not in used),
        sources=tuple(path for path in plain if path in used),
    )


def _made(graph: DerivationGraph) -> dict[str, int]:
    """Each output's derivation."""
    return {key: node for node, keys in enumerate(graph.outputs) for key in keys.values()}
