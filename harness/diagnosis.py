"""Why a rebuild failed: told from a second look at the machine, not from Nix's wording.

Exit statuses do not tell causes apart and messages change from version to version, so the failed
configuration is evaluated and planned again with substitution off (an oracle that asks nobody):
an evaluation that works online and not here lacks something; a plan that wants to build a
fixed-output derivation lacks a source; a complete plan means that nothing is missing at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.machines.base import Machine, Output
from harness.nix.derivation import OutputKind, parse_derivation
from harness.nix.store import Dry, Store, name_of
from harness.results import Cause
from harness.systems import base as systems

#: What coreutils' ``timeout`` returns when the time is up.
TIMED_OUT = 124
_SUBSTITUTION_OFF = ("--option", "substitute", "false")


@dataclass(frozen=True)
class Diagnosis:
    """A cause, one line that says it, and the names of the outputs that are missing."""

    cause: Cause
    message: str
    missing: tuple[str, ...] = ()


def diagnose(machine: Machine, tree: str, failed: Output, flags: str) -> Diagnosis:
    """The cause of a *failed* rebuild with *flags*; the machine is as the rebuild left it.

    The online control has shown that the configuration evaluates, so a failing evaluation here
    means that evaluation needs something which is gone.
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
    return _from_plan(store, drv, store.dry_run(drv), failed)


def _from_plan(store: Store, drv: str, plan: Dry, failed: Output) -> Diagnosis:
    recipes = store.derivations(drv)
    sources = [
        name_of(path).removesuffix(".drv")
        for path in plan.to_build
        if path in recipes and _is_fixed(recipes[path])
    ]
    if sources or plan.status != 0:
        message = f"{len(plan.to_build)} to build, and sources are missing: {', '.join(sources)}"
        return Diagnosis(Cause.BUILD_MISS, message, tuple(sources))
    if "builder for" in failed.stderr or failed.status == 100:
        return Diagnosis(Cause.BUILDER_FAILED, _last_error(failed.stderr))
    return Diagnosis(
        Cause.CACHE_QUERY,
        "nothing is missing: asking an unreachable cache failed (switch substitution off)",
    )


def _is_fixed(text: str) -> bool:
    outputs = parse_derivation(text).outputs.values()
    return any(output.kind is OutputKind.FIXED for output in outputs)


def _refused_flag(stderr: str, flags: str) -> str:
    for line in stderr.splitlines():
        if "unrecognised flag" in line:
            return next((word for word in flags.split() if f"'{word}'" in line), "")
    return ""


def _last_error(stderr: str) -> str:
    errors = [line.strip() for line in stderr.splitlines() if "error:" in line]
    lines = errors or [line.strip() for line in stderr.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
