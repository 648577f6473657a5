"""``harness plan``: cut the selected cells into shards, as a job matrix of a forge or as text."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from harness.commands.inputs import read_run
from harness.commands.selecting import planned
from harness.errors import ExitCode, UsageError
from harness.merge import shard_facts
from harness.nixos_tier import providable
from harness.plan import Plan, most_shards, shard
from harness.results import Role

#: GitHub's limit for the jobs of one matrix (Actions limits, "Job matrix").
_MOST_JOBS = 256


def main(arguments: argparse.Namespace) -> ExitCode:
    """Print one entry a shard; nothing is printed unless every shard can be cut."""
    whole = _shardable(planned(arguments), arguments)
    if arguments.shards > _MOST_JOBS:
        raise UsageError(
            f"{arguments.shards} shards are more than a job matrix may have",
            hint=f"use at most {_MOST_JOBS}",
        )
    count = min(arguments.shards, most_shards(whole))
    if count < arguments.shards:
        print(f"{count} shards: there are no more branches to share out", file=sys.stderr)
    seconds = timings(arguments.timings)
    entries = [
        _entry(shard(whole, index, count, seconds), index, count) for index in range(1, count + 1)
    ]
    if arguments.format == "json":
        sys.stdout.write(f"{json.dumps({'include': entries}, separators=(',', ':'))}\n")
        return ExitCode.OK
    for entry in entries:
        words = "{shard}: {cells} cells, {controls} controls, of {scenarios}\n"
        sys.stdout.write(words.format(**entry))
    return ExitCode.OK


def own_shard(whole: Plan, arguments: argparse.Namespace) -> tuple[Plan, dict[str, str]]:
    """The part of the plan that ``--shard`` asks for, and the facts that tell a merge about it."""
    if arguments.shard is None:
        if arguments.timings is not None:
            raise UsageError("--timings balances shards, and there is no --shard", hint="leave it")
        return whole, {}
    whole = _shardable(whole, arguments)
    index, count = arguments.shard
    return shard(whole, index, count, timings(arguments.timings)), shard_facts(whole, index, count)


def _shardable(whole: Plan, arguments: argparse.Namespace) -> Plan:
    """What is worth a job: a shard of cells that the network model would skip did nothing."""
    if arguments.tier != "nixos":
        return whole
    return providable(whole, arguments.network_model)


def timings(word: str | None) -> dict[str, float]:
    """The seconds of each cell in an earlier run, by its id.  Raises `InputError`."""
    if word is None:
        return {}
    return {cell.key.id: cell.seconds for cell in read_run(str(Path(word))).cells}


def _entry(part: Plan, index: int, count: int) -> dict[str, object]:
    """What a job of the matrix gets. *name* is safe in the names of artefacts."""
    cells = [cell for cell in part.cells if cell.key.role is Role.CELL]
    return {
        "name": f"shard-{index}-of-{count}",
        "shard": f"{index}/{count}",
        "scenarios": " ".join(scenario.name for scenario in part.scenarios),
        "cells": len(cells),
        "controls": len(part.cells) - len(cells),
    }
