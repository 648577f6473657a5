"""Measures the harness itself: ratios from one run, since machines differ and are shared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One number with its unit and, where there is one, the goal that it should meet."""

    name: str
    value: float
    unit: str
    goal: str = ""
