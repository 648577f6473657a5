"""What one does beforehand so that a rebuild works later: one file each, found by name.

A new strategy is one new module in this folder with a subclass of `Strategy`; nothing else needs
to know of it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from harness.strategies.base import Strategy


@cache
def registry() -> dict[str, Strategy]:
    """Every strategy by name, `none` first, then in alphabetical order."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name == "base":
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Strategy)
                and value.__module__ == module.__name__
            ):
                found[value.name] = value()
    return dict(sorted(found.items(), key=lambda item: (item[0] != "none", item[0])))
