"""Which numbers stand in which column: one column a metric signature, never two signatures in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

TITLES = {
    "dice": "Dice", "observed_dice": "Observed Dice", "cd": "CD", "uhd": "UHD", "hd95": "HD95", "nsd": "NSD",
}  # fmt: skip
HIGHER_IS_BETTER = frozenset({"dice", "observed_dice", "nsd", "cov", "psnr", "ssim"})
PROFILE_TITLES = {
    "overlap": "Overlap",
    "dense": "Surface distance, dense profile",
    "genmed": "Published conventions, ×100",
}
_PROFILE_ORDER = ("overlap", "dense", "genmed")
_METRIC_ORDER = ("dice", "observed_dice", "cd", "uhd", "hd95", "nsd")
UNDER_VIEWS = ("dice", "cd", "uhd")
"""Metrics shown under each picture, in the first profile that has them."""


@dataclass(frozen=True)
class Column:
    """A metric with everything its signature pins ("cd|dense|...|unit:mm|v1")."""

    metric: str
    profile: str
    unit: str
    signature: str

    @property
    def title(self) -> str:
        """Heading, with the unit where it is a length."""
        name = TITLES.get(self.metric, self.metric)
        return f"{name}, mm" if self.unit == "mm" else name

    @property
    def higher_is_better(self) -> bool:
        """Direction of the metric."""
        return self.metric in HIGHER_IS_BETTER

    def text(self, value: float | None) -> str:
        """A value in the digits that carry information."""
        if value is None:
            return "–"
        if self.metric in HIGHER_IS_BETTER:
            return f"{value:.3f}"
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def columns_of(frames: Sequence[pd.DataFrame]) -> list[Column]:
    """The columns of all signatures that occur, headline first, grouped by profile."""
    signatures = dict.fromkeys(str(signature) for frame in frames for signature in frame["signature"].unique())
    columns = [_parse(signature) for signature in signatures]
    return sorted(
        columns, key=lambda c: (_rank(c.profile, _PROFILE_ORDER), _rank(c.metric, _METRIC_ORDER), c.signature)
    )


def under_views(columns: Sequence[Column]) -> list[Column]:
    """The columns whose values stand under each picture."""
    first = {column.metric: column for column in reversed(columns)}
    return [first[metric] for metric in UNDER_VIEWS if metric in first]


def groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Profile headings over consecutive columns, with how many columns they span."""
    spans: dict[str, int] = {}
    for column in columns:
        spans[column.profile] = spans.get(column.profile, 0) + 1
    return [(PROFILE_TITLES.get(name, name), span) for name, span in spans.items()]


def _parse(signature: str) -> Column:
    metric, profile, *choices = [*signature.split("|"), ""] if "|" not in signature else signature.split("|")
    unit = next((choice.removeprefix("unit:") for choice in choices if choice.startswith("unit:")), "")
    return Column(metric, profile, unit, signature)


def _rank(name: str, order: Sequence[str]) -> tuple[int, str]:
    return (order.index(name), "") if name in order else (len(order), name)
