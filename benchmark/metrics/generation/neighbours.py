"""The nearest neighbours that MMD, COV and 1-NNA ask for, of all shapes or of a share of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmark.cores import available_cores, threads
from benchmark.metrics.clouds.trees import Indices
from benchmark.metrics.generation.exhaustive import distance_rows
from benchmark.metrics.generation.lattice import Frame, Splats, centre, lower_bounds, splat
from benchmark.metrics.generation.nearest_shapes import search_rows
from benchmark.metrics.generation.sets import SetPair
from benchmark.metrics.generation.spacing import choose_spacing

Search = Literal["auto", "pruned", "exhaustive"]
Progress = Callable[[int], None]
"""Called with how many more searches are done; a whole search is two for every distinct shape."""
Floats = NDArray[np.float64]

_TILE = 4096  # vertices
FEW_ROWS = 6
"""So many clouds are compared with all others sooner than a lattice is made for all."""
_ROWS_PER_TASK = 8


@dataclass(frozen=True)
class Work:
    """What a search did. ``spacing`` of the lattice of bounds is None where all pairs were computed."""

    pairs: int
    finished: int
    abandoned: int
    spacing: float | None


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k nearest of R distinct clouds in the other set and in their own, ascending by distance, then index.

    ``rows`` (R,) are positions among the M clouds of a :class:`SetPair`; the lists are (R, k), their indices
    the lowest index of such a shape in its set, inf and -1 where there are fewer. Own lists leave out the
    cloud itself unless there are copies of it. With ``decided`` they only hold one distance below the
    nearest of the other set, where there is one: all that 1-NNA asks.
    """

    rows: Indices
    cross: Floats
    cross_index: Indices
    own: Floats
    own_index: Indices
    decided: bool
    work: Work


@dataclass(frozen=True)
class Budget:
    """Threads and memory a search may use, and whom to tell how far it is."""

    workers: int
    max_bytes: int
    progress: Progress | None = None

    @classmethod
    def of(cls, workers: int | None, max_bytes: int, progress: Progress | None) -> Budget:
        """With OMP_NUM_THREADS, else all cores of this process, where ``workers`` is None."""
        return cls(threads(available_cores()) if workers is None else workers, max_bytes, progress)


def find_neighbours(
    pair: SetPair, k: int, decide: bool, search: Search, budget: Budget, rows: Indices | None = None
) -> Neighbours:
    """Search for the ``k`` nearest of some clouds, all by default.

    Args:
        pair: both sets.
        k: length of the lists.
        decide: own lists only as far as 1-NNA needs them (see :class:`Neighbours`).
        search: "pruned", "exhaustive", or "auto" for whichever is expected to be faster.
        budget: see :class:`Budget`.
        rows: clouds to search for.

    Raises:
        ValueError: if ``budget.max_bytes`` does not hold the search of even one shape.
    """
    trees, ours = pair.trees, len(pair.generated.clouds)
    rows = np.arange(len(trees)) if rows is None else rows
    with ThreadPoolExecutor(budget.workers) as pool, threadpool_limits(budget.workers):
        frame, spacing = centre(trees), None
        if search == "pruned" or (search == "auto" and len(rows) >= FEW_ROWS):
            spacing = choose_spacing(frame, ours, k, pool, must=search == "pruned")
        splats = None if spacing is None else splat(frame.trees, spacing)
        chunk = _rows_at_once(pair, frame, splats, budget.max_bytes)
        done, lists = np.zeros(3, np.int64), []
        for begin in range(0, len(rows), chunk):
            part = _Chunk(pair, frame, rows[begin : begin + chunk], splats, pool, budget.progress)
            lists.append(cross_and_own(len(part.rows), k, decide, part.lists))
            done += part.done
            # Closures of one chunk must not keep its matrices while the next one's are made.
            del part
    cross, cross_index, own, own_index = (np.concatenate(arrays) for arrays in zip(*lists, strict=True))
    work = Work(pair_count(rows, len(trees)), int(done[0]), int(done[1]), spacing)
    return Neighbours(rows, cross, cross_index, own, own_index, decide, work)


