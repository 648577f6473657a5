"""A runner that reads a revision's fate from a file, in process or as what git bisect starts.

``pocket/fate`` in the checkout holds one word.  The two cells `hosts` and `motd` are claimed to
rebuild; each run of a revision is put down in ``tried`` of the bisection's folder.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from harness.bisect.drive import sought_in
from harness.bisect.history import Checkout
from harness.bisect.judgement import UntestableError
from harness.bisect.steps import Steps, take_step
from harness.errors import HarnessError, MachineError, SetupError
from harness.results import (
    Cause,
    CellKey,
    CellResult,
    Claim,
    Ending,
    Role,
    RunResult,
    Trouble,
    Verdict,
    Witness,
)
from harness.results.document import render

HOSTS = CellKey(
    "smoke", "pocket", "built", "keep-outputs", "kept", "down", "nix-build", "", "hosts"
)
MOTD = CellKey("smoke", "pocket", "built", "keep-outputs", "kept", "down", "nix-build", "", "motd")
CONTROL = CellKey(
    "smoke", "pocket", "built", "none", "kept", "up", "nix-build", "", "hosts", Role.ONLINE_CONTROL
)


def result(key: CellKey, cause: Cause | None = None, *missing: str) -> CellResult:
    """A cell that is claimed to rebuild, and did unless there is a *cause*."""
    verdict = Verdict.FAILED if cause else Verdict.REBUILT
    message = "1 to build, and sources are missing" if cause else ""
    return CellResult(key, Claim(Verdict.REBUILT), verdict, cause, message=message, missing=missing)


def error(key: CellKey, trouble: Trouble) -> CellResult:
    """A cell at which the experiment broke."""
    return CellResult(
        key, Claim(Verdict.REBUILT), Verdict.ERROR, message=f"no {trouble}", trouble=trouble
    )


FATES: dict[str, tuple[CellResult, ...]] = {
    "good": (result(CONTROL), result(HOSTS), result(MOTD)),
    "bad": (result(CONTROL), result(HOSTS, Cause.BUILD_MISS, "jq"), result(MOTD)),
    "both-bad": (
        result(CONTROL),
        result(HOSTS, Cause.BUILD_MISS, "jq"),
        result(MOTD, Cause.BUILD_MISS, "zlib"),
    ),
    "motd-bad": (result(CONTROL), result(HOSTS), result(MOTD, Cause.BUILD_MISS, "zlib")),
    "other-cause": (result(CONTROL), result(HOSTS, Cause.EVALUATION_FETCH), result(MOTD)),
    "other-missing": (result(CONTROL), result(HOSTS, Cause.BUILD_MISS, "gcc"), result(MOTD)),
    "builder-failed": (result(CONTROL), result(HOSTS, Cause.BUILDER_FAILED), result(MOTD)),
    "evaluation-error": (result(CONTROL, Cause.EVALUATION_ERROR), result(HOSTS), result(MOTD)),
    "no-boot": (result(CONTROL), error(HOSTS, Trouble.BOOT), result(MOTD)),
    "no-kvm": (result(CONTROL), error(HOSTS, Trouble.SETUP), result(MOTD)),
    "leak": (
        result(CONTROL),
        CellResult(
            HOSTS,
            Claim(Verdict.REBUILT),
            Verdict.REBUILT,
            witnesses=(Witness("internet-silent", False, "1 connection"),),
        ),
        result(MOTD),
    ),
}


def run_of(fate: str, *, complete: bool = True) -> RunResult:
    """What a revision of that *fate* gives."""
    cells = FATES[fate]
    return RunResult(
        started="2026-03-01T12:00:00+00:00",
        seconds=1.0,
        complete=complete,
        ended=Ending.FINISHED if complete else Ending.DEADLINE,
        planned=len(cells) + (not complete),
        cells=cells,
        scenarios={"smoke": "digest"},
    )


def runner(checkout: Checkout, folder: Path) -> RunResult:
    """Look up the fate, note the try, write the reports."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent.parent / "tried").open("a") as tried:
        tried.write(f"{checkout.head()}\n")
    path = checkout.root / "pocket/fate"
    fate = path.read_text().split()[0] if path.exists() else "absent"
    if fate == "absent":
        raise UntestableError("no pocket here")
    raised: dict[str, HarnessError] = {
        "does-not-build": MachineError("the packages do not build"),
        "no-qemu": SetupError("qemu is not installed"),
    }
    if fate in raised:
        raise raised[fate]
    if fate == "crash":
        raise ZeroDivisionError
    if fate == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "hangs":
        (folder.parent.parent / "hanging").write_text(str(os.getpid()))
        time.sleep(600)
    run = run_of("good" if fate == "late" else fate, complete=fate != "late")
    (folder / "results.json").write_text(render(run))
    return run


def main() -> int:
    """The step that git bisect starts: the same as ``harness bisect-step --state``."""
    steps = Steps(Path(sys.argv[1]))
    sought = sought_in(steps, steps.state())
    decision = take_step(Checkout.at(Path()), steps, sought, runner, lambda _text: None)
    return int(decision.judgement)


if __name__ == "__main__":
    sys.exit(main())
