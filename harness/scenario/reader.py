"""From a scenario's YAML to a `Scenario`: every key, its type, its bounds and its default."""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from harness.errors import Problem
from harness.machines.base import MachineSize
from harness.scenario.claims import (
    check_coverage,
    check_exclusions,
    read_claims,
    read_exclusions,
)
from harness.scenario.document import Sheet, read_document
from harness.scenario.fields import (
    boolean,
    entries,
    integer,
    items,
    name_fault,
    named_entries,
    text,
    word,
    words,
)
from harness.scenario.flags import SUBSTITUTION_OFF, FlagError, split_flags
from harness.scenario.folder import display, file_named, survey, unused
from harness.scenario.model import (
    Caches,
    Command,
    Edit,
    Matrix,
    NetworkMode,
    Provision,
    Scenario,
    SystemName,
)

SCENARIO_FILE = "scenario.yaml"
#: The version of the format that this module reads.
VERSION = 1
#: A full matrix of everything shipped has about a thousand cells.
MAX_CELLS = 20_000

_REQUIRED = ("version", "title", "system", "edits", "strategies", "claims")
_OPTIONAL = (
    *("description", "machine", "patience", "base", "ifd"),
    *("provisions", "caches", "network", "commands", "flags", "exclude"),
)
_BOOT_LOADER = "boot-loader"
#: Bounds of the machine's size: memory and disk in MiB.
_MACHINE = {"memory": (256, 262_144), "cores": (1, 64), "disk": (1024, 1_048_576)}
_PATIENCE = (1, 86_400)
_DEFAULT_PATIENCE = 600

#: Stands in for a matrix with faults.
_EMPTY = Matrix((), (), (), (), (), (), (), ())

Nodes = Mapping[str, yaml.Node]


def read_scenario(
    folder: Path, known_strategies: Collection[str]
) -> tuple[Scenario | None, list[Problem]]:
    """The scenario in *folder*, or all the reasons why it cannot be had."""
    path = folder / SCENARIO_FILE
    sheet = Sheet(display(path))
    root = read_document(path, sheet)
    if root is None:
        return None, sheet.problems
    if fault := name_fault(folder.name):
        sheet.complain_at(1, 1, f"the folder's name: {fault}")
    scenario = _scenario(sheet, root, folder, known_strategies)
    problems = sorted(sheet.problems, key=lambda problem: (problem.line, problem.column))
    contents = survey(folder, problems)
    if scenario is None or problems:
        return None, problems
    used = [path for edit in scenario.edits for path in (edit.file, edit.check, edit.rehearse)]
    warnings = unused(folder, contents, [path for path in used if path])
    return (
        replace(scenario, files=contents.files, digest=contents.digest, warnings=tuple(warnings)),
        [],
    )


def _scenario(
    sheet: Sheet, root: yaml.Node, folder: Path, known_strategies: Collection[str]
) -> Scenario | None:
    nodes = entries(sheet, root, "a scenario", required=_REQUIRED, optional=_OPTIONAL)
    _version(sheet, nodes)
    edits = _edits(sheet, nodes, folder)
    matrix = _matrix(sheet, nodes, edits, known_strategies)
    scenario = Scenario(
        name=folder.name,
        folder=folder,
        file=sheet.file,
        title=_text(sheet, nodes, "title"),
        description=_text(sheet, nodes, "description", lines=True),
        machine=_machine(sheet, nodes, matrix),
        patience=_patience(sheet, nodes),
        base=_base(sheet, nodes, root, folder) or folder,
        ifd=bool("ifd" in nodes and boolean(sheet, nodes["ifd"], "'ifd'")),
        edits=edits,
        matrix=matrix or _EMPTY,
        claims=(),
        files=(),
        digest="",
    )
    return _with_claims(sheet, nodes, scenario) if matrix else None


def _with_claims(sheet: Sheet, nodes: Nodes, scenario: Scenario) -> Scenario:
    """The scenario with exclusions and claims, which speak of the matrix; all of it coherent."""
    matrix = scenario.matrix
    if "exclude" in nodes:
        matrix = replace(matrix, exclusions=read_exclusions(sheet, nodes["exclude"], matrix))
    claims = read_claims(sheet, nodes["claims"], matrix) if "claims" in nodes else ()
    if not sheet.problems and "exclude" in nodes:
        check_exclusions(sheet, nodes["exclude"], scenario.name, matrix)
    if not sheet.problems:
        check_coverage(sheet, nodes["claims"], scenario.name, matrix, claims)
    return replace(scenario, matrix=matrix, claims=claims)


def _text(sheet: Sheet, nodes: Nodes, key: str, *, lines: bool = False) -> str:
    return (text(sheet, nodes[key], repr(key), lines=lines) or "") if key in nodes else ""


def _version(sheet: Sheet, nodes: Nodes) -> None:
    if "version" in nodes:
        version = integer(sheet, nodes["version"], "'version'", 0, 999_999)
        if version not in {None, VERSION}:
            message = f"version {version} of the format is not known (allowed: {VERSION})"
            sheet.complain(nodes["version"], message)


def _base(sheet: Sheet, nodes: Nodes, root: yaml.Node, folder: Path) -> Path | None:
    if "base" in nodes:
        return file_named(sheet, nodes["base"], "'base'", folder, ".nix")
    default = yaml.ScalarNode("tag:yaml.org,2002:str", "base.nix", root.start_mark, style='"')
    return file_named(sheet, default, "'base'", folder, ".nix")


