"""The per-category plot: one band a category, one lane a method; dots are cases, the bar is the mean's interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, LEFT, RIGHT, TOP = 860, 150, 24, 14
LANE, GAP, AXIS = 15, 12, 40


@dataclass(frozen=True)
class Lane:
    """One method in one category: its case values, their mean and the mean's 95 % interval (None: not known)."""

    category: str
    method: str
    values: tuple[float, ...]
    mean: float
    low: float | None = None
    high: float | None = None


def category_plot(lanes: Sequence[Lane], methods: Sequence[str], metric: str) -> str:
    """Inline SVG. Colours come from the page's classes ``m0`` ... by the order of ``methods``."""
    categories = list(dict.fromkeys(lane.category for lane in lanes))
    low, high, ticks = _scale([value for lane in lanes for value in (*lane.values, lane.low, lane.high)])
    band = LANE * len(methods) + GAP
    height = TOP + band * len(categories) + AXIS

    def x(value: float) -> str:
        return f"{LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT):.1f}"

    floor = TOP + band * len(categories)
    label = f"{escape(metric)} by category and method; the numbers are in the tables"
    parts = [f'<svg class="plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">']
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="{TOP}" y2="{floor}"/>')
        parts.append(f'<text class="tick" x="{x(tick)}" y="{floor + 16}" text-anchor="middle">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{floor + 34}" text-anchor="middle">{escape(metric)}</text>')
    for row, category in enumerate(categories):
        top = TOP + band * row
        if row % 2 == 0:
            parts.append(f'<rect class="band" x="0" y="{top}" width="{WIDTH}" height="{band}"/>')
        centre = top + band / 2
        name = escape(category.replace("_", " "))
        parts.append(f'<text x="{LEFT - 12}" y="{centre + 4.5:.1f}" text-anchor="end">{name}</text>')
        for lane in (lane for lane in lanes if lane.category == category):
            index = list(methods).index(lane.method)
            parts.append(_lane(lane, index, top + GAP / 2 + LANE * (index + 0.5), x))
    return "".join([*parts, "</svg>"])


def _lane(lane: Lane, index: int, y: float, x: Callable[[float], str]) -> str:
    interval = "" if lane.low is None or lane.high is None else f" [{lane.low:.3f}, {lane.high:.3f}]"
    title = f"{lane.category}, {lane.method}: {lane.mean:.3f}{interval}, n = {len(lane.values)}"
    parts = [f'<g class="m{index}"><title>{escape(title)}</title>']
    parts += [f'<circle class="dot" cx="{x(value)}" cy="{y:.1f}" r="2.6"/>' for value in lane.values]
    if lane.low is not None and lane.high is not None:
        parts.append(f'<line class="whisker" x1="{x(lane.low)}" x2="{x(lane.high)}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<circle class="mean" cx="{x(lane.mean)}" cy="{y:.1f}" r="4.6"/></g>')
    return "".join(parts)


def _scale(values: Sequence[float | None]) -> tuple[float, float, list[float]]:
    """Limits and round ticks for an axis that shows all values."""
    known = np.array([value for value in values if value is not None and np.isfinite(value)])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    span = max(high - low, 0.05)
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 50, 1e9) if span / s <= 8)
    first, last = np.floor(low / step), max(np.ceil(high / step), np.floor(low / step) + 1)
    ticks = [round(float(k) * step, 10) for k in np.arange(first, last + 1)]
    return ticks[0], ticks[-1], ticks
