"""Python's cycle collector, kept out of work where it only costs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_cyclic_collection() -> Iterator[None]:
    """Keep the collector from walking through growing data again and again.

    Nothing in a graph or in results refers back, so there is nothing for it to find: it costs half
    as much again.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
