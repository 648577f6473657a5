"""``harness restore``: import what ``harness rehearse --bundle`` put aside; needs no network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.errors import ExitCode
from harness.nix import placing


def main(arguments: argparse.Namespace) -> ExitCode:
    """Import the bundle, make its paths GC roots where asked, and say so."""
    if arguments.root is not None:
        placing.check_writable_folder(Path(arguments.root))
    paths = placing.restore(Path(arguments.bundle))
    print(f"{len(paths)} paths imported")
    if arguments.root is not None:
        links = placing.root(paths, Path(arguments.root))
        print(f"{len(links)} GC roots in {arguments.root}")
    elif paths:
        sys.stderr.write("the next garbage collection removes them: rebuild now, or give --root\n")
    return ExitCode.OK
