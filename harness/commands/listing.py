"""``harness list``: scenarios, strategies, provisions, edits and cells."""

from __future__ import annotations

import argparse
import json

from harness.commands.selecting import scenarios
from harness.errors import ExitCode
from harness.plan import plan
from harness.provisions import PROVISIONS
from harness.strategies import registry

Row = dict[str, object]


def main(arguments: argparse.Namespace) -> ExitCode:
    """Print what was asked for, one row a line, or as JSON."""
    rows = _ROWS[arguments.what](arguments)
    if arguments.format == "json":
        print(json.dumps(rows, indent=2))
        return ExitCode.OK
    first = max((len(str(next(iter(row.values())))) for row in rows), default=0)
    for row in rows:
        name, *rest = (str(value) for value in row.values())
        print(f"{name:{first}}  {'  '.join(rest)}".rstrip())
    return ExitCode.OK


def _scenarios(arguments: argparse.Namespace) -> list[Row]:
    return [
        {"name": s.name, "title": s.title, "cells": len(s.cells), "edits": len(s.edits)}
        for s in scenarios(arguments)
    ]


def _strategies(_arguments: argparse.Namespace) -> list[Row]:
    return [{"name": name, "summary": s.summary} for name, s in registry().items()]


def _provisions(_arguments: argparse.Namespace) -> list[Row]:
    return [{"name": str(name), "summary": p.summary} for name, p in PROVISIONS.items()]


def _edits(arguments: argparse.Namespace) -> list[Row]:
    return [
        {"name": f"{scenario.name}/{edit.name}", "title": edit.title}
        for scenario in scenarios(arguments)
        for edit in scenario.edits
    ]


def _cells(arguments: argparse.Namespace) -> list[Row]:
    cells = plan(scenarios(arguments)).cells
    return [{"id": cell.key.id, "claim": str(cell.claim)} for cell in cells]


_ROWS = {
    "scenarios": _scenarios,
    "strategies": _strategies,
    "provisions": _provisions,
    "edits": _edits,
    "cells": _cells,
}
