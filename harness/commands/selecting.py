"""From arguments to scenarios and a plan: what several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.plan import Plan, plan
from harness.scenario import DIMENSIONS, Scenario, Selection, find, load_scenarios
from harness.strategies import registry


def scenarios(arguments: argparse.Namespace) -> tuple[Scenario, ...]:
    """The scenarios that the arguments name, all of them validated before any is used."""
    folders = find(getattr(arguments, "scenario", []), Path(arguments.scenarios))
    return load_scenarios(folders, registry())


def selection(arguments: argparse.Namespace) -> Selection:
    """The filters of the command line; none given means everything."""
    given = {name: tuple(getattr(arguments, name, ())) for name in DIMENSIONS}
    return Selection(**given)


def planned(arguments: argparse.Namespace) -> Plan:
    """The plan of the selected cells of the named scenarios."""
    return plan(scenarios(arguments), selection(arguments))
