"""Scores of drawn parts of two sets, from lists of nearest neighbours that were searched once.

The nearest of the shapes drawn is the first of a list that was drawn. Where none was, the list is searched
again, twice as long, as often as it takes: nothing is ever guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.clouds.trees import Indices
from benchmark.metrics.generation.neighbours import Neighbours
from benchmark.metrics.generation.scores import Layout
from benchmark.metrics.generation.sets import SetPair, ShapeSet

Floats = NDArray[np.float64]
Find = Callable[[int, Indices], Neighbours]
"""Undecided lists of that length for those rows."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """What is nearest to each of the M distinct clouds of a pair among the shapes drawn.

    Attributes:
        cross: (M,) distance to the nearest of the other set; inf if none of it was drawn.
        cross_at: (M,) which of the M clouds that is; arbitrary if there is none.
        own: (M,) distance to the nearest other shape of its own set, inf if there is none or it is not
            strictly nearer than the other set.
        missing: clouds that were drawn and whose lists are too short to tell; what is said of them is void.
    """

    cross: Floats
    cross_at: Indices
    own: Floats
    missing: Indices


class NearestLists:
    """Lists of all clouds of a pair, and longer ones of those that needed them."""

    def __init__(self, pair: SetPair, found: Neighbours, find: Find) -> None:
        self._pair, self._find = pair, find
        self._levels = [_Level(pair, found)]
        # Of the longest list of every cloud. Infinite means that the list is whole.
        self._last_cross, self._last_own = found.cross[:, -1].copy(), found.own[:, -1].copy()

    def among(self, shapes: Indices) -> Nearest:
        """Look up all clouds; ``shapes`` (D,) are the clouds of the shapes drawn, each shape once."""
        clouds = len(self._last_own)
        drawn = np.bincount(shapes, minlength=clouds)
        # Entry M stands for the end of a list. A cloud finds itself (M + 1 and on) if it was drawn twice.
        alive = np.concatenate([drawn > 0, [False], drawn > 1])
        cross, own = np.empty(clouds), np.empty(clouds)
        cross_at = np.empty(clouds, np.int64)
        for level in self._levels:
            cross[level.rows], cross_at[level.rows] = _first_alive(level.cross, level.cross_at, alive)
            own[level.rows], _ = _first_alive(level.own, level.own_at, alive)
        unknown = np.isinf(cross) & np.isfinite(self._last_cross)
        # A shape of the own set that is not listed is no nearer than the last that is: often enough to know.
        unknown |= np.isinf(own) & (self._last_own < cross)
        own[own >= cross] = np.inf
        return Nearest(cross, cross_at, own, np.flatnonzero(unknown & (drawn > 0)))

    def lengthen(self, rows: Indices) -> None:
        """Double the lists of some clouds, which must include all that were missing at the present length."""
        sides = (self._pair.generated, self._pair.reference)
        # One more than there are shapes, so that a list with all of them ends in infinity.
        whole = max(len(side.clouds) for side in sides) + 1
        found = self._find(min(2 * self._levels[-1].cross.shape[1], whole), rows)
        self._levels.append(_Level(self._pair, found))
        self._last_cross[rows], self._last_own[rows] = found.cross[:, -1], found.own[:, -1]


class _Level:
    """Lists of one length as positions among the M clouds: M ends a list, M + 1 + u is cloud u itself."""

    def __init__(self, pair: SetPair, found: Neighbours) -> None:
        ours, clouds = len(pair.generated.clouds), len(pair.generated.clouds) + len(pair.reference.clouds)
        self.rows, self.cross, self.own = found.rows, found.cross, found.own
        mine = (found.rows < ours)[:, None]
        generated = _positions(pair.generated, 0, clouds)
        reference = _positions(pair.reference, ours, clouds)
        self.cross_at = np.where(mine, _take(reference, found.cross_index), _take(generated, found.cross_index))
        own_at = np.where(mine, _take(generated, found.own_index), _take(reference, found.own_index))
        self.own_at = np.where(own_at == found.rows[:, None], clouds + 1 + own_at, own_at)


def _positions(side: ShapeSet, offset: int, end: int) -> Indices:
    """(N + 1,) position of the cloud that every shape is; the last entry, which label -1 finds, ends a list."""
    return np.append(side.group + offset, end)


def _take(positions: Indices, labels: Indices) -> Indices:
    """Labels of the other side are beyond this one's shapes where that is larger; they are not used."""
    return positions[np.minimum(labels, len(positions) - 1)]


def _first_alive(distances: Floats, positions: Indices, alive: NDArray[np.bool_]) -> tuple[Floats, Indices]:
    """Distance and position (R,) of the first entry of each list (R, k) that is alive; inf where none is."""
    hits = alive[positions]
    rows, first = np.arange(len(hits)), hits.argmax(axis=1)
    return np.where(hits[rows, first], distances[rows, first], np.inf), positions[rows, first]


def score_draws(
    layout: Layout, lists: NearestLists, generated: Indices, reference: Indices
) -> tuple[NDArray[np.float64], int]:
    """Scores of replicates.

    Args:
        layout: of the full sets.
        lists: of the full sets; lengthened where they are too short.
        generated: (B, D) generated shapes drawn in each replicate, ascending; repeats weigh in the means.
        reference: (B, E) references drawn.

    Returns:
        (B, 4) MMD over references and over generated, COV and 1-NNA of each, and how often a cloud drawn in a
        replicate found none in its lists that was drawn, too.
    """
    values, exhausted = np.empty((len(generated), 4)), -1
    pending = list(range(len(generated)))
    while pending:
        again, missing = [], []
        for at in pending:
            values[at], unknown = _score_draw(layout, lists, generated[at], reference[at])
            if len(unknown):
                again.append(at)
                missing.append(unknown)
        if exhausted < 0:  # the first round; later ones repeat the same look-ups in longer lists
            exhausted = sum(map(len, missing))
        if again:
            lists.lengthen(np.unique(np.concatenate(missing)))
        pending = again
    return values, exhausted


def _score_draw(
    layout: Layout, lists: NearestLists, generated: Indices, reference: Indices
) -> tuple[tuple[float, float, float, float], Indices]:
    """Scores of one replicate, and the clouds whose lists were too short for it; the scores are void if any were."""
    mine, theirs = layout.generated[generated], layout.distinct + layout.reference[reference]
    failed, new, new_reference = mine < 0, _first_times(generated), _first_times(reference)
    nearest = lists.among(np.concatenate([mine[new & ~failed], theirs[new_reference]]))
    # Only references can be without a counterpart: if all generations drawn failed.
    alone = np.isinf(nearest.cross)
    distance = np.where(alone, layout.worst, nearest.cross)
    told_apart = alone | (nearest.own < nearest.cross)
    told = int(np.where(failed, True, told_apart[mine]).sum()) + int(told_apart[theirs].sum())
    scores = (
        float(distance[theirs].mean()),
        float(np.where(failed, layout.worst, distance[mine]).mean()),
        len(np.unique(nearest.cross_at[mine[~failed]])) / int(new_reference.sum()),
        told / (len(mine) + len(theirs)),
    )
    return scores, nearest.missing


def _first_times(draws: Indices) -> NDArray[np.bool_]:
    """Which of ascending draws are not repeats of the one before."""
    return np.append(True, draws[1:] != draws[:-1])
