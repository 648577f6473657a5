"""Why a rebuild failed: told from a second look at the machine, not from Nix's wording.

Exit statuses do not tell causes apart and messages change from version to version, so the failed
configuration is evaluated again with substitution off (which asks nobody) and its derivation graph
is held against the store: an evaluation that works online and not here lacks something; an output
that is neither there nor can be built from what is there is missing; and where nothing is missing,
it was the asking that failed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.machines.base import Machine, Output
from harness.nix.closure import build_closure
from harness.nix.explanation import Explanation, Known, explain, explain_import
from harness.nix.graph import DerivationGraph, load_graph
from harness.nix.store import Store, name_of
from harness.results import Cause
from harness.systems import base as systems

#: What coreutils' ``timeout`` returns when the time is up.
TIMED_OUT = 124
#: Asks nobody; what evaluation must fetch is tried once, for Nix waits longer before every retry.
ALONE = "--option substitute false --option download-attempts 1"
#: Seconds for a second look; it does no more than the rebuild did.
_PATIENCE = 900.0
_BUILDER = re.compile(r"^error: builder for", re.MULTILINE)
_DERIVATION = re.compile(r"'(/nix/store/[^'!^]+\.drv)")


@dataclass(frozen=True)
class Survey:
    """A system as it was online: its .drv path, all derivations' texts, and the valid paths."""

    drv: str
    recipes: Mapping[str, str]
    present: Mapping[str, int]  # with NAR sizes in bytes
    derivers: Mapping[str, str]  # as the database has them


@dataclass(frozen=True)
class Diagnosis:
    """A cause, one line that says it, and what is missing, with the reasons."""

    cause: Cause
    message: str
    missing: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Failure:
    """A rebuild that failed with *flags*; *drv* is what its configuration gave online, or "".

    *alone* are flags that ask nobody who cannot be reached.
    """

    output: Output
    flags: str
    drv: str = ""
    alone: str = ALONE


def survey(machine: Machine, tree: str) -> Survey:
    """Look at the configured system online; it leaves .drv files, so do it on a checkpoint."""
    done = systems.instantiate(machine, tree)
    if done.status != 0:
        raise systems.command_failed("evaluate the base configuration", done)
    store = Store(machine)
    drv = done.stdout.strip().split("!")[0]
    registered = store.registrations()
    present = {path: known.size for path, known in registered.items()}
    derivers = {path: known.deriver for path, known in registered.items() if known.deriver}
    return Survey(drv, store.derivations(drv), present, derivers)


def diagnose(
    machine: Machine, tree: str, failure: Failure, before: Survey, available: Collection[str]
) -> Diagnosis:
    """The cause of a rebuild's *failure*; the machine is as the rebuild left it.

    The online control has shown that the configuration evaluates, so a failing evaluation here
    means that evaluation needs something which is gone.  *before* is the survey of the system
    before the edit, *available* the paths that were valid when the rebuild began.
    """
    failed = failure.output
    if failed.status == TIMED_OUT:
        return Diagnosis(Cause.STALLED, "the rebuild did not end within the scenario's patience")
    if failed.status >= 128:
        return Diagnosis(Cause.CRASHED, f"Nix died of signal {failed.status - 128}")
    drv, written = failure.drv, Store(machine).derivations_since(systems.CONFIGURATION)
    refused = "" if drv in written else _refused_flag(failed.stderr, failure.flags)
    if refused:
        return Diagnosis(Cause.UNSUPPORTED_FLAG, f"this command does not know {refused}")
    if drv in available or drv not in written:  # else the rebuild itself has evaluated it
        evaluated = systems.instantiate(machine, tree, *failure.alone.split(), timeout=_PATIENCE)
        if evaluated.status == TIMED_OUT or evaluated.status >= 128:
            raise systems.command_failed("evaluate the configuration once more", evaluated)
        if evaluated.status != 0:
            return _of_evaluation(machine, evaluated.stderr, before, available)
        drv = evaluated.stdout.strip().split("!")[0]
        written = Store(machine).derivations_since(systems.CONFIGURATION)
    recipes = {**before.recipes, **written}
    graph = load_graph([drv, before.drv], recipes.__getitem__)
    node = graph.node(drv)
    known = _known(graph, node, before, available)
    explanation = explain(graph, [graph.node(before.drv)], [node], known)
    if explanation.missing:
        return _of_a_miss(explanation)
    detail = "\n".join(explanation.lines())
    if failed.status == 100 or _BUILDER.search(failed.stderr):
        return Diagnosis(Cause.BUILDER_FAILED, _last_error(failed.stderr), (), detail)
    return _of_a_query(machine, tree, failure, detail)


def _known(graph: DerivationGraph, node: int, before: Survey, available: Collection[str]) -> Known:
    sources = build_closure(graph, [node]).sources  # evaluation has added them by now
    there = sources.union(available)
    return Known(there, before.present, sizes=before.present, derivers=before.derivers)


def _of_evaluation(
    machine: Machine, stderr: str, before: Survey, available: Collection[str]
) -> Diagnosis:
    """What an evaluation lacks: the result of an import from derivation, or something fetched."""
    plain = f"evaluation needs what is gone: {_last_error(stderr)}"
    store = Store(machine)
    # Nix names the dependency that failed first, and the imported derivation last.
    imported = next(reversed(_DERIVATION.findall(stderr)), "")
    if not imported or not store.is_valid(imported):
        return Diagnosis(Cause.EVALUATION_FETCH, plain)
    recipes = {**before.recipes, **store.derivations(imported)}
    graph = load_graph([imported, before.drv], recipes.__getitem__)
    node = graph.node(imported)
    explanation = explain_import(
        graph, [graph.node(before.drv)], node, _known(graph, node, before, available)
    )
    names = tuple(item.name for item in explanation.missing)
    if not names:
        return Diagnosis(Cause.EVALUATION_FETCH, plain)
    what = name_of(imported).removesuffix(".drv")
    gone = "which is gone" if names == (what,) else f"missing for that: {', '.join(names)}"
    message = f"evaluation imports {what}, {gone}"
    return Diagnosis(Cause.EVALUATION_FETCH, message, names, "\n".join(explanation.lines()))


def _of_a_miss(explanation: Explanation) -> Diagnosis:
    names = tuple(item.name for item in explanation.missing)
    message = f"missing: {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}"
    return Diagnosis(Cause.BUILD_MISS, message, names, "\n".join(explanation.lines()))


def _of_a_query(machine: Machine, tree: str, failure: Failure, detail: str) -> Diagnosis:
    """Nothing is missing: then the same rebuild works when it asks nobody, or all proves nothing.

    Raises `MachineError` when it fails all the same.
    """
    again = systems.rebuild(machine, tree, "nix-build", failure.alone, _PATIENCE)
    if again.status != 0:
        purpose = f"rebuild what nothing is missing for (`{_last_error(failure.output.stderr)}`)"
        raise systems.command_failed(purpose, again)
    message = "nothing is missing: asking an unreachable cache failed; switch substitution off"
    return Diagnosis(Cause.CACHE_QUERY, message, (), detail)


def _refused_flag(stderr: str, flags: str) -> str:
    for line in stderr.splitlines():
        if line.startswith("error: unrecognised flag"):
            known = (word for word in flags.split() if word.startswith("-"))
            return next((word for word in known if f"'{word}'" in line), "")
    return ""


def _last_error(stderr: str) -> str:
    errors = [line.strip() for line in stderr.splitlines() if "error:" in line]
    lines = errors or [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
