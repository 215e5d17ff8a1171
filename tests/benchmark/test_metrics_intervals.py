"""Intervals of set scores against replicates recomputed by brute force, and against known expectations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from benchmark.errors import UnknownNameError
from benchmark.metrics.base import Signature
from benchmark.metrics.generation.intervals import draw_shapes, generation_intervals
from benchmark.metrics.generation.scores import generation_scores

NAMES = ("mmd_ref", "mmd_gen", "cov", "1nna")


def chamfer(a, b):
    squared = cdist(a, b, "sqeuclidean")
    return squared.min(axis=1).mean() + squared.min(axis=0).mean()


def emd(a, b):
    distances = cdist(a, b)
    return distances[linear_sum_assignment(distances)].mean()


class ByHand:
    """Scores of drawn shapes, one shape at a time, from the matrix of all distances; failures are infinitely far."""

    def __init__(self, generated, reference, worst, distance=chamfer):
        shapes, self.worst, self.ours = [*generated, *reference], worst, len(generated)
        good = [shape is not None and np.isfinite(shape).all() for shape in shapes]
        self.distances = np.full((len(shapes), len(shapes)), np.inf)
        for i, j in np.ndindex(*self.distances.shape):
            if good[i] and good[j]:
                self.distances[i, j] = distance(shapes[i], shapes[j])
        # Equal distances go to the cloud that appears first in the full set.
        self.alike = [
            next(i for i in range(self.ours * (j >= self.ours), j + 1) if i == j or self.same(shapes[i], shapes[j]))
            for j in range(len(shapes))
        ]

    @staticmethod
    def same(a, b):
        return a is not None and b is not None and np.array_equal(a, b)

    def scores(self, generated, reference):
        """Of the indices drawn of either set, which may repeat: copies weigh but are nobody's neighbours."""
        sides = [int(i) for i in generated], [self.ours + int(i) for i in reference]
        nearest, covers, told_apart = {}, {}, {}
        for mine, other in (sides, sides[::-1]):
            for i in set(mine):
                cross, covers[i] = min((self.distances[i, j], self.alike[j]) for j in set(other))
                nearest[i] = self.worst if np.isinf(cross) else cross
                own = min((self.distances[i, j] for j in set(mine) - {i}), default=np.inf)
                told_apart[i] = np.isinf(cross) or own < cross
        covered = {covers[i] for i in sides[0] if np.isfinite(self.distances[i, self.ours])}
        return (
            np.mean([nearest[i] for i in sides[1]]),
            np.mean([nearest[i] for i in sides[0]]),
            len(covered) / len(set(sides[1])),
            sum(told_apart[i] for i in sides[0] + sides[1]) / len(sides[0] + sides[1]),
        )


def plain_sets():
    rng = np.random.default_rng(0)
    return list(rng.normal(size=(14, 5, 3))), list(rng.normal(size=(11, 5, 3)))


def awkward_sets():
    """Copies within and across the sets, and failures."""
    generated, reference = plain_sets()
    generated[3], generated[8], generated[9] = reference[2], reference[2], generated[0]
    generated[5], generated[12] = None, np.full((5, 3), np.nan)
    reference[7], reference[10] = reference[4], reference[4]
    return generated, reference


def tied_sets():
    """Single points on a small grid: many equal distances and many copies."""
    rng = np.random.default_rng(1)
    grid = rng.integers(0, 3, size=(26, 1, 3)).astype(float)
    return list(grid[:13]), list(grid[13:])


def mostly_failed_sets():
    """Many draws hold no generation that succeeded."""
    generated, reference = plain_sets()
    return [None, *generated[:2], *[None] * 9], reference


@pytest.mark.parametrize("method", ["half", "masked"])
@pytest.mark.parametrize("sets", [plain_sets, awkward_sets, tied_sets, mostly_failed_sets])
def test_every_replicate_is_what_brute_force_gives(sets, method):
    generated, reference = sets()
    result = generation_intervals(generated, reference, replicates=60, neighbours=2, method=method, seed=3)
    brute = ByHand(generated, reference, result.scores.worst)
    np.testing.assert_allclose(
        list(result.scores.as_dict().values()),
        brute.scores(range(len(generated)), range(len(reference))),
        rtol=1e-12,
    )
    draws = [draw_shapes(side, len(shapes), 60, method, 3) for side, shapes in
             (("generated", generated), ("reference", reference))]  # fmt: skip
    for replicate, drawn in enumerate(zip(*draws, strict=True)):
        expected = brute.scores(*drawn)
        got = [result.replicates[name][replicate] for name in NAMES]
        np.testing.assert_allclose(got[:2], expected[:2], rtol=1e-12, err_msg=f"replicate {replicate}")
        assert got[2:] == list(expected[2:]), f"replicate {replicate}"
    assert result.exhausted > 0


