"""MMD, COV and 1-NNA of a set of generated shapes, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.base import Signature
from benchmark.metrics.clouds.trees import Indices
from benchmark.metrics.generation.neighbours import Budget, Neighbours, Progress, Search, Work, find_neighbours
from benchmark.metrics.generation.sets import Clouds, SetPair, read_sets
from benchmark.names import unknown

Floats = NDArray[np.float64]

Distance = Literal["chamfer", "emd"]
Searcher = Callable[[SetPair, int, bool, Search, Budget, Indices | None], Neighbours]

_RULES = {"ties": "lowest-index", "1nna-ties": "other", "failed": "worst"}
SIGNATURES: dict[str, str] = {
    "chamfer": Signature.of("generation", "chamfer", {"norm": "l2-squared", "reduce": "sum"} | _RULES),
    "emd": Signature.of("generation", "emd", {"norm": "l2", "reduce": "mean", "assignment": "exact"} | _RULES),
}


@dataclass(frozen=True, eq=False)
class GenerationScores:
    """Scores of N generated shapes against R references.

    Attributes:
        mmd_ref: mean over the references of the distance to the nearest generated shape (PointFlow's MMD).
        mmd_gen: mean over the generated shapes of the distance to the nearest reference (PointFlow's
            ``lgan_mmd_smp``; what the GenMed code calls MMD). A failed generation counts with ``worst``.
        cov: share of the references that are nearest to at least one generated shape.
        nna: 1-NNA, the share of all shapes whose nearest other shape is of their own kind; 0.5 is ideal for
            sets of equal size. A failed generation counts as told apart. ``nna_generated`` and
            ``nna_reference`` are the shares within either set.
        nearest_reference, reference_distance: (N,) of every generated shape; -1 and ``worst`` for failures.
        nearest_generated, generated_distance: (R,) of every reference; -1 and ``worst`` if all failed.
        own_generated, own_reference: (N,), (R,) whether the nearest other shape is strictly nearer than every
            shape of the other set.
        failed: how many generations were missing, empty or not finite.
        worst: an upper bound of any distance between the shapes, which failures are given.
        signature: what pins the numbers.
        work: how many pairs it took.
    """

    mmd_ref: float
    mmd_gen: float
    cov: float
    nna: float
    nna_generated: float
    nna_reference: float
    nearest_reference: Indices
    reference_distance: Floats
    nearest_generated: Indices
    generated_distance: Floats
    own_generated: NDArray[np.bool_]
    own_reference: NDArray[np.bool_]
    failed: int
    worst: float
    signature: str
    work: Work

    def as_dict(self) -> dict[str, float]:
        """The headline numbers by the names of score rows."""
        return {"mmd_ref": self.mmd_ref, "mmd_gen": self.mmd_gen, "cov": self.cov, "1nna": self.nna}


def generation_scores(
    generated: Clouds, reference: Clouds, distance: Distance = "chamfer", *, search: Search = "auto",
    workers: int | None = None, max_bytes: int = 2**32, progress: Progress | None = None,
) -> GenerationScores:  # fmt: skip
    """MMD both ways, COV and 1-NNA, exactly.

    The result equals that of all pairs bit for bit, whatever ``search``, ``workers`` and ``max_bytes``: a
    pair is left out only when a proven bound says that it cannot matter. Chamfer distances are of direct
    differences in the precision of the coordinates (float32 if everything is, else float64), summed in
    float64. Equal distances go to the lower index. In 1-NNA a tie between both sets goes to the other set.

    Args:
        generated: (N, P, 3), or a sequence of clouds (P_i, 3) of any sizes. None, no points or coordinates
            that are not finite mark a failed generation.
        reference: (R, P, 3) or a sequence of clouds; no failures.
        distance: "chamfer", squared, mean each way, summed; or "emd", see :func:`benchmark.metrics.emd`, for
            clouds of equal sizes.
        search: "pruned", "exhaustive", or "auto" for whichever a pilot expects to be faster.
        workers: threads; OMP_NUM_THREADS, or else all cores of this process, by default.
        max_bytes: memory for the search beside the inputs.
        progress: called with how many more searches are done; there are at most 2 (N + R).

    Returns:
        See :class:`GenerationScores`.

    Raises:
        ValueError: for bad references, sets without shapes, clouds of other shapes than (P, 3),
            coordinates beyond 1e15, or a memory budget that holds nothing.

    Source:
        Achlioptas et al. 2018 (MMD, COV), Lopez-Paz and Oquab 2017 and Yang et al. 2019 (1-NNA).
    """
    pair, find = read_sets(generated, reference), searcher(distance)
    layout = layout_of(pair, distance)
    if not layout.distinct:
        return assemble(layout, nothing_found())
    return assemble(layout, find(pair, 1, True, search, Budget.of(workers, max_bytes, progress), None))


def searcher(distance: Distance) -> Searcher:
    """The function that finds neighbours under a distance."""
    if distance == "chamfer":
        return find_neighbours
    if distance == "emd":
        from benchmark.metrics.generation.transport import find_neighbours_by_emd

        return find_neighbours_by_emd
    raise unknown("distance", distance, SIGNATURES)


@dataclass(frozen=True, eq=False)
class Layout:
    """What it takes, beside lists of distinct clouds, to score all shapes.

    ``generated`` (N,) and ``reference`` (R,) are the distinct cloud of every shape, -1 for failures, and
    ``distinct`` how many clouds were generated.
    """

    generated: Indices
    reference: Indices
    distinct: int
    worst: float
    signature: str


def layout_of(pair: SetPair, distance: Distance) -> Layout:
    """See :class:`Layout`. No distance exceeds ``worst``, as no two points are farther apart than the diameter."""
    worst = 2 * pair.diameter**2 if distance == "chamfer" else pair.diameter
    signature = SIGNATURES[distance]
    return Layout(pair.generated.group, pair.reference.group, len(pair.generated.clouds), worst, signature)


def assemble(layout: Layout, found: Neighbours) -> GenerationScores:
    """Scores of all shapes from the lists of all distinct clouds."""
    mine, theirs, failed = layout.generated, layout.distinct + layout.reference, layout.generated < 0
    if layout.distinct:
        told_apart = found.own[:, 0] < found.cross[:, 0]
        nearest_reference = np.where(failed, -1, found.cross_index[mine, 0])
        reference_distance = np.where(failed, layout.worst, found.cross[mine, 0])
        nearest_generated, generated_distance = found.cross_index[theirs, 0], found.cross[theirs, 0]
        own_generated, own_reference = np.where(failed, True, told_apart[mine]), told_apart[theirs]
    else:  # nothing was generated that could be compared: every number is the worst there is
        nearest_reference, nearest_generated = np.full(len(mine), -1), np.full(len(theirs), -1)
        reference_distance, generated_distance = (np.full(len(side), layout.worst) for side in (mine, theirs))
        own_generated, own_reference = (np.ones(len(side), np.bool_) for side in (mine, theirs))
    covered = np.unique(nearest_reference[~failed])
    return GenerationScores(
        mmd_ref=float(generated_distance.mean()),
        mmd_gen=float(reference_distance.mean()),
        cov=len(covered) / len(theirs),
        nna=(int(own_generated.sum()) + int(own_reference.sum())) / (len(mine) + len(theirs)),
        nna_generated=float(own_generated.mean()),
        nna_reference=float(own_reference.mean()),
        nearest_reference=nearest_reference,
        reference_distance=reference_distance,
        nearest_generated=nearest_generated,
        generated_distance=generated_distance,
        own_generated=own_generated,
        own_reference=own_reference,
        failed=int(failed.sum()),
        worst=layout.worst,
        signature=layout.signature,
        work=found.work,
    )


def nothing_found() -> Neighbours:
    """The lists of no clouds."""
    none, nowhere = np.empty((0, 1)), np.empty((0, 1), np.int64)
    return Neighbours(np.empty(0, np.int64), none, nowhere, none, nowhere, True, Work(0, 0, 0, None))
