"""From arguments to scenarios and a plan: what several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import UsageError
from harness.plan import Plan, plan
from harness.scenario import DIMENSIONS, Scenario, Selection, find, load_scenarios
from harness.strategies import registry
from harness.systems.pocket.system import SHIPPED

#: What each tier can run.
_SYSTEMS = {"embedded": ("pocket",), "nixos": ("nixos",), "any": ()}


def scenarios(arguments: argparse.Namespace) -> tuple[Scenario, ...]:
    """The scenarios that the arguments name, all of them validated before any is used."""
    folders = find(getattr(arguments, "scenario", []), Path(arguments.scenarios))
    return load_scenarios(folders, registry())


def selection(arguments: argparse.Namespace) -> Selection:
    """The filters of the command line; none given means everything that the tier can run."""
    given = {name: tuple(getattr(arguments, name, ())) for name in DIMENSIONS}
    return Selection(**{**given, "system": _SYSTEMS[getattr(arguments, "tier", "embedded")]})


def planned(arguments: argparse.Namespace) -> Plan:
    """The plan of the selected cells of the named scenarios.

    Without names, all scenarios that the tier can run; naming another one is a `UsageError`.
    """
    chosen, wanted = scenarios(arguments), selection(arguments)
    foreign = [
        s.name for s in chosen if wanted.system and not {*s.matrix.system} & {*wanted.system}
    ]
    if foreign and arguments.scenario:
        raise UsageError(
            f"{', '.join(foreign)}: not for this tier, which runs {wanted.system[0]}",
            hint="choose with --tier, where the command has it",
        )
    return plan([s for s in chosen if s.name not in foreign], wanted)


def pocket_source(arguments: argparse.Namespace) -> Path:
    """The folder of the pocket system under test: the shipped one, unless ``--tree`` names one."""
    if arguments.tree is None:
        return SHIPPED
    source = Path(arguments.tree).resolve()
    if not (source / "tree").is_dir() or not (source / "upstream").is_dir():
        raise UsageError(
            f"{arguments.tree} holds no pocket system",
            hint="name a folder with tree/ and upstream/ in it, as harness/systems/pocket has",
        )
    return source
