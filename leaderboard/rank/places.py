"""From pairs that are told apart to places: rank intervals and groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaderboard.model import Rank
from leaderboard.rank.panel import Floats, Panel, class_macros
from leaderboard.rank.separation import separate


def ranks(panel: Panel, higher_is_better: bool = True) -> list[Rank]:
    """Places of all methods on one board.

    The interval of a method goes from 1 + (methods known to be better) to all methods - (methods known to be worse).
    With 95 % confidence the intervals of *all* methods hold, and one that is tied with others has every place of the
    tie in its interval: two equal methods at the top each have [1, 2].

    Args:
        panel: values of the methods that are ranked.
        higher_is_better: direction of the metric.

    Returns:
        One rank a method, in the panel's order.
    """
    better = separate(panel, higher_is_better).better
    macros = class_macros(panel) * (1.0 if higher_is_better else -1.0)
    groups = groups_of(macros, better)
    count = len(macros)
    return [Rank(1 + int(better[:, i].sum()), count - int(better[i].sum()), group) for i, group in enumerate(groups)]


def groups_of(macros: Floats, better: NDArray[np.bool_]) -> list[int]:
    """Groups of neighbours, 1 the best, in which nobody is told apart from anybody.

    A group ends where the next method is told apart from any of its members. Two methods of different groups may still
    be equal: only ``better`` says who differs.

    Args:
        macros: (methods,) larger is better.
        better: (methods, methods) whether the row is known to be better than the column.
    """
    groups = [0] * len(macros)
    members: list[int] = []
    group = 1
    for method in np.argsort(-macros, kind="stable").tolist():
        if any(better[other, method] or better[method, other] for other in members):
            group, members = group + 1, []
        members.append(method)
        groups[method] = group
    return groups
