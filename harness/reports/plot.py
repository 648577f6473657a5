"""Where the marks of a frontier go in a drawing: bytes to the right, edits that survive upwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.reports.frontier import Frontier, Point
from harness.reports.text import human_bytes

WIDTH, HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 34, 18, 44
#: Marks nearer to each other than this would hide one another, and become one mark.
_APART = 23.0


@dataclass(frozen=True)
class Tick:
    """A labelled position on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """One or more strategies at a place of the drawing; *number* stands for them in it."""

    number: int
    x: float
    y: float
    points: tuple[Point, ...]
    best: bool


@dataclass(frozen=True)
class Plot:
    """A drawing of `WIDTH` by `HEIGHT`; *line* joins the strategies that no other beats."""

    left: float
    bottom: float
    right: float
    top: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    line: str  # the points of an SVG polyline


def plot(frontier: Frontier) -> Plot:
    """The drawing of *frontier*."""
    largest = max(1, *(point.extra for point in frontier.points))
    step = _step(largest)
    across = -(-largest // step) * step

    def x(extra: float) -> float:
        return _LEFT + max(0.0, extra) / across * (WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    places = [(x(point.extra), y(point.share), point) for point in frontier.points]
    return Plot(
        left=_LEFT,
        bottom=HEIGHT - _BOTTOM,
        right=WIDTH - _RIGHT,
        top=_TOP,
        x_ticks=tuple(
            Tick(x(n), human_bytes(n).replace(".0 ", " ")) for n in range(0, across + 1, step)
        ),
        y_ticks=tuple(Tick(y(n / 4), f"{25 * n} %") for n in range(5)),
        marks=_marks(places, frontier.best),
        line=_steps([(x(point.extra), y(point.share)) for point in frontier.best]),
    )


def _step(largest: int) -> int:
    """A round distance between ticks that gives about five of them."""
    size: int = 10 ** (len(str(largest)) - 1)
    return next(
        step
        for step in (max(1, size // 5), max(1, size // 2), size, 2 * size, 5 * size)
        if largest / step <= 6
    )


def _marks(places: Sequence[tuple[float, float, Point]], best: Sequence[Point]) -> tuple[Mark, ...]:
    groups: list[list[tuple[float, float, Point]]] = []
    for place in places:
        for group in groups:
            if math.dist(group[0][:2], place[:2]) < _APART:
                group.append(place)
                break
        else:
            groups.append([place])
    return tuple(
        Mark(
            number=number,
            x=group[0][0],
            y=group[0][1],
            points=tuple(point for _, _, point in group),
            best=any(point in best for _, _, point in group),
        )
        for number, group in enumerate(groups, start=1)
    )


def _steps(corners: Sequence[tuple[float, float]]) -> str:
    """To the right first, then up: what a given number of bytes can buy."""
    path: list[tuple[float, float]] = []
    for x, y in corners:
        if path:
            path.append((x, path[-1][1]))
        path.append((x, y))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
