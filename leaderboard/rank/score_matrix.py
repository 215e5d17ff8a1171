"""Values of many methods on the same cases, and what averages of them rest on: subjects, each counted as a whole.

The bones of one person are not independent, so every uncertainty here is one of subjects, never of cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics import DRAWS, resampling
from leaderboard.model import Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreMatrix:
    """One metric of all methods on the same cases.

    Attributes:
        values: (methods, cases), finite.
        categories: of the cases.
        subjects: of the cases.
    """

    values: Floats
    categories: Sequence[str]
    subjects: Sequence[str]

    def __post_init__(self) -> None:
        """Refuse what cannot be averaged.

        Raises:
            ValueError: if sizes do not fit, there are no cases, or a value is not finite.
        """
        if self.values.ndim != 2 or not self.values.shape[1] == len(self.categories) == len(self.subjects) > 0:
            raise ValueError("a matrix needs (methods, cases) values and a category and a subject of every case")
        if not np.isfinite(self.values).all():
            raise ValueError("a matrix needs a finite value of every method on every case")


def class_macros(matrix: ScoreMatrix) -> Floats:
    """Class-macro mean of every method, (methods,): every category counts the same.

    >>> class_macros(ScoreMatrix(np.array([[1.0, 1.0, 0.0]]), ["a", "a", "b"], ["x", "y", "x"]))
    array([0.5])
    """
    return _cells(matrix).macros


def intervals(matrix: ScoreMatrix, draws: int = DRAWS) -> list[Interval]:
    """Class-macro means with 95 % percentile intervals over resampled subjects.

    The resamples are those of `benchmark.statistics.cluster_bootstrap`, and so are the numbers; all methods share them.

    Args:
        matrix: values of all methods.
        draws: number of resamples.

    Returns:
        One a method; its ends are None with fewer than two subjects.
    """
    macros = class_macros(matrix)
    drawn = resampled_macros(matrix, draws)
    if drawn is None:
        return [Interval(float(value)) for value in macros]
    lows, highs = resampling.percentile_ends(drawn)
    return [Interval(float(v), float(a), float(b)) for v, a, b in zip(macros, lows, highs, strict=True)]


def resampled_macros(matrix: ScoreMatrix, draws: int = DRAWS) -> Floats | None:
    """Class-macro means in resamples of whole subjects, (draws, methods); None with fewer than two subjects.

    A resample without any case of a category averages over the categories it has.
    """
    return resampling.resampled_macros(_cells(matrix), draws)


def pseudo_values(matrix: ScoreMatrix) -> Floats:
    """Jackknife pseudo-values of the class-macro means, (subjects, methods).

    Where every subject has the same cases they are the subjects' own class-macro means. Where not, leaving a subject
    out also says what it means that a category rests on this subject alone. Their covariance over the number of
    subjects is that of the class-macro means.
    """
    cells = _cells(matrix)
    subjects = len(cells.sums)
    whole = cells.macros[None]
    if subjects < 2:
        return whole
    sums, counts = cells.sums, cells.counts
    without = resampling.class_macros(sums.sum(axis=0) - sums, counts.sum(axis=0) - counts)
    return subjects * whole - (subjects - 1) * without


def _cells(matrix: ScoreMatrix) -> resampling.Cells:
    return resampling.cells_of(matrix.values, matrix.categories, matrix.subjects)
