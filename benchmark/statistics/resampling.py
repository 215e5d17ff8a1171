"""Class-macro means in resamples of whole subjects, of one method or of many at once.

The bones of one person are not independent, so subjects are drawn, never cases. All methods share the draws.
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
_AT_ONCE = 2**22
"""Numbers of a resampling matrix that are held at a time."""
_GATHERED = 10
"""About how many numbers of a matrix product cost as much as gathering one number."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Values added up by subject and category.

    Attributes:
        sums: (subjects, categories, methods).
        counts: (subjects, categories), the number of values in each sum.
    """

    sums: Floats
    counts: Floats

    @property
    def macros(self) -> Floats:
        """Class-macro mean of every method, (methods,)."""
        result: Floats = class_macros(self.sums.sum(axis=0)[None], self.counts.sum(axis=0)[None])[0]
        return result


def cells_of(values: Floats, categories: Sequence[str], subjects: Sequence[str]) -> Cells:
    """Add up values (methods, cases) by the subject and the category of their case, each in sorted order."""
    names, category = np.unique(np.asarray(categories), return_inverse=True)
    people, subject = np.unique(np.asarray(subjects), return_inverse=True)
    sums = np.zeros((len(people), len(names), len(values)))
    counts = np.zeros(sums.shape[:2])
    np.add.at(sums, (subject, category), values.T)
    np.add.at(counts, (subject, category), 1.0)
    return Cells(sums, counts)


def class_macros(sums: Floats, counts: Floats) -> Floats:
    """Means over the categories that are there, (n, methods).

    Args:
        sums: (n, categories, methods).
        counts: (n, categories), 0 where a category is absent.
    """
    present = counts > 0.5
    means: Floats = np.where(present[..., None], sums / np.maximum(counts, 1.0)[..., None], 0.0)
    result: Floats = means.sum(axis=1) / present.sum(axis=1)[:, None]
    return result


def resampled_macros(cells: Cells, draws: int = DRAWS, seed: int = 0) -> Floats | None:
    """Class-macro means in resamples of whole subjects, (draws, methods); None with fewer than two subjects.

    A resample without any case of a category averages over the categories it has. The same number of subjects and
    seed give the same resamples.
    """
    subjects, categories, methods = cells.sums.shape
    if subjects < 2:
        return None
    rng = generator_for("statistics", "cluster-bootstrap", seed)
    weights = rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=draws).astype(np.float64)
    filled = np.flatnonzero(cells.counts.reshape(-1))  # cells of (subject, category) that have a case
    # Few methods, or subjects with all categories: sum up every cell. Many methods of subjects with few categories
    # each: the weight of each filled cell once, for all methods.
    every = subjects * categories * methods <= _GATHERED * len(filled)
    subject, category = np.divmod(filled, categories)
    table = cells.sums.reshape(subjects, -1) if every else cells.sums.reshape(-1, methods)[filled]
    drawn = np.empty((draws, methods))
    step = max(1, _AT_ONCE // (categories * methods if every else len(filled)))
    for start in range(0, draws, step):
        part = weights[start : start + step]
        cases = part @ cells.counts
        present = cases > 0
        shares = np.divide(1.0, cases, out=np.zeros_like(cases), where=present) / present.sum(axis=1, keepdims=True)
        if every:
            sums = (part @ table).reshape(-1, categories, methods)
            drawn[start : start + step] = np.einsum("dcm,dc->dm", sums, shares)
        else:
            drawn[start : start + step] = (part[:, subject] * shares[:, category]) @ table
    return drawn


def percentile_ends(drawn: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends, (methods,) each, of the 95 % percentile intervals of (draws, methods)."""
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    return low, high
