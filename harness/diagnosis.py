"""Why a rebuild failed: told from a second look at the machine, not from Nix's wording.

Exit statuses do not tell causes apart and messages change from version to version, so the failed
configuration is evaluated and planned again with substitution off (an oracle that asks nobody):
an evaluation that works online and not here lacks something; a plan that wants to build a
fixed-output derivation lacks a source; a complete plan means that nothing is missing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.machines.base import Machine, Output
from harness.nix.explanation import Explanation, Known, explain
from harness.nix.graph import DerivationGraph, load_graph
from harness.nix.store import Dry, Store, name_of
from harness.results import Cause
from harness.systems import base as systems

#: What coreutils' ``timeout`` returns when the time is up.
TIMED_OUT = 124
_SUBSTITUTION_OFF = ("--option", "substitute", "false")


@dataclass(frozen=True)
class Survey:
    """A system as it was online: its .drv path, all derivations' texts, and the valid paths."""

    drv: str
    recipes: Mapping[str, str]
    present: Mapping[str, int]  # with NAR sizes in bytes


@dataclass(frozen=True)
class Diagnosis:
    """A cause, one line that says it, and what is missing, with the reasons."""

    cause: Cause
    message: str
    missing: tuple[str, ...] = ()
    detail: str = ""


def survey(machine: Machine, tree: str) -> Survey:
    """Look at the configured system online; it leaves .drv files, so do it on a checkpoint."""
    done = systems.instantiate(machine, tree)
    if done.status != 0:
        raise systems.command_failed("evaluate the base configuration", done)
    store = Store(machine)
    drv = done.stdout.strip().split("!")[0]
    present = {path: known.size for path, known in store.registrations().items()}
    return Survey(drv, store.derivations(drv), present)


def diagnose(
    machine: Machine, tree: str, failed: Output, flags: str, before: Survey | None
) -> Diagnosis:
    """The cause of a *failed* rebuild with *flags*; the machine is as the rebuild left it.

    The online control has shown that the configuration evaluates, so a failing evaluation here
    means that evaluation needs something which is gone.  With the survey of the system *before*
    the edit, the missing paths are explained.
    """
    if failed.status == TIMED_OUT:
        return Diagnosis(Cause.STALLED, "the rebuild did not end within the scenario's patience")
    if failed.status >= 128:
        return Diagnosis(Cause.CRASHED, f"Nix died of signal {failed.status - 128}")
    refused = _refused_flag(failed.stderr, flags)
    if refused:
        return Diagnosis(Cause.UNSUPPORTED_FLAG, f"this command does not know {refused}")
    evaluated = systems.instantiate(machine, tree, *_SUBSTITUTION_OFF)
    if evaluated.status != 0:
        wanted = _last_error(evaluated.stderr)
        return Diagnosis(Cause.EVALUATION_FETCH, f"evaluation needs what is gone: {wanted}")
    store = Store(machine)
    drv = evaluated.stdout.strip().split("!")[0]
    plan = store.dry_run(drv)
    recipes = store.derivations(drv)
    graph = load_graph([drv, *([before.drv] if before else [])], _reader(recipes, before))
    return _from_plan(graph, plan, failed, _explained(graph, drv, store, before))


def _reader(recipes: Mapping[str, str], before: Survey | None) -> Callable[[str], str]:
    known = {**(before.recipes if before else {}), **recipes}
    return known.__getitem__


def _explained(
    graph: DerivationGraph, drv: str, store: Store, before: Survey | None
) -> Explanation | None:
    if before is None:
        return None
    known = Known(frozenset(store.registrations()), before.present, before.present)
    return explain(graph, [graph.node(before.drv)], [graph.node(drv)], known)


def _from_plan(
    graph: DerivationGraph, plan: Dry, failed: Output, explanation: Explanation | None
) -> Diagnosis:
    fetched = [path for path in plan.to_build if graph.needs_network(graph.node(path))]
    sources = tuple(name_of(path).removesuffix(".drv") for path in fetched)
    detail = "\n".join(explanation.lines()) if explanation else ""
    if sources or plan.status != 0:
        nearest = tuple(item.name for item in explanation.missing) if explanation else sources
        message = f"missing: {', '.join(nearest[:4])}{', ...' if len(nearest) > 4 else ''}"
        return Diagnosis(Cause.BUILD_MISS, message, nearest or sources, detail)
    if failed.status == 100 or "builder for" in failed.stderr:
        return Diagnosis(Cause.BUILDER_FAILED, _last_error(failed.stderr), (), detail)
    message = "nothing is missing: asking an unreachable cache failed; switch substitution off"
    return Diagnosis(Cause.CACHE_QUERY, message, (), detail)


def _refused_flag(stderr: str, flags: str) -> str:
    for line in stderr.splitlines():
        if "unrecognised flag" in line:
            return next((word for word in flags.split() if f"'{word}'" in line), "")
    return ""


def _last_error(stderr: str) -> str:
    errors = [line.strip() for line in stderr.splitlines() if "error:" in line]
    lines = errors or [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