def test_replicates_by_emd():
    generated, reference = awkward_sets()
    result = generation_intervals(generated, reference, "emd", replicates=20, neighbours=2)
    brute = ByHand(generated, reference, result.scores.worst, emd)
    assert result.scores.as_dict() == generation_scores(generated, reference, "emd").as_dict()
    for replicate in range(20):
        drawn = (draw_shapes(side, len(shapes), 20, "half", 0)[replicate] for side, shapes in
                 (("generated", generated), ("reference", reference)))  # fmt: skip
        got = [result.replicates[name][replicate] for name in NAMES]
        np.testing.assert_allclose(got, brute.scores(*drawn), rtol=1e-9, err_msg=f"replicate {replicate}")


def test_a_half_scores_as_its_shapes_alone_bit_for_bit():
    rng = np.random.default_rng(5)
    generated, reference = rng.normal(size=(30, 16, 3)), rng.normal(size=(25, 16, 3))
    result = generation_intervals(generated, reference, replicates=20, seed=1)
    for replicate in range(20):
        ours = draw_shapes("generated", 30, 20, "half", 1)[replicate]
        theirs = draw_shapes("reference", 25, 20, "half", 1)[replicate]
        alone = generation_scores(generated[ours], reference[theirs]).as_dict()
        assert {name: result.replicates[name][replicate] for name in NAMES} == alone


@pytest.mark.parametrize("method", ["half", "masked"])
def test_the_length_of_the_lists_and_the_search_change_nothing(method):
    generated, reference = awkward_sets()
    whole = generation_intervals(generated, reference, replicates=200, neighbours=999, method=method)
    assert whole.exhausted == 0
    counts = []
    for neighbours, search in ((1, "auto"), (2, "pruned"), (5, "exhaustive"), (14, "pruned")):
        result = generation_intervals(
            generated, reference, replicates=200, neighbours=neighbours, method=method, search=search, workers=1
        )
        for name in NAMES:
            np.testing.assert_array_equal(result.replicates[name], whole.replicates[name])
        assert (result.intervals, result.signature) == (whole.intervals, whole.signature)
        counts.append(result.exhausted)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 1000


def test_long_lists_of_many_shapes_change_nothing():
    """Enough shapes for the pruned search to be the one chosen."""
    rng = np.random.default_rng(2)
    generated, reference = rng.normal(size=(2, 70, 20, 3)).astype(np.float32)
    short = generation_intervals(generated, reference, replicates=300, neighbours=3)
    long = generation_intervals(generated, reference, replicates=300, neighbours=70, search="exhaustive")
    assert short.intervals == long.intervals
    assert short.exhausted > long.exhausted == 0


@pytest.mark.parametrize("method", ["half", "masked"])
def test_scores_are_those_of_the_full_sets_bit_for_bit(method):
    generated, reference = awkward_sets()
    result = generation_intervals(generated, reference, replicates=50, method=method)
    expected = generation_scores(generated, reference)
    for field in ("nearest_reference", "reference_distance", "nearest_generated", "generated_distance",
                  "own_generated", "own_reference"):  # fmt: skip
        np.testing.assert_array_equal(getattr(result.scores, field), getattr(expected, field))
    assert result.scores.as_dict() == expected.as_dict()
    assert (result.scores.worst, result.scores.failed) == (expected.worst, 2)
    for name, score in expected.as_dict().items():
        low, high = result.intervals[name]
        assert low < score < high
        assert low >= 0
        assert name.startswith("mmd") or high <= 1


def test_draws():
    for count in (20, 21):
        half = draw_shapes("generated", count, 500, "half", 0)
        assert half.shape == (500, 10)
        assert (np.diff(half, axis=1) > 0).all()
        np.testing.assert_allclose(np.bincount(half.ravel(), minlength=count), 5000 / count, rtol=0.25)
    masked = draw_shapes("generated", 20, 500, "masked", 0)
    assert masked.shape == (500, 20)
    assert (np.diff(masked, axis=1) >= 0).all()
    assert np.mean([len(set(row)) for row in masked]) / 20 == pytest.approx(1 - (19 / 20) ** 20, abs=0.01)
    assert (half == draw_shapes("generated", 21, 500, "half", 0)).all()
    for other in (draw_shapes("generated", 21, 500, "half", 1), draw_shapes("reference", 21, 500, "half", 0)):
        assert (half != other).any()


def test_the_same_seed_gives_the_same_intervals():
    first, again, other = (generation_intervals(*plain_sets(), replicates=80, seed=seed) for seed in (7, 7, 8))
    assert first.intervals == again.intervals
    assert first.intervals != other.intervals
    assert first.scores.as_dict() == other.scores.as_dict()


@pytest.mark.parametrize("count", [40, 21])
@pytest.mark.parametrize("method", ["half", "masked"])
def test_of_a_mean_the_width_is_that_of_its_standard_error(method, count):
    """All references at the origin: mmd_gen is the mean of independent squares, whose error is known."""
    values = np.random.default_rng(4).uniform(1, 2, count)
    generated = np.zeros((count, 1, 3))
    generated[:, 0, 0] = np.sqrt(values / 2)
    result = generation_intervals(generated, np.zeros((count, 1, 3)), replicates=4000, method=method)
    error = values.std(ddof=1) / np.sqrt(count)
    low, high = result.intervals["mmd_gen"]
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.15 * error)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.06)


