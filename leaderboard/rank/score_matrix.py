"""Values of many methods on the same cases, and what averages of them rest on: subjects, each counted as a whole.

The bones of one person are not independent, so every uncertainty here is one of subjects, never of cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics import DRAWS
from benchmark.statistics.bootstrap import LEVEL
from leaderboard.model import Interval
from medshape_text.seeds import generator_for

Floats = NDArray[np.float64]
_AT_ONCE = 2**22
"""Numbers of a resampling matrix that are held at a time."""


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
    sums, counts = _cells(matrix)
    macros: Floats = _macros(sums.sum(axis=0)[None], counts.sum(axis=0)[None])[0]
    return macros


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
    tail = 100 * (1 - LEVEL) / 2
    lows, highs = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return [Interval(float(v), float(a), float(b)) for v, a, b in zip(macros, lows, highs, strict=True)]


def resampled_macros(matrix: ScoreMatrix, draws: int = DRAWS) -> Floats | None:
    """Class-macro means in resamples of whole subjects, (draws, methods); None with fewer than two subjects.

    A resample without any case of a category averages over the categories it has.
    """
    sums, counts = _cells(matrix)
    subjects, methods = len(sums), sums.shape[2]
    if subjects < 2:
        return None
    rng = generator_for("statistics", "cluster-bootstrap", 0)
    weights = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=draws).astype(np.float64)
    filled = np.flatnonzero(counts.reshape(-1))  # cells of (subject, category) that have a case
    subject, category = np.divmod(filled, counts.shape[1])
    cells = sums.reshape(-1, methods)[filled]
    drawn = np.empty((draws, methods))
    step = max(1, _AT_ONCE // len(filled))
    for start in range(0, draws, step):
        part = weights[start : start + step]
        cases = part @ counts
        present = cases > 0
        shares = np.divide(1.0, cases, out=np.zeros_like(cases), where=present) / present.sum(axis=1, keepdims=True)
        drawn[start : start + step] = (part[:, subject] * shares[:, category]) @ cells
    return drawn


def pseudo_values(matrix: ScoreMatrix) -> Floats:
    """Jackknife pseudo-values of the class-macro means, (subjects, methods).

    Where every subject has the same cases they are the subjects' own class-macro means. Where not, leaving a subject
    out also says what it means that a category rests on this subject alone. Their covariance over the number of
    subjects is that of the class-macro means.
    """
    sums, counts = _cells(matrix)
    subjects = len(sums)
    whole = _macros(sums.sum(axis=0)[None], counts.sum(axis=0)[None])
    if subjects < 2:
        return whole
    without = _macros(sums.sum(axis=0) - sums, counts.sum(axis=0) - counts)
    return subjects * whole - (subjects - 1) * without


def _cells(matrix: ScoreMatrix) -> tuple[Floats, Floats]:
    """Sums (subjects, categories, methods) and counts (subjects, categories) of the values."""
    names, category = np.unique(np.asarray(matrix.categories), return_inverse=True)
    people, subject = np.unique(np.asarray(matrix.subjects), return_inverse=True)
    sums = np.zeros((len(people), len(names), len(matrix.values)))
    counts = np.zeros(sums.shape[:2])
    np.add.at(sums, (subject, category), matrix.values.T)
    np.add.at(counts, (subject, category), 1.0)
    return sums, counts


def _macros(sums: Floats, counts: Floats) -> Floats:
    """Means over the categories that are there, (n, methods), of sums (n, categories, methods)."""
    present = counts > 0.5
    means: Floats = np.where(present[..., None], sums / np.maximum(counts, 1.0)[..., None], 0.0)
    result: Floats = means.sum(axis=1) / present.sum(axis=1)[:, None]
    return result
