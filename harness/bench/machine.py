"""The machine and the engine: boots, checkpoints, the harness's own time, branching."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.bench import Measurement
from harness.embedded import Embedded, Prepared
from harness.guest.image import Image
from harness.machines import accelerator as accelerators
from harness.machines.accelerator import Accelerator
from harness.machines.base import Machine, Output
from harness.machines.command_line import EMULATED_CPU
from harness.plan import Group, Plan
from harness.protocol import Experiment
from harness.results import CellResult, Outcome
from harness.transcript import Transcript

_REPEATS = 5
#: Seconds in which a bare boot must be over.
_BARE_LIMIT = 120.0
#: Cold cells are slow and alike, so a few stand for all.
_COLD_SAMPLE = 3


@dataclass
class _Clock:
    """Adds up the seconds that a machine's guest spends on commands."""

    guest: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def watch(self, machine: Machine) -> None:
        """Count every command that *machine* runs from now on."""
        execute = machine.execute

        def timed(command: str, timeout: float | None = 900) -> Output:
            begin = time.monotonic()
            try:
                return execute(command, timeout)
            finally:
                self.guest += time.monotonic() - begin

        machine.execute = timed  # type: ignore[method-assign]

    @property
    def wall(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started


def measure(
    plan: Plan, tier: Embedded, scratch: Path, progress: Callable[[str], None]
) -> Iterator[Measurement]:
    """Measure on the first group of *plan*; yields each result as it is known."""
    group = plan.groups[0]
    prepared = tier.prepare(plan, scratch, progress)
    image, accelerator = prepared.world.image, prepared.accelerator
    progress("bare boots of the same kernel")
    bare = statistics.median(_bare_boot(image, accelerator) for _ in range(_REPEATS))
    yield Measurement("bare boot of the kernel", bare, "s")
    with _experiment(prepared, "boot", group) as experiment:
        started = time.monotonic()
        experiment.machine.start()
        boot = time.monotonic() - started
        yield Measurement("boot to the shell", boot, "s")
        yield Measurement("boot to the shell / bare boot", boot / bare, "x")
        yield from _checkpoints(experiment.machine)
    progress("all cells, branched from checkpoints")
    clock = _Clock()
    cells = _branched(prepared, group, clock)
    branched = clock.wall
    own = (branched - clock.guest) / clock.guest
    yield Measurement("cells, controls not counted", cells, "")
    yield Measurement("the harness's own time / the guest's commands", 100 * own, "%", "<= 10 %")
    progress(f"{_COLD_SAMPLE} of these cells, each from a cold boot")
    cold = statistics.mean(_cold(prepared, group, number) for number in range(_COLD_SAMPLE))
    ratio = cold * cells / branched
    yield Measurement("cells from cold boots / branched", ratio, "x", ">= 6 x")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Measurement("memory of the harness, at most", peak, "MiB", "<= 200 MiB")


def _bare_boot(image: Image, accelerator: Accelerator) -> float:
    """Seconds for QEMU to boot the image's kernel and initramfs without disks, and to end."""
    started = time.monotonic()
    cpu = "host" if accelerator.name == "kvm" else EMULATED_CPU
    accelerators.bare_boot(image, accelerator.name, cpu, _BARE_LIMIT)
    return time.monotonic() - started


def _checkpoints(machine: Machine) -> Iterator[Measurement]:
    saves: list[float] = []
    loads: list[float] = []
    commands: list[float] = []
    for _ in range(_REPEATS):
        for action, times in (
            (lambda: machine.checkpoint("bench"), saves),
            (lambda: machine.restore("bench"), loads),
            (lambda: machine.succeed("true"), commands),
        ):
            started = time.monotonic()
            action()
            times.append(time.monotonic() - started)
    yield Measurement("checkpoint", statistics.median(saves), "s")
    yield Measurement("restore", statistics.median(loads), "s", "<= 0.8 s")
    yield Measurement("a command through the shell", 1000 * statistics.median(commands), "ms")


def _branched(prepared: Prepared, group: Group, clock: _Clock) -> int:
    """Every cell of the group on one machine; how many there were."""
    count = 0
    with _experiment(prepared, "branched", group) as experiment:
        clock.watch(experiment.machine)
        experiment.prepare()
        base = experiment.provision(group.provision, prepared.published(group), {})
        for control in group.controls:
            _hold(experiment.online_control(base, control, Transcript()))
        for branch in group.branches:
            cutoff = experiment.protect_and_cut(base, branch)
            for cell in branch.cells:
                _hold(experiment.rebuild(cutoff, cell, Transcript()))
                count += 1
    return count


def _cold(prepared: Prepared, group: Group, number: int) -> float:
    """Seconds for one cell all alone, from the boot on, with its own control.

    The sample goes from the first branch to the last: strategies differ in what they cost.
    """
    branch = group.branches[number * (len(group.branches) - 1) // (_COLD_SAMPLE - 1)]
    cell = branch.cells[number * (len(branch.cells) - 1) // (_COLD_SAMPLE - 1)]
    control = next(c for c in group.controls if c.key.edit == cell.key.edit)
    started = time.monotonic()
    with _experiment(prepared, f"cold-{number}", group) as experiment:
        experiment.prepare()
        base = experiment.provision(group.provision, prepared.published(group), {})
        _hold(experiment.online_control(base, control, Transcript()))
        _hold(experiment.rebuild(experiment.protect_and_cut(base, branch), cell, Transcript()))
    return time.monotonic() - started


def _hold(result: CellResult) -> None:
    """What is measured has to be right."""
    if result.outcome is not Outcome.PASSED:
        raise RuntimeError(f"{result.key.id}: {result.outcome}: {result.message}")


@contextmanager
def _experiment(prepared: Prepared, name: str, group: Group) -> Iterator[Experiment]:
    experiment = prepared.open(name, group)
    try:
        yield experiment
    finally:
        experiment.close()
