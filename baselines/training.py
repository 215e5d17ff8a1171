"""What the controls share: which training shapes belong to a category, and asking for one nobody has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from benchmark.contract import TrainingData
from benchmark.names import unknown

REAL = "real_subject"
"""Origin of a shape or image that a scanner has seen."""
RENDERED = "rendered"
"""Origin of an image that was computed from real anatomy."""

T = TypeVar("T")


class NotFittedError(RuntimeError):
    """``predict`` was called on a control that has to be fitted first."""


def rows_by_category(data: TrainingData, *, real_only: bool) -> dict[str, list[int]]:
    """Indices of the training shapes of every category, in data-set order; categories sorted by name."""
    rows: dict[str, list[int]] = {}
    for index, (category, origin) in enumerate(zip(data.categories, data.origins, strict=True)):
        if origin == REAL or not real_only:
            rows.setdefault(category, []).append(index)
    return dict(sorted(rows.items()))


def learnt(store: Mapping[str, T], category: str) -> T:
    """What was learnt about a category.

    Raises:
        NotFittedError: if nothing was learnt at all.
        UnknownNameError: (a ``LookupError``) if the category was not in the training split.
    """
    if not store:
        raise NotFittedError("this control learns from the training split: call fit before predict")
    if category not in store:
        raise unknown("category", category, store)
    return store[category]