def _machine(sheet: Sheet, nodes: Nodes, matrix: Matrix | None) -> MachineSize:
    if "machine" not in nodes:
        return MachineSize()
    fields = entries(sheet, nodes["machine"], "'machine'", optional=[*_MACHINE, _BOOT_LOADER])
    size = MachineSize()
    if _BOOT_LOADER in fields:
        node = fields.pop(_BOOT_LOADER)
        size = replace(size, boot_loader=bool(boolean(sheet, node, repr(_BOOT_LOADER))))
        if size.boot_loader and matrix and set(matrix.system) != {SystemName.NIXOS}:
            sheet.complain(node, f"{_BOOT_LOADER!r}: only a machine of nixos can have one")
    for key, value in fields.items():
        number = integer(sheet, value, repr(key), *_MACHINE[key])
        if number is not None:
            size = replace(size, **{key: number})  # type: ignore[arg-type]
    return size


def _patience(sheet: Sheet, nodes: Nodes) -> int:
    if "patience" not in nodes:
        return _DEFAULT_PATIENCE
    return integer(sheet, nodes["patience"], "'patience'", *_PATIENCE) or _DEFAULT_PATIENCE


def _edits(sheet: Sheet, nodes: Nodes, folder: Path) -> tuple[Edit, ...]:
    if "edits" not in nodes:
        return ()
    found = named_entries(sheet, nodes["edits"], "'edits'")
    edits = tuple(_edit(sheet, name, line, node, folder) for name, (line, node) in found.items())
    if not nodes["edits"].value:
        sheet.complain(nodes["edits"], "'edits' is empty: nothing would run")
    elif edits and all(edit.changes_nothing for edit in edits):
        message = "no edit changes anything, so no control can show that the network is needed"
        sheet.complain(nodes["edits"], message)
    if "all" in found:
        sheet.complain(nodes["edits"], "'all' means every edit in a claim: choose another name")
    return edits


def _edit(sheet: Sheet, name: str, line: int, node: yaml.Node, folder: Path) -> Edit:
    what = f"edit {name!r}"
    keys = ("changes", "check", "rehearse")
    fields = entries(sheet, node, what, required=("title", "file"), optional=keys)
    paths = {
        key: file_named(sheet, fields[key], f"{key!r} of {what}", folder, suffix)
        for key, suffix in (("file", ".nix"), ("check", ".py"), ("rehearse", ".nix"))
        if key in fields
    }
    nothing = "changes" in fields and word(
        sheet, fields["changes"], f"'changes' of {what}", ["nothing"]
    )
    if paths.get("rehearse") and paths["rehearse"] == paths.get("file"):
        message = f"{what} rehearses itself: a rehearsal must be another edit of the same kind"
        sheet.complain(fields["rehearse"], message)
    return Edit(
        name=name,
        title=_text(sheet, fields, "title"),
        file=paths.get("file") or folder,
        changes_nothing=bool(nothing),
        check=paths.get("check"),
        rehearse=paths.get("rehearse"),
        line=line,
    )


def _choices(
    sheet: Sheet, nodes: Nodes, dimension: str, kinds: type[enum.StrEnum], default: str = ""
) -> tuple[str, ...]:
    if dimension not in nodes:
        return (default,) if default else ()
    return words(sheet, nodes[dimension], f"value of {dimension!r}", [*map(str, kinds)])


def _matrix(
    sheet: Sheet, nodes: Nodes, edits: tuple[Edit, ...], known_strategies: Collection[str]
) -> Matrix | None:
    """The matrix, or None when a dimension of it has no valid value or when it is too large."""
    found = {
        "system": _choices(sheet, nodes, "system", SystemName),
        "provisions": _choices(sheet, nodes, "provisions", Provision, Provision.CACHED_PACKAGES),
        "strategies": ()
        if "strategies" not in nodes
        else words(sheet, nodes["strategies"], "strategy", known_strategies),
        "caches": _choices(sheet, nodes, "caches", Caches, Caches.KEPT),
        "network": _choices(sheet, nodes, "network", NetworkMode, NetworkMode.DOWN),
        "commands": _choices(sheet, nodes, "commands", Command, Command.NIX_BUILD),
        "flags": _flags(sheet, nodes),
        "edits": tuple(edit.name for edit in edits),
    }
    size = math.prod(map(len, found.values()))
    if size > MAX_CELLS:
        message = f"the matrix has {size} cells, more than {MAX_CELLS}"
        sheet.complain(nodes["edits"], message)
    if not 0 < size <= MAX_CELLS:
        return None
    return Matrix(
        system=tuple(map(SystemName, found["system"])),
        provisions=tuple(map(Provision, found["provisions"])),
        strategies=found["strategies"],
        caches=tuple(map(Caches, found["caches"])),
        network=tuple(map(NetworkMode, found["network"])),
        commands=tuple(map(Command, found["commands"])),
        flags=found["flags"],
        edits=found["edits"],
    )


def _flags(sheet: Sheet, nodes: Nodes) -> tuple[str, ...]:
    if "flags" not in nodes:
        return (SUBSTITUTION_OFF,)
    found: dict[str, None] = {}
    for node in items(sheet, nodes["flags"], "'flags'"):
        flags = node.value
        if not isinstance(flags, str):
            sheet.complain(node, "'flags' must be text, one command line's worth")
        elif flags in found:
            sheet.complain(node, f"'flags': {flags!r} is listed twice")
        else:
            try:
                split_flags(flags)
                found[flags] = None
            except FlagError as error:
                sheet.complain(node, f"'flags': {error}")
    return tuple(found)
