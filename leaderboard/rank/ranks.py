"""Ranks: rank intervals and groups, from which methods are really different.

All pairs are tested at once, with one error in twenty boards. For every pair of methods :math:`t` is the difference of
their class-macro means over its standard error, both from the subjects' jackknife pseudo-values. How large the largest
:math:`|t|` of all pairs gets when nobody differs is what two simulations say, and the more careful one decides:

* *resampled*: subjects are drawn with replacement from their own centred pseudo-values (the cluster bootstrap, shared
  by all methods, studentised in every resample). With six subjects a resample may hold only two of them and its
  :math:`t` explodes, so normal noise of the same covariance is added, with the bandwidth :math:`S^{-1/3}` that
  vanishes with many subjects: the smoothed bootstrap. What is left of skewness and heavy tails is seen.
* *normal*: subjects and methods are independent and normal. Each pair then follows Student's t with :math:`S - 1`
  degrees of freedom. This guards against few subjects, whose correlations between methods look stronger than they are.

Pairs are decided from the largest :math:`|t|` down, and what is decided no longer counts among the rest (Romano and
Wolf, JASA 100, 2005; for ranks: Mogstad, Romano, Shaikh and Wilhelm, Review of Economic Studies 91, 2024). The sign of
:math:`t` gives the direction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from leaderboard.model import Rank
from leaderboard.rank.score_matrix import Floats, ScoreMatrix, class_macros, pseudo_values
from medshape_text.seeds import generator_for

Indices = NDArray[np.int32]
SAME = 1e-10
"""Two methods' difference varies at least by this share of their own variances: below it, rounding would decide."""


@numba.njit(cache=True)
def count_exceeding(
    products: Floats,
    means: Floats,
    first: Indices,
    second: Indices,
    observed: Floats,
    floor: float,
    exceeded: NDArray[np.int64],
) -> None:
    """Count, for every pair in ascending order, the boards on which it or a pair below it reaches what was observed.

    Args:
        products: (boards, methods, methods) inner products of the methods' centred values.
        means: (boards, methods).
        first: (pairs,) one method of each pair.
        second: (pairs,) the other one.
        observed: (pairs,) ascending, squared difference of means over summed squares.
        floor: least summed squares.
        exceeded: (pairs,) counts that are added to.
    """
    for board in range(len(products)):
        largest = 0.0
        squares = np.diag(products[board]).copy()
        for pair in range(len(first)):
            one, other = first[pair], second[pair]
            own = squares[one] + squares[other]
            spread = max(own - 2.0 * products[board, one, other], SAME * own, floor)
            gap = means[board, one] - means[board, other]
            if gap * gap > largest * spread:  # divide only where there is something new
                largest = gap * gap / spread
            if largest >= observed[pair]:
                exceeded[pair] += 1


DRAWS = 2000
LEVEL = 0.95
_AT_ONCE = 2**20
"""Numbers of (resamples, methods, methods) that are held at a time."""
_ONE_SIDED = 1.645
"""Standard errors within which a simulated number lies above the truth in 95 of 100 cases."""
_ROUNDING = 1e-10
"""Differences of this share of the largest value are rounding."""
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class Separation:
    """What is known about every pair of methods.

    Attributes:
        differences: (methods, methods) row minus column, class-macro, larger is better.
        p_values: (methods, methods) adjusted for all pairs, two-sided.
        doubt: how much a p-value near the level may be too low, because it was simulated.
    """

    differences: Floats
    p_values: Floats
    doubt: float = 0.0

    @property
    def better(self) -> NDArray[np.bool_]:
        """(methods, methods): whether the row is better than the column."""
        result: NDArray[np.bool_] = (self.p_values + self.doubt <= 1 - LEVEL) & (self.differences > 0)
        return result


