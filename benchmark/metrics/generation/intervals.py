"""Confidence intervals of MMD, COV and 1-NNA: what other shapes from the same two sources might have scored.

The naive bootstrap fails here. A shape drawn twice is its own nearest neighbour at distance zero, which
ruins 1-NNA, and only 63 % of the shapes are drawn, which biases COV and MMD. So shapes are drawn without
replacement ("half"), or copies are hidden from each other ("masked"), and only the spread of the replicates
is used, never their level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.base import Signature
from benchmark.metrics.clouds.trees import Indices
from benchmark.metrics.generation.neighbours import Budget, Progress, Search
from benchmark.metrics.generation.replicates import NearestLists, score_draws
from benchmark.metrics.generation.scores import (
    Distance,
    GenerationScores,
    assemble,
    layout_of,
    nothing_found,
    searcher,
)
from benchmark.metrics.generation.sets import Clouds, read_sets
from medshape_text.seeds import generator_for

Method = Literal["half", "masked"]
Floats = NDArray[np.float64]

FEWEST = 4
"""Halves of fewer shapes hold a single one, which has no neighbour in its own set."""
_MOST = {"cov": 1.0, "1nna": 1.0}


@dataclass(frozen=True, eq=False)
class GenerationIntervals:
    """Scores with their intervals.

    Attributes:
        scores: of the full sets, exactly those of ``generation_scores``.
        intervals: low and high end for "mmd_ref", "mmd_gen", "cov" and "1nna".
        replicates: (B,) scores of the drawn shapes, by the same names; their level is not that of ``scores``.
        method: how shapes were drawn.
        exhausted: how often a cloud drawn in a replicate found none in its lists that was drawn, too, and was
            answered by longer lists.
        signature: what pins the intervals.
    """

    scores: GenerationScores
    intervals: dict[str, tuple[float, float]]
    replicates: dict[str, Floats]
    method: Method
    exhausted: int
    signature: str


def generation_intervals(
    generated: Clouds, reference: Clouds, distance: Distance = "chamfer", *, replicates: int = 1000,
    neighbours: int = 16, level: float = 0.95, method: Method = "half", seed: int = 0, search: Search = "auto",
    workers: int | None = None, max_bytes: int = 2**32, progress: Progress | None = None,
) -> GenerationIntervals:  # fmt: skip
    """MMD both ways, COV and 1-NNA with intervals for both sets being samples.

    A replicate is scored exactly as the shapes drawn would be alone, with two exceptions: failures get ``worst``
    of the full sets, and equal distances go to the cloud that comes first in the full set. How shapes are drawn:

    - "half": floor(n / 2) of each set without replacement. For the mean of a set, its variance is (n - m) / m
      times that of the mean of all n: 1 for even n, (n + 1) / (n - 1) for odd n. The spread is divided by the
      root of the smaller of both sets' factors. For other scores the variance is in expectation at least half
      that of a score of half the shapes (Hoeffding), so intervals rather are too wide: 1-NNA and COV depend on
      pairs. In simulations the spread was 1.0 to 1.7 times that of scores of new samples, and 95 % intervals held
      the expected score in 93 to 100 % of the cases, but MMD of a heavy tail (log-normal) in only 79 to 90 %.
    - "masked": n of n with replacement. The copies of a shape are not its neighbours, they only weigh it in the
      means of MMD and 1-NNA; COV is of different shapes. Closer to 95 % where "half" is too wide, but too
      narrow (0.8 times, 90 %) where a score depends on which shapes are there, as MMD under mode collapse.

    The interval is the score plus the quantiles of the replicates minus their mean, which keeps the bias of
    smaller sets (a larger MMD) out. Not the basic interval, which mirrors them: a sample that happens to lack
    the rare bad shapes scores well *and* spreads little, so a long upper tail belongs above the score
    (Hall 1988); mirrored intervals held less often in simulations. The score is always held. Shares are clipped
    to [0, 1], MMD to at least 0. Where all replicates agree, as with a 1-NNA of 1, there is no width, although
    there is doubt.

    Args:
        generated: see ``generation_scores``.
        reference: see there.
        distance: see there.
        replicates: how often to draw.
        neighbours: length of the lists to search first. Only time depends on it.
        level: share of the replicates that the interval holds.
        method: see above.
        seed: of the draws; see :func:`draw_shapes`.
        search: as ``workers`` and ``max_bytes``: see ``generation_scores``.
        workers: see there.
        max_bytes: see there.
        progress: see there; searching longer lists is told in addition.

    Returns:
        See :class:`GenerationIntervals`. If all generations failed, the scores are the worst, without width.

    Raises:
        ValueError: as ``generation_scores``; also for sets of fewer than four shapes, fewer than two
            replicates, no neighbours, or a bad level or method.

    Source:
        Politis and Romano 1994 (subsampling); Hoeffding 1948 (variance of U-statistics); Hall 1988.
    """
    if replicates < 2 or neighbours < 1 or not 0 < level < 1:
        raise ValueError(f"got {replicates} replicates (at least 2), {neighbours} neighbours (at least 1), {level=}")
    pair, find = read_sets(generated, reference), searcher(distance)
    layout = layout_of(pair, distance)
    sizes = len(layout.generated), len(layout.reference)
    if min(sizes) < FEWEST:
        raise ValueError(f"intervals need {FEWEST} shapes of each set, got {sizes[0]} generated, {sizes[1]} reference")
    draws = (
        draw_shapes("generated", sizes[0], replicates, method, seed),
        draw_shapes("reference", sizes[1], replicates, method, seed),
    )
    budget = Budget.of(workers, max_bytes, progress)
    if layout.distinct:
        found = find(pair, min(neighbours, max(sizes) + 1), False, search, budget, None)
        scores = assemble(layout, found)
        lists = NearestLists(pair, found, lambda k, rows: find(pair, k, False, search, budget, rows))
        values, exhausted = score_draws(layout, lists, *draws)
    else:
        scores, exhausted = assemble(layout, nothing_found()), 0
        values = np.tile(list(scores.as_dict().values()), (replicates, 1))
    spread = values - values[0]  # so that equal values have a spread of exactly zero
    spread = (spread - spread.mean(axis=0)) * (_odd_correction(sizes) if method == "half" else 1.0)
    lows, highs = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2], axis=0)
    replicated, intervals = {}, {}
    for column, (name, score) in enumerate(scores.as_dict().items()):
        replicated[name] = values[:, column]
        low, high = score + min(lows[column], 0.0), score + max(highs[column], 0.0)
        intervals[name] = (float(max(low, 0.0)), float(min(high, _MOST.get(name, np.inf))))
    choices = {"draws": method, "form": "centred", "level": level, "replicates": replicates, "seed": seed}
    signature = f"{scores.signature};{Signature.of('generation-interval', distance, choices)}"
    return GenerationIntervals(scores, intervals, replicated, method, exhausted, signature)


def draw_shapes(
    side: Literal["generated", "reference"], count: int, replicates: int, method: Method, seed: int
) -> Indices:
    """Which of ``count`` shapes of a set are in each replicate: (B, count // 2) or (B, count), ascending.

    Rows of "masked" repeat shapes. The same arguments give the same draws.

    Raises:
        ValueError: for another method.
    """
    rng = generator_for(f"generation-interval-{side}", method, seed)
    if method == "half":
        every = np.broadcast_to(np.arange(count), (replicates, count))
        return np.sort(rng.permuted(every, axis=1)[:, : count // 2], axis=1)
    if method == "masked":
        return np.sort(rng.integers(count, size=(replicates, count)), axis=1)
    raise ValueError(f"method must be 'half' or 'masked', got {method!r}")


def _odd_correction(sizes: Sequence[int]) -> float:
    """Half of an odd set is less than half, and its mean too spread, by the root of (n + 1) / (n - 1)."""
    return max(float(np.sqrt((n // 2) / (n - n // 2))) for n in sizes)
