"""Arguments that several verbs of the command line share, and how words become values."""

from __future__ import annotations

import argparse

_DIMENSIONS = {
    "--strategy": "strategies",
    "--edit": "edits",
    "--provision": "provisions",
    "--caches": "caches",
    "--network": "network",
    "--command": "commands",
    "--flags": "flags",
}


def add_timings(parser: argparse.ArgumentParser) -> None:
    """How shards are balanced."""
    parser.add_argument(
        "--timings",
        metavar="RESULTS",
        help="balance the shards by the times in this results.json of an earlier run",
    )


def add_root(parser: argparse.ArgumentParser) -> None:
    """Where scenarios lie."""
    parser.add_argument(
        "--scenarios",
        default="scenarios",
        metavar="DIR",
        help="the folder that holds the scenario folders (default: %(default)s)",
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Which scenarios, and which cells of them."""
    parser.add_argument(
        "scenario",
        nargs="*",
        help="names or folders of scenarios; none means all of them",
    )
    add_root(parser)
    for option, dimension in _DIMENSIONS.items():
        parser.add_argument(
            option,
            dest=dimension,
            type=_whole if dimension == "flags" else _comma_separated,
            action="extend",
            default=[],
            metavar="NAME[,NAME...]" if dimension != "flags" else "WORDS",
            help=_selection_help(dimension),
        )


def _selection_help(dimension: str) -> str:
    if dimension == "flags":
        return "only cells with these flags, as in --flags='--option substitute false'; repeatable"
    return f"only cells with one of these {dimension}; repeatable"


def _comma_separated(text: str) -> list[str]:
    words = [word for word in text.split(",") if word]
    if not words:  # an unset variable must not mean everything
        raise argparse.ArgumentTypeError("a name is wanted, or none of this option")
    return words


def _whole(text: str) -> list[str]:
    return [text]


def add_tier(parser: argparse.ArgumentParser, default: str, *others: str) -> None:
    """Where scenarios run, and so which ones do."""
    parser.add_argument(
        "--tier",
        choices=[default, *others],
        default=default,
        help="embedded: the pocket system in QEMU; nixos: real NixOS by the NixOS test driver"
        " (default: %(default)s)",
    )


def add_nixos(parser: argparse.ArgumentParser) -> None:
    """What the NixOS tier needs to know."""
    nixos = parser.add_argument_group("of --tier nixos")
    nixos.add_argument(
        "--nixpkgs",
        default="nixpkgs",
        metavar="WHICH",
        help="a path, a revision or a flake reference (default: the registry's %(default)s)",
    )
    nixos.add_argument(
        "--flake",
        default="",
        metavar="REF#HOST",
        help="this host of a flake in place of the scenario's base system",
    )
    add_network_model(nixos)


def add_network_model(parser: argparse._ActionsContainer) -> None:
    """Where the machines of the NixOS tier get things from."""
    parser.add_argument(
        "--network-model",
        choices=["real", "hermetic"],
        default="real",
        help="before the cut: the real internet, or a cache made beforehand (default: %(default)s)",
    )


def add_machine(parser: argparse.ArgumentParser) -> None:
    """How machines run, and how many."""
    add_accelerator(parser)
    parser.add_argument(
        "--jobs",
        type=positive_count,
        default=None,
        metavar="N",
        help="machines side by side (default: one per core, at most 4); with more a run is over"
        " sooner, and each rebuild takes longer",
    )


def add_accelerator(parser: argparse.ArgumentParser) -> None:
    """How a machine runs."""
    parser.add_argument(
        "--accelerator",
        default="auto",
        choices=["auto", "require-kvm", "tcg"],
        help="auto uses KVM where a guest really boots under it, else emulation",
    )


def add_format(parser: argparse.ArgumentParser) -> None:
    """For people or for programs."""
    parser.add_argument(
        "--format", choices=["text", "json"], default="text", help="default: %(default)s"
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    """Which Nix store on this host is meant, and who may know the sizes of absent paths."""
    parser.add_argument(
        "--store", metavar="DIR", help="where the store's files are (default: as Nix has it)"
    )
    parser.add_argument(
        "--state", metavar="DIR", help="Nix's state directory (default: as Nix has it)"
    )
    parser.add_argument(
        "--cache", metavar="URL", help="a binary cache to ask for the sizes of absent paths"
    )


def positive(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def positive_count(text: str) -> int:
    """A whole number from 1 up."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def share(text: str) -> float:
    """A percentage (``5%`` or ``5``) as a share of one."""
    try:
        value = float(text.removesuffix("%")) / 100
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage from 0% up")
    return value


def shard(text: str) -> tuple[int, int]:
    """``I/N``: part I of N, counted from 1."""
    index, slash, count = text.partition("/")
    numbers = [int(word) for word in (index, count) if word.isascii() and word.isdecimal()]
    if not slash or len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1]:
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with I from 1 to N")
    return numbers[0], numbers[1]