def separate(matrix: ScoreMatrix, higher_is_better: bool = True, draws: int = DRAWS) -> Separation:
    """Test all pairs of methods, with a chance of at most 5 % of any wrong answer on the whole board.

    Args:
        matrix: at least one method. With fewer than two subjects nobody is told apart.
        higher_is_better: direction of the metric.
        draws: resamples of either simulation; deterministic.

    Returns:
        Differences and adjusted p-values; the p-value of a method and itself is 1.
    """
    sign = 1.0 if higher_is_better else -1.0
    macros = sign * class_macros(matrix)
    differences = macros[:, None] - macros[None, :]
    pseudo = sign * pseudo_values(matrix)
    subjects, methods = pseudo.shape
    p_values = np.ones((methods, methods))
    if subjects >= 2 and methods >= 2:
        first, second = (index.astype(np.int32) for index in np.triu_indices(methods, 1))
        centred = pseudo - pseudo.mean(axis=0)
        least = max((_ROUNDING * float(np.abs(matrix.values).max())) ** 2, _TINY)
        observed = _observed(differences[first, second], centred, first, second, least)
        order = np.argsort(observed, kind="stable")
        first, second, observed = first[order], second[order], observed[order]
        found = np.maximum(
            _step_down(_resampled(centred), observed, first, second, draws, least),
            _step_down(_normal(centred), observed, first, second, draws, _TINY),
        )
        # A pair is never decided before one with a larger t.
        adjusted = np.maximum.accumulate(found[::-1])[::-1]
        p_values[first, second] = adjusted
        p_values[second, first] = adjusted
    return Separation(differences, p_values, _ONE_SIDED * (LEVEL * (1 - LEVEL) / draws) ** 0.5)


Source = Callable[[int], Floats]
"""Gives so many (draws, subjects, methods) boards on which nobody is better."""


def _observed(differences: Floats, centred: Floats, first: Indices, second: Indices, least: float) -> Floats:
    """Squared difference over summed squares of its centred pseudo-values: t squared up to a factor S (S - 1)."""
    own = (centred**2).sum(axis=0)
    spread = np.empty(len(first))
    for method in range(centred.shape[1]):  # differences are taken first: the way through products would cancel
        those = first == method
        spread[those] = ((centred[:, [method]] - centred[:, second[those]]) ** 2).sum(axis=0)
    floor = np.maximum(SAME * (own[first] + own[second]), least)
    result: Floats = differences * differences / np.maximum(spread, floor)
    return result


def _step_down(source: Source, observed: Floats, first: Indices, second: Indices, draws: int, least: float) -> Floats:
    """P-values of pairs in ascending order of what was observed: how often the largest of it and all below is larger.

    Args:
        source: of boards on which nobody is better.
        observed: (pairs,) ascending.
        first: (pairs,) one method of each pair.
        second: (pairs,) the other one.
        draws: number of boards.
        least: floor of summed squares.
    """
    exceeded = np.zeros(len(observed), dtype=np.int64)
    step = max(1, _AT_ONCE // (int(second.max()) + 1) ** 2)
    for start in range(0, draws, step):
        boards = source(min(step, draws - start))
        means = boards.mean(axis=1)
        boards = boards - means[:, None]
        count_exceeding(boards.transpose(0, 2, 1) @ boards, means, first, second, observed, least, exceeded)
    p_values: Floats = ((1.0 + exceeded) / (1.0 + draws)).astype(np.float64)
    return p_values


def _resampled(centred: Floats) -> Source:
    subjects = len(centred)
    rng = generator_for("leaderboard", "separation/resampled")
    bandwidth = subjects ** (-1 / 3) / np.sqrt(subjects)  # noise of a sum over subjects has their covariance

    def boards(count: int) -> Floats:
        picked = rng.integers(subjects, size=(count, subjects))
        noise = rng.standard_normal((count, subjects, subjects))
        # Resampling is a matrix too: one product gives both.
        mixing = bandwidth * noise
        np.put_along_axis(mixing, picked[..., None], np.take_along_axis(mixing, picked[..., None], 2) + 1.0, 2)
        result: Floats = mixing @ centred
        return result

    return boards


def _normal(centred: Floats) -> Source:
    rng = generator_for("leaderboard", "separation/normal")

    def boards(count: int) -> Floats:
        return rng.standard_normal((count, *centred.shape))

    return boards


def ranks(matrix: ScoreMatrix, higher_is_better: bool = True) -> list[Rank]:
    """Ranks of all methods on one board.

    The interval of a method goes from 1 + (methods known to be better) to all methods - (methods known to be worse).
    With 95 % confidence the intervals of *all* methods hold, and one that is tied with others has every rank of the
    tie in its interval: two equal methods at the top each have [1, 2].

    Args:
        matrix: values of the methods that are ranked.
        higher_is_better: direction of the metric.

    Returns:
        One rank a method, in the matrix's order.
    """
    better = separate(matrix, higher_is_better).better
    macros = class_macros(matrix) * (1.0 if higher_is_better else -1.0)
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
