"""Rehearsing, told from a machine whose evaluations are given."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast

import pytest

from harness.errors import CommandFailed, MachineError
from harness.machines.base import Machine, Output
from harness.rehearsal import rehearse
from harness.strategies.base import Rehearsal
from tests.nix.toys import Recipe, Recipes, path, written

#: Two configurations that import what ``sites`` makes with ``generator``; an edit imports more.
RECIPES: Recipes = {
    "cc": Recipe(fixed=True),
    "generator": Recipe(["cc"]),
    "sites": Recipe(["generator"]),
    "more": Recipe(["generator"]),
    "top1": Recipe(["cc"]),
    "top2": Recipe(["cc"], ["hosts2"]),
    "top3": Recipe(["cc"], ["hosts3"]),
}


@dataclass(frozen=True)
class Evaluation:
    """What evaluating a configuration writes, and which outputs it makes for an import."""

    top: str
    wrote: Collection[str] = ()
    realised: Collection[str] = ()
    status: int = 0


@dataclass
class Guest:
    """A machine with the base system's runtime closure, which evaluates what it is told."""

    evaluations: list[Evaluation]
    recipes: set[str] = field(default_factory=set)
    valid: set[str] = field(default_factory=lambda: {path("top1-out")})
    did: list[str] = field(default_factory=list)

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        """One configuration, which is only asked for when several at once do not evaluate."""
        broken = self.evaluations[0].status
        if broken:
            return Output(broken, "", "error: attribute missing")
        return Output(0, f"{self._evaluate()}\n", "")

    def _evaluate(self) -> str:
        now = self.evaluations.pop(0)
        self.did.append(f"evaluate {now.top}")
        self.recipes |= {now.top, *now.wrote}
        self.valid |= {path(f"{name}-out") for name in now.realised}
        return path(f"{now.top}.drv")

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        if "nix-collect-garbage" in command:
            assert "keep-derivations false" in command
            self.did.append("collect")
            return ""
        if "--dump-db" in command:
            return "".join(f"{key}\nsha256:0\n1000\n\n0\n" for key in sorted(self.valid))
        if "find /nix/store" in command:
            names = sorted(self.recipes)
            return "".join(f"{path(f'{n}.drv')}\t{written(n, RECIPES[n])}\n" for n in names)
        if "nix-instantiate" in command:
            names = re.findall(r'"(\d+)" = at', command)
            if any(one.status for one in self.evaluations[: len(names)]):
                raise CommandFailed(command, 1, "error: attribute missing")
            told = {name: {"output": "/nix/store/x", "drv": self._evaluate()} for name in names}
            return json.dumps(told)
        assert "/etc/nixos/configuration.nix" in command
        return ""


def rehearsed(*evaluations: Evaluation) -> tuple[Rehearsal, Guest]:
    guest = Guest(list(evaluations))
    edited = [["/base.nix", f"/edit-{number}.nix"] for number in range(len(evaluations) - 1)]
    return rehearse(cast(Machine, guest), "/tree", ["/base.nix"], edited), guest


def drvs(*names: str) -> tuple[str, ...]:
    return tuple(path(f"{name}.drv") for name in names)


def test_what_is_rehearsed_is_evaluated_after_a_collection_and_never_built() -> None:
    found, guest = rehearsed(
        Evaluation("top1", ["cc"]), Evaluation("top2"), Evaluation("top3", ["generator"])
    )
    assert guest.did == ["collect", "evaluate top1", "evaluate top2", "evaluate top3"]
    assert (found.base, found.following) == (*drvs("top1"), drvs("top2", "top3"))
    assert found.configurations == (
        ("/base.nix", "/edit-0.nix"),
        ("/base.nix", "/edit-1.nix"),
        ("/base.nix",),
    )
    assert found.recipes.keys() == set(drvs("cc", "generator", "top1", "top2", "top3"))
    assert found.imported == found.imported_by_base == ()


def test_what_evaluation_imports_is_told_apart_from_the_tools_that_made_it() -> None:
    found, _ = rehearsed(
        Evaluation("top1", ["cc", "generator", "sites"], ["cc", "generator", "sites"]),
        Evaluation("top2", ["more"], ["more"]),
    )
    assert found.imported_by_base == drvs("sites")
    assert set(found.imported) == set(drvs("sites", "more"))


def test_what_was_there_before_was_not_imported() -> None:
    guest = Guest([Evaluation("top1", ["cc", "generator", "sites"], ["sites"])])
    guest.valid.add(path("sites-out"))
    found = rehearse(cast(Machine, guest), "/tree", ["/base.nix"], [])
    assert found.imported == ()


def test_an_edit_that_does_not_evaluate() -> None:
    with pytest.raises(MachineError, match=r"could not evaluate /edit-1\.nix") as raised:
        rehearsed(Evaluation("top1", ["cc"]), Evaluation("top2"), Evaluation("top3", status=1))
    assert "attribute missing" in str(raised.value)