def test_width_shrinks_with_the_root_of_the_size():
    rng = np.random.default_rng(6)
    widths = []
    for count in (40, 160, 640):
        sets = rng.normal(size=(2, count, 1, 3))
        spans = generation_intervals(*sets, replicates=200, search="exhaustive").intervals
        # MMD itself falls with the size, so its width is taken relative to it.
        level = cKDTree(sets[0, :, 0]).query(sets[1, :, 0])[0]
        widths.append([np.ptp(spans["cov"]), np.ptp(spans["1nna"]), np.ptp(spans["mmd_ref"]) / (level**2).mean()])
    np.testing.assert_allclose(np.log2(np.divide(widths[0], widths[2])), 2, atol=0.6)


def test_naive_copies_break_the_score_and_ours_do_not():
    rng = np.random.default_rng(8)
    sets = rng.normal(size=(2, 100, 1, 3))
    naive = [
        generation_scores(*(side[rng.integers(100, size=100)] for side in sets), search="exhaustive").nna
        for _ in range(20)
    ]
    assert np.mean(naive) > 0.75  # of identical distributions, whose 1-NNA is a half
    for method in ("half", "masked"):
        result = generation_intervals(*sets, replicates=100, method=method, search="exhaustive")
        assert result.replicates["1nna"].mean() == pytest.approx(0.5, abs=0.06)
        low, high = result.intervals["1nna"]
        assert low < 0.5 < high


def test_intervals_hold_the_expected_score():
    """1-NNA and MMD of shifted normals: the truth is the mean over many samples, by trees of scipy's."""
    rng, count, shift = np.random.default_rng(10), 40, 0.8

    def sample():
        return rng.normal(size=(count, 3)) + shift, rng.normal(size=(count, 3))

    truth = []
    for _ in range(3000):
        generated, reference = sample()
        trees = cKDTree(generated), cKDTree(reference)
        cross = trees[1].query(generated)[0], trees[0].query(reference)[0]
        own = [tree.query(side, k=2)[0][:, 1] for tree, side in zip(trees, (generated, reference), strict=True)]
        told = [(a < b).mean() for a, b in zip(own, cross, strict=True)]
        truth.append((2 * (cross[1] ** 2).mean(), np.mean(told)))
    expected = np.mean(truth, axis=0)
    held = np.zeros(2)
    for repeat in range(60):
        generated, reference = sample()
        spans = generation_intervals(
            generated[:, None], reference[:, None], replicates=100, seed=repeat, search="exhaustive", workers=1
        ).intervals
        ends = np.array([spans["mmd_ref"], spans["1nna"]])
        held += (ends[:, 0] <= expected) & (expected <= ends[:, 1])
    assert (held >= 0.9 * 60).all(), held


def test_all_failed_is_the_worst_without_width():
    _, reference = plain_sets()
    result = generation_intervals([None] * 5, reference, replicates=10)
    worst = result.scores.worst
    assert result.intervals == {"mmd_ref": (worst,) * 2, "mmd_gen": (worst,) * 2, "cov": (0, 0), "1nna": (1, 1)}
    assert result.exhausted == 0
    assert result.replicates["1nna"].tolist() == [1] * 10


def test_told_apart_in_every_replicate_has_no_width():
    rng = np.random.default_rng(11)
    result = generation_intervals(rng.normal(size=(30, 4, 3)), rng.normal(size=(30, 4, 3)) + 99, replicates=50)
    assert result.intervals["1nna"] == (1, 1)


def test_signature_pins_what_matters():
    result = generation_intervals(*plain_sets(), replicates=30, level=0.9, method="masked", seed=5)
    scores, interval = result.signature.split(";")
    assert scores == result.scores.signature
    assert interval == Signature.of(
        "generation-interval",
        "chamfer",
        {"draws": "masked", "form": "centred", "level": 0.9, "replicates": 30, "seed": 5},
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"replicates": 1}, "replicates"),
        ({"neighbours": 0}, "neighbours"),
        ({"level": 1.0}, "level"),
        ({"method": "naive"}, "method"),
    ],
)
def test_bad_options_are_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        generation_intervals(*plain_sets(), **change)


def test_an_unknown_distance_is_named():
    with pytest.raises(UnknownNameError, match="unknown distance 'dice'"):
        generation_intervals(*plain_sets(), "dice")


def test_sets_too_small_to_halve_are_refused():
    generated, reference = plain_sets()
    with pytest.raises(ValueError, match="need 4 shapes of each set, got 3 generated"):
        generation_intervals(generated[:3], reference)
    with pytest.raises(ValueError, match="3 reference"):
        generation_intervals(generated, reference[:3])
    generation_intervals(generated[:4], reference[:4], replicates=5)
