"""Scenarios on disk: which there are below a folder, and several of them read in one go."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from harness.errors import InputError, Problem, UsageError
from harness.scenario.folder import display
from harness.scenario.model import Scenario
from harness.scenario.reader import SCENARIO_FILE, read_scenario
from harness.scenario.wording import unknown


def load_scenario(folder: Path, known_strategies: Collection[str]) -> Scenario:
    """The scenario in *folder*; raises `InputError` with all its problems."""
    return load_scenarios([folder], known_strategies)[0]


def load_scenarios(
    folders: Iterable[Path], known_strategies: Collection[str]
) -> tuple[Scenario, ...]:
    """The scenarios in *folders*, in that order; a folder named twice counts once.

    Raises `InputError` with all problems of all of them.  Two folders of one name are a problem,
    since the name of its folder is a scenario's name in every report.
    """
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    named: dict[str, Path] = {}
    for folder in dict.fromkeys(Path(os.path.realpath(path)) for path in folders):
        first = named.setdefault(folder.name, folder)
        if first != folder:
            message = f"a scenario named {folder.name!r} is already there: {display(first)}"
            problems.append(Problem(display(folder / SCENARIO_FILE), 1, 1, message))
        scenario, faults = read_scenario(folder, known_strategies)
        problems += faults
        if scenario is not None:
            scenarios.append(scenario)
    if problems:
        raise InputError(problems)
    return tuple(scenarios)


def discover(root: Path) -> tuple[Path, ...]:
    """The scenario folders directly below *root*, sorted by name.

    Raises `UsageError` when *root* is no folder or holds no scenario.
    """
    try:
        children = sorted(root.iterdir())
    except OSError as error:
        raise UsageError(
            f"no scenarios in {display(root)}: {error.strerror}",
            hint="run from the project's folder, or name the folder of a scenario",
        ) from error
    found = tuple(child for child in children if _holds_scenario(child))
    if not found:
        raise UsageError(
            f"no scenarios in {display(root)}: no folder in it has a {SCENARIO_FILE}",
            hint="run from the project's folder, or name the folder of a scenario",
        )
    return found


def find(words: Sequence[str], root: Path) -> tuple[Path, ...]:
    """The folders that *words* mean: names of scenarios below *root*, or paths of folders.

    No word means all of them.  Raises `UsageError` for a word that means nothing.
    """
    if words and all(_holds_scenario(Path(word)) for word in words):
        return tuple(map(Path, words))
    shipped = {folder.name: folder for folder in discover(root)}
    if not words:
        return tuple(shipped.values())
    found = []
    for word in words:
        folder = shipped.get(word, Path(word))
        if not _holds_scenario(folder):
            raise UsageError(
                unknown("scenario", word, shipped),
                hint=f"name one of these, or a folder that holds a {SCENARIO_FILE}",
            )
        found.append(folder)
    return tuple(found)


def _holds_scenario(folder: Path) -> bool:
    """Whether there is a scenario file, even one that is broken or a dangling link."""
    return (folder / SCENARIO_FILE).exists() or (folder / SCENARIO_FILE).is_symlink()
