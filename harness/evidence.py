"""Witnesses of what an edit gives: that it changes something, and the same thing everywhere."""

from __future__ import annotations

from harness.results import Witness
from harness.scenario.model import Edit
from harness.systems.base import Target


def change_witness(edit: Edit, base: str, output: str) -> Witness:
    """An edit's *output* differs from that of *base*, unless it says that it changes nothing."""
    same = output == base
    evidence = f"base {base}, edited {output}"
    return Witness("edit-changes-output", same == edit.changes_nothing, evidence)


def same_witness(output: str, known: Target | None) -> list[Witness]:
    """What an edit gives online depends on no provision: one target stands for all offline cells.

    Nothing to say where none is *known* yet.
    """
    if known is None:
        return []
    evidence = f"here {output}, before {known.output}"
    return [Witness("one-output-everywhere", output == known.output, evidence)]
