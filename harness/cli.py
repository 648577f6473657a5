"""Arguments in, exit code out: the command line, without logic and quick to start."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import TypeAlias

from harness import __version__, arguments
from harness.errors import ExitCode
from harness.output import flush, guarded, sturdy_output

_EPILOG = """\
exit codes:
  0 all claims hold        1 a claim failed          2 bad usage or input
  3 deadline reached       4 the set-up is broken    5 nothing ran
  6 internal error         130 interrupted

examples:
  harness run smoke                        the quick proof, about a minute
  harness run strategies --strategy none,keep-outputs --edit hosts
  harness show flags                       what would be run, and what is claimed
"""

_BISECT_STEP = "bisect-step"
#: `git bisect run` stops at 128 and more. It would take most lower codes for a judgement, so any
#: but these become `_STOP_BISECTION`.
_JUDGEMENTS, _STOP_BISECTION = (0, 1, 125, ExitCode.INTERRUPTED), 129


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; every error becomes a message and one of `ExitCode`."""
    words = sys.argv[1:] if argv is None else list(argv)
    with sturdy_output():
        code = guarded(lambda: _work(words))
        code = guarded(flush) or code
    if _verb_of(words) == _BISECT_STEP and code not in _JUDGEMENTS:
        return _STOP_BISECTION  # git would take the usual 2 for a bad revision
    return code


