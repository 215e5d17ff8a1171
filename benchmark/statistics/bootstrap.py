"""The cluster bootstrap: intervals of a class-macro mean by resampling subjects, not cases.

The bones of one person are not independent, so resampling cases would give intervals that are too
narrow. With few subjects (mini has six in test) even this interval is somewhat too narrow; it is the
percentile interval, not corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.statistics.resampling import DRAWS, Cells, cells_of, percentile_ends, resampled_macros


@dataclass(frozen=True)
class Table:
    """Values to average, with the category and the subject of each; all of one length."""

    values: Sequence[float]
    categories: Sequence[str]
    subjects: Sequence[str]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; the interval is None with fewer than two subjects."""

    value: float
    low: float | None
    high: float | None


def class_macro(table: Table) -> float:
    """The mean over categories of the mean within each: every category counts the same.

    >>> class_macro(Table([1.0, 1.0, 0.0], ["a", "a", "b"], ["x", "y", "x"]))
    0.5
    """
    return float(_cells(table).macros[0])


def cluster_bootstrap(table: Table, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """Class-macro mean with a 95 % percentile interval over resampled subjects.

    Args:
        table: at least one value.
        draws: number of resamples.
        seed: of the resampling; the same subjects and seed give the same resamples.

    Returns:
        The estimate. A resample without any case of a category averages over the categories it has.

    Raises:
        ValueError: if there are no values, or the table's columns differ in length.
    """
    cells = _cells(table)
    value = float(cells.macros[0])
    drawn = resampled_macros(cells, draws, seed)
    if drawn is None:
        return Estimate(value, None, None)
    low, high = percentile_ends(drawn)
    return Estimate(value, float(low[0]), float(high[0]))


def _cells(table: Table) -> Cells:
    values = np.asarray(table.values, dtype=np.float64)
    if not len(values):
        raise ValueError("there are no values to average")
    if not len(values) == len(table.categories) == len(table.subjects):
        raise ValueError("values, categories and subjects differ in length")
    return cells_of(values[None], table.categories, table.subjects)
