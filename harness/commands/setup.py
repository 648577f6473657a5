"""``harness setup``: build the image and publish the packages, so that the first run is quick."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from harness.embedded import make_machine
from harness.errors import ExitCode
from harness.guest.image import ensure_image
from harness.machines.accelerator import choose_accelerator
from harness.run import signals
from harness.world import ensure_world


def main(arguments: argparse.Namespace) -> ExitCode:
    """Make what is missing and say where it lies."""

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with signals(), tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        image = ensure_image(progress)
        accelerator = choose_accelerator(arguments.accelerator, image)
        progress(f"accelerator: {accelerator.name} ({accelerator.reason})")
        make = make_machine(image, accelerator, Path(scratch))
        world = ensure_world(image, make, progress)
    progress(f"image {image.digest} and packages {world.folder.name} are ready")
    return ExitCode.OK
