"""The cluster bootstrap: intervals of a class-macro mean by resampling subjects, not cases.

The bones of one person are not independent, so resampling cases would give intervals that are too
narrow. With few subjects (mini has six in test) even this interval is somewhat too narrow; it is the
percentile interval, not corrected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medshape_text.seeds import generator_for

DRAWS = 10_000
LEVEL = 0.95
Floats = NDArray[np.float64]


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
    sums, counts = _by_subject_and_category(table)
    return float((sums.sum(axis=0) / counts.sum(axis=0)).mean())


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
    sums, counts = _by_subject_and_category(table)
    value = float((sums.sum(axis=0) / counts.sum(axis=0)).mean())
    subjects = len(sums)
    if subjects < 2:
        return Estimate(value, None, None)
    rng = generator_for("statistics", "cluster-bootstrap", seed)
    weights = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=draws).astype(np.float64)
    drawn_sums, drawn_counts = weights @ sums, weights @ counts
    present = drawn_counts > 0
    means = np.divide(drawn_sums, drawn_counts, out=np.zeros_like(drawn_sums), where=present)
    macros = means.sum(axis=1) / present.sum(axis=1)
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(macros, [tail, 100 - tail])
    return Estimate(value, float(low), float(high))


def _by_subject_and_category(table: Table) -> tuple[Floats, Floats]:
    """Sums and counts of the values, (subjects, categories)."""
    values = np.asarray(table.values, dtype=np.float64)
    if not len(values):
        raise ValueError("there are no values to average")
    if not len(values) == len(table.categories) == len(table.subjects):
        raise ValueError("values, categories and subjects differ in length")
    _, category = np.unique(np.asarray(table.categories), return_inverse=True)
    _, subject = np.unique(np.asarray(table.subjects), return_inverse=True)
    sums = np.zeros((subject.max() + 1, category.max() + 1))
    counts = np.zeros_like(sums)
    np.add.at(sums, (subject, category), values)
    np.add.at(counts, (subject, category), 1.0)
    return sums, counts
