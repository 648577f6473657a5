"""Arguments in, exit code out: the command line, without logic and quick to start."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TypeAlias

from harness import __version__
from harness.errors import ExitCode, HarnessError

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

_DIMENSIONS = {
    "--strategy": "strategies",
    "--edit": "edits",
    "--provision": "provisions",
    "--caches": "caches",
    "--network": "network",
    "--command": "commands",
    "--flags": "flags",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; every error becomes a message and one of `ExitCode`."""
    arguments = _parser().parse_args(argv)
    try:
        command = importlib.import_module(f"harness.commands.{arguments.module}")
        return int(command.main(arguments))
    except HarnessError as error:
        _complain(str(error))
        return int(error.exit_code)
    except KeyboardInterrupt:
        _complain("interrupted")
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`harness list | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)
    except Exception:  # noqa: BLE001 - our own bug: show all of it and say so
        traceback.print_exc()
        _complain("internal error: this is a bug of the harness, please report it")
        return int(ExitCode.INTERNAL)


def _complain(message: str) -> None:
    print(f"harness: error: {message}", file=sys.stderr)


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
    return parser


_Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _verb(verbs: _Verbs, name: str, module: str, summary: str) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    verb.set_defaults(module=module)
    return verb


def _add_run(verbs: _Verbs) -> None:
    run = _verb(verbs, "run", "run", "run scenarios and write the reports")
    _add_selection(run)
    _add_machine(run)
    run.add_argument(
        "--report-dir",
        default="reports",
        metavar="DIR",
        help="where junit.xml, results.json and the other reports go (default: %(default)s)",
    )
    run.add_argument(
        "--deadline",
        type=_positive,
        metavar="SECONDS",
        help="stop in order after so long, with valid reports and exit code 3",
    )


def _add_list(verbs: _Verbs) -> None:
    listing = _verb(verbs, "list", "listing", "list scenarios, strategies, edits and cells")
    listing.add_argument(
        "what",
        nargs="?",
        default="scenarios",
        choices=["scenarios", "strategies", "provisions", "edits", "cells"],
        help="what to list (default: %(default)s)",
    )
    _add_root(listing)
    _add_format(listing)


def _add_show(verbs: _Verbs) -> None:
    show = _verb(verbs, "show", "show", "show the plan of scenarios: stages, cells and claims")
    _add_selection(show)
    _add_format(show)


def _add_doctor(verbs: _Verbs) -> None:
    doctor = _verb(verbs, "doctor", "doctor", "try what this host can do")
    _add_format(doctor)


def _add_setup(verbs: _Verbs) -> None:
    setup = _verb(
        verbs, "setup", "setup", "build the guest image and publish the simulated packages"
    )
    _add_machine(setup)


def _add_shell(verbs: _Verbs) -> None:
    shell = _verb(verbs, "shell", "shell", "boot a machine to a stage and give a prompt in it")
    _add_selection(shell)
    _add_machine(shell)
    shell.add_argument(
        "--stage",
        default="cut",
        choices=["ready", "provisioned", "cut"],
        help="how far to go before the prompt (default: %(default)s)",
    )


def _add_bench(verbs: _Verbs) -> None:
    bench = _verb(verbs, "bench", "bench", "measure the harness itself, as ratios")
    _add_machine(bench)
    _add_format(bench)


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scenarios",
        default="scenarios",
        metavar="DIR",
        help="the folder that holds the scenario folders (default: %(default)s)",
    )


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario",
        nargs="*",
        help="names or folders of scenarios; none means all of them",
    )
    _add_root(parser)
    for option, dimension in _DIMENSIONS.items():
        parser.add_argument(
            option,
            dest=dimension,
            type=_whole if dimension == "flags" else _comma_separated,
            action="extend",
            default=[],
            metavar="NAME[,NAME...]" if dimension != "flags" else "WORDS",
            help=_selection_help(option, dimension),
        )


def _selection_help(option: str, dimension: str) -> str:
    if dimension == "flags":
        return "only cells with these flags, as in --flags='--option substitute false'; repeatable"
    return f"only cells with one of these {dimension}; repeatable"


def _comma_separated(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _whole(text: str) -> list[str]:
    return [text]


def _add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accelerator",
        default="auto",
        choices=["auto", "require-kvm", "tcg"],
        help="auto uses KVM where a guest really boots under it, else emulation",
    )
    parser.add_argument(
        "--jobs",
        type=_positive_count,
        default=None,
        metavar="N",
        help="machines side by side (default: one per core, at most 4)",
    )


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="default: %(default)s"
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def _positive_count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)
