"""The nearest neighbours that MMD, COV and 1-NNA ask for under the Earth Mover's Distance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.clouds.trees import Indices
from benchmark.metrics.generation.nearest_transport import bound_row, distance_row, search_row
from benchmark.metrics.generation.neighbours import Budget, Floats, Neighbours, Search, Work, cross_and_own, pair_count
from benchmark.metrics.generation.sets import SetPair
from benchmark.metrics.matching.scales import arrange

_SCRATCH = 1024  # bytes per point of one matching: lists of arcs, heap and potentials


def find_neighbours_by_emd(
    pair: SetPair, k: int, decide: bool, search: Search, budget: Budget, rows: Indices | None = None
) -> Neighbours:
    """Search for the ``k`` nearest of some clouds, all by default, under :func:`benchmark.metrics.emd.emd`.

    Distances are the very bits of ``emd``, and lists those of all pairs, whatever ``search`` and ``budget``.
    With ``decide``, which of several distances own lists hold may depend on the order of the search.

    Args:
        pair: both sets, all clouds of one size.
        k: length of the lists.
        decide: own lists only as far as 1-NNA needs them (see :class:`Neighbours`).
        search: "exhaustive", or "pruned"; "auto" is the latter, whose bounds cost little beside a matching.
        budget: see :class:`Budget`.
        rows: clouds to search for, ascending.

    Returns:
        See :class:`Neighbours`. ``work.finished`` counts matchings solved, ``work.abandoned`` those stopped by
        their own potentials; bounds are not counted, and there is no ``spacing``.

    Raises:
        ValueError: if clouds differ in size, or ``budget.max_bytes`` does not hold the search of one shape.
    """
    _check_sizes(pair)
    rows = np.arange(len(pair.trees)) if rows is None else rows
    chunk = _rows_at_once(pair, budget)
    clouds = np.stack(
        [arrange(cloud.astype(np.float64)) for side in (pair.generated, pair.reference) for cloud in side.clouds]
    )
    done, lists = np.zeros(2, np.int64), []
    with ThreadPoolExecutor(budget.workers) as pool:
        for begin in range(0, len(rows), chunk):
            part = _Chunk(pair, clouds, rows[begin : begin + chunk], search == "exhaustive", pool, budget)
            lists.append(cross_and_own(len(part.rows), k, decide, part.lists))
            done += part.done
            del part  # its matrices, before the next ones are made
    cross, cross_index, own, own_index = (np.concatenate(arrays) for arrays in zip(*lists, strict=True))
    work = Work(pair_count(rows, len(clouds)), int(done[0]), int(done[1]), None)
    return Neighbours(rows, cross, cross_index, own, own_index, decide, work)


class _Chunk:
    """The search for some rows, all against all M clouds."""

    def __init__(
        self, pair: SetPair, clouds: Floats, rows: Indices, exhaustive: bool, pool: ThreadPoolExecutor, budget: Budget
    ) -> None:
        self._pair, self._clouds, self.rows, self._pool, self._budget = pair, clouds, rows, pool, budget
        self.done = np.zeros(2, np.int64)
        self._known = np.full((len(rows), len(clouds)), np.nan)
        self._step = np.zeros(self._known.shape, np.int8)
        self._where = np.full(len(clouds), -1, np.int64)
        self._where[rows] = np.arange(len(rows))
        table = (rows, self._where, self._known)
        if exhaustive:
            self.done[0] += sum(pool.map(lambda at: distance_row(clouds, *table, at), range(len(rows))))
        else:
            trees = pair.trees
            arrays = (trees.xyz, trees.low, trees.high, trees.first, trees.order, trees.count)
            for _ in pool.map(lambda at: bound_row(*arrays, *table, at), range(len(rows))):
                pass

    def lists(self, k: int, own: bool, stop_below: Floats) -> tuple[Floats, Indices]:
        """The k nearest of every row in its own or in the other set."""
        values, nearest = np.empty((len(self.rows), k)), np.empty((len(self.rows), k), np.int64)

        def task(at: int) -> NDArray[np.int64]:
            row = int(self.rows[at])
            done = np.zeros(2, np.int64)
            search_row(
                self._clouds, row, at, *self._pair.candidates(row, own), bool(self._pair.alone[row]),
                self._known, self._step, self._where, stop_below[at], values[at], nearest[at], done,
            )  # fmt: skip
            return done

        for done in self._pool.map(task, range(len(self.rows))):
            self.done += done
            if self._budget.progress is not None:
                self._budget.progress(1)
        return values, nearest


def _check_sizes(pair: SetPair) -> None:
    expected = len(pair.reference.clouds[0])
    for name, side in (("generated", pair.generated), ("reference", pair.reference)):
        for cloud, index in zip(side.clouds, side.first, strict=True):
            if len(cloud) != expected:
                raise ValueError(
                    f"the Earth Mover's Distance matches clouds of one size: {name} shape {index} has {len(cloud)} "
                    f"points, reference shape 0 has {expected}"
                )


def _rows_at_once(pair: SetPair, budget: Budget) -> int:
    """Rows whose matrices fit beside the trees, the arranged clouds and the scratch of all threads."""
    clouds, points = len(pair.trees), int(pair.trees.count[0])
    fixed = 2 * pair.trees.xyz.nbytes + 24 * clouds * points + _SCRATCH * points * budget.workers
    rows = (budget.max_bytes - fixed) // (16 * clouds)
    if rows < 1:
        least = fixed + 16 * clouds
        raise ValueError(f"max_bytes={budget.max_bytes} is too little for {clouds} clouds; {least} is the least")
    return int(rows)