def cross_and_own(
    rows: int, k: int, decide: bool, lists: Callable[[int, bool, Floats], tuple[Floats, Indices]]
) -> tuple[Floats, Indices, Floats, Indices]:
    """Lists of the other set, then own lists, which ``decide`` lets stop below the nearest of the other set.

    ``lists(k, own, stop_below)`` gives both arrays of either kind, ``stop_below`` being (R,) thresholds.
    """
    never = np.full(rows, -np.inf)
    cross, cross_index = lists(k, False, never)
    own, own_index = lists(k, True, cross[:, 0].copy() if decide else never)
    return cross, cross_index, own, own_index


class _Chunk:
    """The search for some rows, all against all M clouds."""

    def __init__(
        self, pair: SetPair, frame: Frame, rows: Indices, splats: Splats | None, pool: Executor,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        self._pair, self.rows, self._pool, self._progress = pair, rows, pool, progress
        clouds = len(pair.trees)
        self.done = np.zeros(3, np.int64)
        self._known = np.full((len(rows), clouds), np.nan)
        self._where = np.full(clouds, -1, np.int64)
        self._where[rows] = np.arange(len(rows))
        if splats is None:
            self.done[0] += distance_rows(pair.trees, rows, self._where, self._known, pool)
            self._forth = self._back = np.zeros((len(rows), clouds), np.float32)
        else:
            self._forth, self._back = lower_bounds(frame, splats, rows, pool, _TILE)

    def lists(self, k: int, own: bool, stop_below: Floats) -> tuple[Floats, Indices]:
        """The k nearest of every row in its own or in the other set."""
        values, nearest = np.empty((len(self.rows), k)), np.empty((len(self.rows), k), np.int64)
        trees = self._pair.trees
        arrays = (trees.xyz, trees.low, trees.high, trees.first, trees.count)

        def task(begin: int, end: int) -> NDArray[np.int64]:
            done = np.zeros(3, np.int64)
            search_rows(
                *arrays, self.rows, begin, end, *self._pair.candidates(self.rows[begin], own), self._pair.alone,
                self._forth, self._back, self._known, self._where, stop_below, values, nearest, done,
            )  # fmt: skip
            return done

        boundary = int(np.searchsorted(self.rows, len(self._pair.generated.clouds)))
        tasks = list(_tasks(boundary, len(self.rows)))
        for ends, done in zip(tasks, self._pool.map(lambda ends: task(*ends), tasks), strict=True):
            self.done += done
            if self._progress is not None:
                self._progress(ends[1] - ends[0])
        return values, nearest


def _tasks(boundary: int, count: int) -> Iterator[tuple[int, int]]:
    """Ranges of a few rows, none across the boundary between the two sets."""
    for first, last in ((0, boundary), (boundary, count)):
        for begin in range(first, last, _ROWS_PER_TASK):
            yield begin, min(begin + _ROWS_PER_TASK, last)


def pair_count(rows: Indices, clouds: int) -> int:
    """Distinct pairs of one of the rows and any other cloud."""
    return len(rows) * (clouds - 1) - len(rows) * (len(rows) - 1) // 2


def _rows_at_once(pair: SetPair, frame: Frame, splats: Splats | None, max_bytes: int) -> int:
    """Rows whose matrices fit beside the rest: bounds both ways, a product on its way to them, distances known."""
    clouds = len(pair.trees)
    fixed = pair.trees.nbytes + (0 if frame.trees is pair.trees else frame.trees.nbytes)
    if splats is not None:
        fixed += splats.nbytes + 8 * clouds * _TILE
    rows = (max_bytes - fixed) // (24 * clouds)
    if rows < 1:
        least = fixed + 24 * clouds
        raise ValueError(f"max_bytes={max_bytes} is too little for {clouds} distinct clouds; {least} is the least")
    return int(rows)