def _verb_of(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")


def _work(words: Sequence[str]) -> int:
    try:
        parsed = _parser().parse_args(words)
    except SystemExit as end:  # --help, or a mistake that argparse has told
        return int(end.code or 0)
    command = importlib.import_module(f"harness.commands.{parsed.module}")
    return int(command.main(parsed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="harness",
        description="Prove whether a machine can still rebuild after garbage collection, offline.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"harness {__version__}")
    verbs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(verbs)
    _add_list(verbs)
    _add_show(verbs)
    _add_doctor(verbs)
    _add_setup(verbs)
    _add_shell(verbs)
    _add_bench(verbs)
    _add_plan(verbs)
    _add_merge(verbs)
    _add_compare(verbs)
    _add_bisect(verbs)
    _add_bisect_step(verbs)
    _add_publish(verbs)
    _add_explain(verbs)
    _add_rehearse(verbs)
    _add_restore(verbs)
    _add_verify_minimal(verbs)
    return parser


_Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _verb(verbs: _Verbs, name: str, module: str, summary: str) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    verb.set_defaults(module=module)
    return verb


def _add_run(verbs: _Verbs) -> None:
    run = _verb(verbs, "run", "run", "run scenarios and write the reports")
    arguments.add_selection(run)
    arguments.add_tier(run, "embedded", "nixos")
    arguments.add_machine(run)
    arguments.add_nixos(run)
    run.add_argument(
        "--report-dir",
        default="reports",
        metavar="DIR",
        help="where junit.xml, results.json and the other reports go (default: %(default)s)",
    )
    run.add_argument(
        "--deadline",
        type=arguments.positive,
        metavar="SECONDS",
        help="stop in order after so long, with valid reports and exit code 3",
    )
    run.add_argument(
        "--tree",
        metavar="DIR",
        help="another pocket system, as harness/systems/pocket of another revision",
    )
    run.add_argument(
        "--shard", type=arguments.shard, metavar="I/N", help="only part I of N; see `harness plan`"
    )
    arguments.add_timings(run)


def _add_list(verbs: _Verbs) -> None:
    listing = _verb(verbs, "list", "listing", "list scenarios, strategies, edits and cells")
    listing.add_argument(
        "what",
        nargs="?",
        default="scenarios",
        choices=["scenarios", "strategies", "provisions", "edits", "cells"],
        help="what to list (default: %(default)s)",
    )
    arguments.add_root(listing)
    arguments.add_format(listing)


def _add_show(verbs: _Verbs) -> None:
    show = _verb(verbs, "show", "show", "show the plan of scenarios: stages, cells and claims")
    arguments.add_selection(show)
    arguments.add_tier(show, "any", "embedded", "nixos")
    arguments.add_format(show)


def _add_doctor(verbs: _Verbs) -> None:
    doctor = _verb(verbs, "doctor", "doctor", "try what this host can do")
    arguments.add_format(doctor)


def _add_setup(verbs: _Verbs) -> None:
    setup = _verb(
        verbs, "setup", "setup", "build the guest image and publish the simulated packages"
    )
    arguments.add_machine(setup)


def _add_shell(verbs: _Verbs) -> None:
    shell = _verb(verbs, "shell", "shell", "boot a machine to a stage and give a prompt in it")
    arguments.add_selection(shell)
    arguments.add_machine(shell)
    shell.add_argument(
        "--stage",
        default="cut",
        choices=["ready", "provisioned", "cut"],
        help="how far to go before the prompt (default: %(default)s)",
    )


def _add_bench(verbs: _Verbs) -> None:
    bench = _verb(verbs, "bench", "bench", "measure the harness itself, as ratios")
    bench.add_argument(
        "--part",
        action="append",
        choices=["machine", "graphs", "kept"],
        help="only machine and engine, derivation graphs, or what a rehearsal keeps; repeatable",
    )
    arguments.add_selection(bench)
    arguments.add_machine(bench)
    arguments.add_format(bench)


def _add_plan(verbs: _Verbs) -> None:
    plan = _verb(verbs, "plan", "planning", "cut the cells into shards, as a job matrix")
    arguments.add_selection(plan)
    arguments.add_tier(plan, "embedded", "nixos")
    arguments.add_network_model(plan)
    plan.add_argument(
        "--shards",
        type=arguments.positive_count,
        default=1,
        metavar="N",
        help="into how many parts (default: %(default)s)",
    )
    arguments.add_timings(plan)
    arguments.add_format(plan)


def _add_merge(verbs: _Verbs) -> None:
    merge = _verb(verbs, "merge", "merge", "join the shards of one run into one report")
    merge.add_argument("results", nargs="+", help="report folders, or results.json files")
    merge.add_argument("--report-dir", required=True, metavar="DIR", help="where the reports go")


def _add_compare(verbs: _Verbs) -> None:
    compare = _verb(verbs, "compare", "compare", "tell what became better or worse between runs")
    for name in ("base", "head"):
        compare.add_argument(name, help=f"report folder or results.json of the {name} run")
    compare.add_argument(
        "--max-growth",
        type=arguments.share,
        metavar="PERCENT",
        help="bytes kept and derivations built may grow by so much, and no more",
    )
    compare.add_argument(
        "--max-slowdown",
        type=arguments.share,
        metavar="PERCENT",
        help="the same for times, which vary by themselves",
    )
    compare.add_argument(
        "--report-dir", metavar="DIR", help="where compare.json, .md, .txt and -junit.xml go"
    )
    compare.add_argument(
        "--format",
        choices=["text", "json", "markdown", "junit"],
        default="text",
        help="what is printed (default: %(default)s)",
    )


def _add_bisect(verbs: _Verbs) -> None:
    bisect = _verb(verbs, "bisect", "bisect", "find the commit that broke a rebuild")
    _add_bisected(bisect)
    bisect.add_argument("--good", required=True, metavar="REV", help="a revision that works")
    bisect.add_argument(
        "--bad", default="HEAD", metavar="REV", help="one that does not (default: %(default)s)"
    )
    bisect.add_argument(
        "--repo", default=".", metavar="DIR", help="the git checkout (default: the current folder)"
    )
    bisect.add_argument(
        "--report-dir",
        default="reports/bisect",
        metavar="DIR",
        help="where steps and reports go; run again with the same to resume (default: %(default)s)",
    )


def _add_bisect_step(verbs: _Verbs) -> None:
    step = _verb(
        verbs,
        _BISECT_STEP,
        "bisect_step",
        "judge the current checkout, for your own git bisect run",
    )
    _add_bisected(step)
    step.add_argument(
        "--report-dir",
        default="reports/bisect",
        metavar="DIR",
        help="where the reports go, a folder for each commit (default: %(default)s)",
    )
    step.add_argument(
        "--state", metavar="DIR", help="a step of the `harness bisect` of this folder"
    )


def _add_bisected(parser: argparse.ArgumentParser) -> None:
    arguments.add_selection(parser)
    arguments.add_tier(parser, "embedded", "nixos")
    arguments.add_machine(parser)
    parser.add_argument(
        "--tree",
        metavar="PATH",
        help="what to test, in the checkout (default: harness/systems/pocket; nixos tier: all)",
    )
    parser.add_argument(
        "--signature",
        default="",
        metavar="CAUSE[:NAME,...]",
        help="the failure to look for and what it lacks (default: that of the bad revision)",
    )
    parser.add_argument(
        "--deadline",
        type=arguments.positive,
        metavar="SECONDS",
        help="a revision that takes longer cannot be tested",
    )


def _add_publish(verbs: _Verbs) -> None:
    publish = _verb(verbs, "publish", "publish", "hand a report to the forge that runs this job")
    publish.add_argument(
        "--report-dir", default="reports", metavar="DIR", help="of the run (default: %(default)s)"
    )
    publish.add_argument(
        "--base-dir", metavar="DIR", help="of the run to compare with, and of its comparison"
    )
    publish.add_argument(
        "--annotations",
        type=int,
        default=9,
        choices=range(10),
        metavar="0-9",
        help="how many findings become annotations (default: %(default)s)",
    )
    publish.add_argument(
        "--no-job-summary", action="store_true", help="leave the job's summary page alone"
    )
    publish.add_argument(
        "--fail-on",
        choices=["failures", "errors", "regressions", "nothing"],
        default="failures",
        help="what makes the exit code other than 0 (default: %(default)s)",
    )


def _add_explain(verbs: _Verbs) -> None:
    explain = _verb(verbs, "explain", "explain", "say why a rebuild cannot be had offline")
    explain.add_argument("base", metavar="BASE.drv", help="the system as it is")
    explain.add_argument("next", metavar="NEXT.drv", help="the system after the edit")
    explain.add_argument(
        "--imported",
        action="store_true",
        help="NEXT.drv is what the evaluation imports: Nix names it when evaluating fails offline",
    )
    arguments.add_store(explain)
    arguments.add_format(explain)


def _add_rehearse(verbs: _Verbs) -> None:
    rehearse = _verb(
        verbs, "rehearse", "rehearse", "find the least to keep for edits made while offline"
    )
    rehearse.add_argument(
        "target",
        nargs="*",
        metavar="TARGET",
        help="a host of a flake (.#laptop), or BASE.drv NEXT.drv...; none: <nixos-config>",
    )
    rehearse.add_argument(
        "--configuration", metavar="FILE", help="a configuration of <nixpkgs/nixos>"
    )
    rehearse.add_argument(
        "-I", dest="search", action="append", default=[], metavar="PATH", help="as Nix takes it"
    )
    rehearse.add_argument(
        "--edit",
        action="append",
        default=[],
        metavar="MODULE.nix",
        help="a NixOS module with an edit of a kind to expect; repeatable",
    )
    rehearse.add_argument("--root", metavar="DIR", help="make GC roots in this folder")
    rehearse.add_argument(
        "--module",
        dest="module_file",
        metavar="FILE",
        help="write a NixOS module that keeps the set (system.extraDependencies)",
    )
    rehearse.add_argument("--bundle", metavar="FILE", help="write a file for `harness restore`")
    rehearse.add_argument(
        "--dry-run", action="store_true", help="change nothing: build, fetch and write nothing"
    )
    arguments.add_store(rehearse)
    arguments.add_format(rehearse)


def _add_restore(verbs: _Verbs) -> None:
    restore = _verb(verbs, "restore", "restore", "import a bundle of `harness rehearse`, offline")
    restore.add_argument("bundle", metavar="BUNDLE")
    restore.add_argument("--root", metavar="DIR", help="make GC roots in this folder")


def _add_verify_minimal(verbs: _Verbs) -> None:
    verify = _verb(
        verbs, "verify-minimal", "verify_minimal", "show that each path a rehearsal keeps is needed"
    )
    arguments.add_selection(verify)
    arguments.add_accelerator(verify)
    arguments.add_format(verify)
