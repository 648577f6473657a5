"""The protocol of an experiment: the stages on one machine, each with its witnesses.

boot, network up, provision, [online control of each edit], protect, collect, cut, restore,
[each edit offline]; every stage starts from the checkpoint of the one before.  See the README's
section on the architecture for the whole picture.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.checks import make_host, run_checks
from harness.collection import collect
from harness.diagnosis import ALONE, Failure, Survey, diagnose, survey
from harness.evidence import change_witness, same_witness
from harness.internet.reach import Moment, Reach
from harness.machines.base import Machine, Output
from harness.machines.shell import command
from harness.network import connect, cut, cut_witness, reconnect
from harness.nix.store import Registration, Store, built_names
from harness.plan import Branch, Cell
from harness.provisions import (
    PROVISIONS,
    activate,
    provenance_witness,
    provide,
    recipe_count,
    source_count,
)
from harness.rehearsal import rehearse
from harness.results import BranchResult, Cause, CellResult, Outcome, Trouble, Verdict, Witness
from harness.scenario.model import Caches, Edit, NetworkMode, Scenario
from harness.strategies import registry
from harness.strategies.base import (
    Rehearsal,
    Site,
    Strategy,
    format_stick,
    plug_in,
    pull_out,
    stick_bytes,
)
from harness.systems import base as systems
from harness.systems.base import Target
from harness.transcript import Transcript

_READY, _PROVISIONED = "ready", "provisioned"
#: The checkpoint of a branch: protected, collected, without a network, restored.
CUT = "cut"


@dataclass(frozen=True)
class Provisioned:
    """A machine with its base system: how it came, and what each edit gave when built online."""

    provision: str
    base_output: str
    survey: Survey
    witnesses: tuple[Witness, ...]
    targets: dict[str, Target]  # by edit; filled by the online controls


@dataclass(frozen=True)
class CutOff:
    """A protected, collected machine without a network, ready for edits."""

    branch: Branch
    strategy: Strategy
    since: Moment
    base_output: str  # of the protected system
    targets: Mapping[str, Target]
    survey: Survey  # of the protected system, online
    available: Mapping[str, Registration]  # valid paths, once restored
    within_reach: Collection[str]  # those, and what the strategy offers beside them
    result: BranchResult


class Experiment:
    """The stages of one scenario on one machine. Any `MachineError` leaves the machine unusable."""

    def __init__(
        self, machine: Machine, uplink: Reach, system: systems.System, scenario: Scenario
    ) -> None:
        self.machine = machine
        self.uplink = uplink
        self.system = system
        self.scenario = scenario
        self.store = Store(machine)
        self._host = make_host(machine)
        #: What edits give together with a strategy's module, which no provision changes.
        self._variants: dict[str, dict[str, Target]] = {}

    def close(self) -> None:
        """Pull the machine's plug and end its internet; from any thread, any number of times."""
        self.machine.crash()
        self.uplink.close()

    def prepare(self) -> None:
        """Boot, and put the system's expressions and the scenario into the machine."""
        self.machine.start()
        self.system.install(self.machine)
        systems.install_scenario(
            self.machine, self.system, self.scenario.folder, self.scenario.base
        )
        self.machine.checkpoint(_READY)

    def provision(self, name: str, published: str, targets: dict[str, Target]) -> Provisioned:
        """Bring the base system onto a fresh machine and make it the running one.

        *published* is the base system's path in the cache, *targets* what online controls of the
        same provision have given so far; those to come fill it.
        """
        provision = PROVISIONS[name]
        self.machine.restore(_READY)
        up = connect(self.machine, self.uplink)
        self.uplink.show(provision.view)
        self._configure()
        before = self.uplink.now()
        output = provide(self.machine, self.system.tree, provision, published)
        nars, recipes = self.uplink.nars_since(before), recipe_count(self.machine)
        activate(self.machine, output)
        self.machine.checkpoint(_PROVISIONED)
        known = survey(self.machine, self.system.tree)  # after the checkpoint: it writes .drv files
        sources = source_count(known, self.store.closure(output))
        origin = provenance_witness(provision, nars, recipes, sources)
        return Provisioned(name, output, known, (up, origin), targets)

    def online_control(self, base: Provisioned, cell: Cell, transcript: Transcript) -> CellResult:
        """Rebuild with the edit while the network is up; remembers what it must give."""
        started = time.monotonic()
        edit = self.scenario.edit(cell.key.edit)
        self.machine.branch(_PROVISIONED)
        reconnect(self.machine, self.uplink)
        witnesses = list(base.witnesses)
        if edit.check is not None and not edit.changes_nothing:
            early = run_checks(self._host, [edit.check])
            tells = not early.holds and not early.broken
            evidence = "the check fails before the edit" if tells else "the check cannot fail"
            witnesses.append(Witness("check-discriminates", tells, evidence))
        rebuilt = self._rebuild(edit, None, "nix-build", "", transcript)
        result = self._judge(
            cell, rebuilt, edit, transcript, base.survey, base.survey.present, expected=None
        )
        if result.verdict is Verdict.REBUILT:
            witnesses.append(change_witness(edit, base.base_output, result.output))
            witnesses += same_witness(result.output, base.targets.get(edit.name))
        seconds = time.monotonic() - started
        result = replace(result, witnesses=tuple(witnesses), seconds=seconds)
        if result.outcome is Outcome.PASSED:
            base.targets[edit.name] = Target(result.output, self.store.deriver(result.output))
        return result

    def protect_and_cut(self, base: Provisioned, branch: Branch) -> CutOff:
        """Protect, collect garbage, cut the network, restore; with the evidence for each."""
        strategy = registry()[branch.strategy]
        targets, base_output, before = base.targets, base.base_output, base.survey
        rehearsal = self._rehearse(branch) if strategy.rehearses else None
        if strategy.changes_configuration:
            variants = self._targets_with(strategy, branch)
            # An edit whose online control does not hold shows nothing with a module beside it.
            targets = {name: target for name, target in variants.items() if name in base.targets}
        self.machine.restore(_PROVISIONED)
        reconnect(self.machine, self.uplink)
        started = time.monotonic()
        if strategy.changes_configuration:
            base_output = self._switch_to_variant(strategy)
        site = Site(self.machine, self.system.tree, base_output, rehearsal)
        bundle = self._protect(strategy, site)
        protect_seconds = time.monotonic() - started
        if strategy.changes_configuration:
            before = survey(self.machine, self.system.tree)
        collection = collect(self.machine, self.store)
        mode = NetworkMode(branch.network)
        cut(self.machine, self.uplink, mode)
        since = self.uplink.now()
        if branch.caches == Caches.WIPED:
            self.machine.succeed("rm -rf /root/.cache/nix && ! test -e /root/.cache/nix")
        started = time.monotonic()
        if strategy.uses_stick:
            plug_in(self.machine)
        strategy.restore(site)
        restore_seconds = time.monotonic() - started
        applied = strategy.applied(site)
        silent = cut_witness(self.machine, self.uplink, mode, since)
        available = self.store.registrations() if strategy.uses_stick else collection.left
        within_reach = frozenset(available).union(strategy.offers(site))
        self.machine.checkpoint(CUT)
        result = BranchResult(
            scenario=self.scenario.name,
            system=self.system.name,
            provision=base.provision,
            strategy=strategy.name,
            caches=branch.caches,
            network=branch.network,
            store_before=collection.size_before,
            store_after=sum(known.size for known in collection.left.values()),
            bundle=bundle,
            protect_seconds=protect_seconds,
            collect_seconds=collection.seconds,
            restore_seconds=restore_seconds,
            witnesses=(*base.witnesses, collection.witness, applied, silent),
        )
        return CutOff(
            branch, strategy, since, base_output, targets, before, available, within_reach, result
        )

    def rebuild(
        self, cutoff: CutOff, cell: Cell, transcript: Transcript, *, start: str = CUT
    ) -> CellResult:
        """Make the edit offline, rebuild, compare, activate, check; and prove the silence.

        *start* is the checkpoint to begin from: the cut itself, or one made on top of it.
        """
        started = time.monotonic()
        edit = self.scenario.edit(cell.key.edit)
        expected = cutoff.targets.get(edit.name)
        if expected is None:
            return error_result(cell, "its online control does not hold: nothing to compare with")
        self.machine.branch(start)
        flags = cutoff.strategy.rebuild_flags or cell.key.flags
        rebuilt = self._rebuild(edit, cutoff.strategy, cell.key.command, flags, transcript)
        result = self._judge(
            cell,
            rebuilt,
            edit,
            transcript,
            cutoff.survey,
            cutoff.within_reach,
            expected=expected,
            alone=cutoff.strategy.rebuild_flags or ALONE,
        )
        mode = NetworkMode(cell.key.network)
        silent = cut_witness(self.machine, self.uplink, mode, cutoff.since)
        changes = change_witness(edit, cutoff.base_output, expected.output)
        witnesses = (*cutoff.result.witnesses, changes, silent)
        return replace(result, witnesses=witnesses, seconds=time.monotonic() - started)

    def evaluate_edits(self, names: Iterable[str]) -> Rehearsal:
        """What the edits themselves (not their rehearsals) evaluate to, online."""
        return self._evaluated([self.scenario.edit(name).file for name in names])

    def recipes_of_base(self) -> frozenset[str]:
        """All .drv files that evaluating the unchanged configuration offline leaves in the store.

        The machine is used up.  Raises `MachineError` when it cannot be evaluated.
        """
        self.machine.restore(CUT)
        self._configure()
        done = systems.instantiate(
            self.machine, self.system.tree, "--option", "substitute", "false"
        )
        if done.status != 0:
            raise systems.command_failed("evaluate the base configuration offline", done)
        return frozenset(self.store.all_derivations())

    # Steps

    def _configure(self, edit: Edit | None = None, strategy: Strategy | None = None) -> None:
        systems.configure(self.machine, self._modules(edit, strategy))

    def _modules(self, edit: Edit | None, strategy: Strategy | None) -> list[str]:
        modules = [systems.BASE, *([self._in_machine(edit.file)] if edit else [])]
        if strategy is not None and strategy.changes_configuration:
            modules.append(systems.STRATEGY_MODULE)
        return modules

    def _in_machine(self, file: Path) -> str:
        return systems.module(str(file.relative_to(self.scenario.folder)))

    def _targets_with(self, strategy: Strategy, branch: Branch) -> dict[str, Target]:
        """What each edit gives when the strategy's module is in, evaluated online and forgotten."""
        known = self._variants.setdefault(strategy.name, {})
        names = dict.fromkeys(cell.key.edit for cell in branch.cells if cell.key.edit not in known)
        if names:
            self.machine.restore(_PROVISIONED)
            reconnect(self.machine, self.uplink)
            self._write_module(strategy)
            wanted = {n: self._modules(self.scenario.edit(n), strategy) for n in names}
            known |= systems.evaluate_targets(self.machine, self.system.tree, wanted)
        return known

    def _rehearse(self, branch: Branch) -> Rehearsal:
        edits = [self.scenario.edit(cell.key.edit) for cell in branch.cells]
        files = dict.fromkeys(edit.rehearse for edit in edits if edit.rehearse is not None)
        return self._evaluated(files)

    def _evaluated(self, files: Iterable[Path]) -> Rehearsal:
        self.machine.restore(_PROVISIONED)
        reconnect(self.machine, self.uplink)
        edited = [[systems.BASE, self._in_machine(file)] for file in files]
        return rehearse(self.machine, self.system.tree, [systems.BASE], edited)

    def _write_module(self, strategy: Strategy) -> None:
        write = command("printf '%%s\\n' %s > %s", strategy.module, systems.STRATEGY_MODULE)
        self.machine.succeed(write)

    def _switch_to_variant(self, strategy: Strategy) -> str:
        self._write_module(strategy)
        self._configure(strategy=strategy)
        done = systems.rebuild(self.machine, self.system.tree, "nix-build", "", patience=900)
        if done.status != 0:
            raise systems.command_failed(f"switch to a system with {strategy.name}", done)
        output = done.stdout.strip()
        activate(self.machine, output)
        return output

    def _protect(self, strategy: Strategy, site: Site) -> int:
        """Let the strategy prepare; what it put on the second disk, in bytes."""
        self.store.configure(strategy.settings.items())
        if strategy.uses_stick:
            format_stick(self.machine)
        strategy.protect(site)
        bundle = 0
        if strategy.uses_stick:
            bundle = stick_bytes(self.machine)
            pull_out(self.machine)
        return bundle

    def _rebuild(
        self, edit: Edit, strategy: Strategy | None, tool: str, flags: str, transcript: Transcript
    ) -> tuple[Output, float, str]:
        self._configure(edit, strategy)
        started = time.monotonic()
        done = systems.rebuild(
            self.machine, self.system.tree, tool, flags, patience=self.scenario.patience
        )
        seconds = time.monotonic() - started
        transcript.add(f"{tool} {flags}".strip(), done)
        return done, seconds, flags

    def _judge(
        self,
        cell: Cell,
        rebuilt: tuple[Output, float, str],
        edit: Edit,
        transcript: Transcript,
        before: Survey,
        available: Collection[str],
        *,
        expected: Target | None,
        alone: str = ALONE,
    ) -> CellResult:
        """The verdict on a rebuild: diagnosed when it failed, else compared, activated, checked."""
        done, seconds, flags = rebuilt
        result = CellResult(
            key=cell.key,
            claim=cell.claim,
            verdict=Verdict.REBUILT,
            rebuild_seconds=seconds,
            built=built_names(done.stderr),
            output=done.stdout.strip(),
            expected_output=expected.output if expected else "",
        )
        if done.status != 0:
            asked = Failure(done, flags, expected.drv if expected else "", alone)
            found = diagnose(self.machine, self.system.tree, asked, before, available)
            transcript.note(f"diagnosis: {found.cause}", f"{found.message}\n{found.detail}")
            return replace(
                result,
                verdict=Verdict.FAILED,
                cause=found.cause,
                message=found.message,
                detail=found.detail,
                missing=found.missing,
                output="",
            )
        if expected is not None and result.output != expected.output:
            message = f"rebuilt {result.output}, the online control gave {expected.output}"
            return replace(
                result, verdict=Verdict.FAILED, cause=Cause.WRONG_OUTPUT, message=message
            )
        return self._activate(result, edit, transcript)

    def _activate(self, result: CellResult, edit: Edit, transcript: Transcript) -> CellResult:
        done = systems.switch(self.machine, result.output)
        transcript.add("switch-to-configuration switch", done)
        current = done.stdout.strip()
        failed = replace(result, verdict=Verdict.FAILED)
        if done.status != 0 or current != result.output:
            message = f"switch ended with status {done.status}; running: {current or 'unknown'}"
            return replace(failed, cause=Cause.ACTIVATION_FAILED, message=message)
        if edit.check is not None:
            report = run_checks(self._host, [edit.check])
            transcript.note("checks", "\n".join([*report.failures, *report.broken]) or "hold")
            if report.broken or not report.ran:
                message = "; ".join([*report.broken, "no assertion ran"][0].splitlines())
                broken = replace(result, verdict=Verdict.ERROR, trouble=Trouble.SCENARIO)
                return replace(broken, message=f"the check is broken: {message}")
            if report.failures:
                message = report.failures[0].splitlines()[0]
                return replace(failed, cause=Cause.CHECK_FAILED, message=message)
        return result


def error_result(cell: Cell, message: str, trouble: Trouble = Trouble.MACHINE) -> CellResult:
    """A cell that could not be tried, because the experiment (not the rebuild) broke."""
    return CellResult(cell.key, cell.claim, Verdict.ERROR, message=message, trouble=trouble)
