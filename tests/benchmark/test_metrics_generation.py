"""The pruned search equals all pairs bit for bit; all pairs equal numpy; the bounds never exceed a distance."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from golden_sets import golden_sets
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.generation import generation_scores
from benchmark.metrics.generation.exhaustive import distance_rows
from benchmark.metrics.generation.lattice import centre, lower_bounds, splat
from benchmark.metrics.generation.sets import read_sets

ARRAYS = (
    "nearest_reference", "reference_distance", "nearest_generated", "generated_distance", "own_generated",
    "own_reference",
)  # fmt: skip
HEADLINES = ("mmd_ref", "mmd_gen", "cov", "nna", "nna_generated", "nna_reference", "failed", "worst")


def surfaces(seed, count, points=150, spread=0.15):
    """Ellipsoids of one kind: the closer to each other, the smaller ``spread``."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, points, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    radii = np.array([0.5, 0.3, 0.2]) * (1 + spread * rng.normal(size=(count, 1, 3)))
    return (directions * radii).astype(np.float32)


def family(name):
    g, r = surfaces(1, 40), surfaces(2, 36)
    ragged = np.random.default_rng(3).integers(1, 151, 76)
    return {
        "ellipsoids": (g, r),
        "unequal": (g[:7], r),
        "equal_sets": (r, r),
        "memorised": (np.concatenate([g[:30], r[:10]]), r),
        "copies": (np.concatenate([g[:10]] * 4), r),
        "collapsed": (np.repeat(g[:1], 40, axis=0), r),
        "copied_references": (g, np.concatenate([r[:9]] * 4)),
        "alike": (surfaces(4, 40, spread=0), surfaces(5, 36, spread=0)),
        "disjoint": (g, r + np.float32(10)),
        "scanner": (g * np.float32(100) + np.float32(500), r * np.float32(100) + np.float32(500)),
        "double": (g.astype(np.float64) + 1000, r.astype(np.float64) + 1000),
        "tiny_units": (g * np.float32(1e-6), r * np.float32(1e-6)),
        "flat": (g * np.float32([1, 1, 0]), r * np.float32([1, 1, 0])),
        "lattice": (np.round(g * 16) / np.float32(16), np.round(r * 16) / np.float32(16)),
        "half_the_points_twice": (np.concatenate([g[:, :75]] * 2, axis=1), r),
        "outlier": (np.concatenate([g[:, 1:], np.full((40, 1, 3), 30, np.float32)], axis=1), r),
        "few_points": (g[:, :3], r[:, :2]),
        "single_points": (g[:, :1], r[:, :1]),
        "ragged": ([g[i, : ragged[i]] for i in range(40)], [r[i, : ragged[40 + i]] for i in range(36)]),
        "failures": ([None if i % 5 == 0 else c for i, c in enumerate(g)], r),
    }[name]  # fmt: skip


FAMILIES = (
    "ellipsoids", "unequal", "equal_sets", "memorised", "copies", "collapsed", "copied_references", "alike", "disjoint",
    "scanner", "double", "tiny_units", "flat", "lattice", "half_the_points_twice", "outlier", "few_points",
    "single_points", "ragged", "failures",
)  # fmt: skip


def assert_same(a, b):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
    for name in HEADLINES:
        assert getattr(a, name) == getattr(b, name), name


@pytest.mark.parametrize("name", FAMILIES)
def test_pruned_equals_exhaustive_bit_for_bit(name):
    generated, reference = family(name)
    exhaustive = generation_scores(generated, reference, search="exhaustive", workers=1)
    pruned = generation_scores(generated, reference, search="pruned", workers=2)
    assert exhaustive.work.spacing is None
    assert pruned.work.spacing is not None
    assert_same(pruned, exhaustive)
    assert_same(generation_scores(generated, reference), exhaustive)


@pytest.mark.parametrize("name", ["ellipsoids", "memorised", "copies", "lattice", "ragged", "failures", "double"])
def test_equals_numpy(name):
    generated, reference = family(name)
    ours = generation_scores(generated, reference, search="exhaustive")
    valid = [i for i, cloud in enumerate(generated) if cloud is not None]
    clouds = [generated[i] for i in valid] + list(reference)
    matrix = np.array([[numpy_chamfer(a, b) for b in clouds] for a in clouds])
    np.fill_diagonal(matrix, np.inf)
    n = len(valid)
    cross, own = matrix[:n, n:], matrix[:n, :n]
    np.testing.assert_allclose(ours.reference_distance[valid], cross.min(axis=1), rtol=1e-12, atol=0)
    np.testing.assert_allclose(ours.generated_distance, cross.min(axis=0), rtol=1e-12, atol=0)
    np.testing.assert_array_equal(ours.nearest_reference[valid], cross.argmin(axis=1))
    np.testing.assert_array_equal(ours.nearest_generated, np.array(valid)[cross.argmin(axis=0)])
    np.testing.assert_array_equal(ours.own_generated[valid], own.min(axis=1) < cross.min(axis=1))
    np.testing.assert_array_equal(ours.own_reference, matrix[n:, n:].min(axis=1) < cross.min(axis=0))
    assert ours.cov == len(set(cross.argmin(axis=1))) / len(reference)
    assert ours.mmd_ref == pytest.approx(cross.min(axis=0).mean(), rel=1e-12)
    told_apart = (own.min(axis=1) < cross.min(axis=1)).sum() + (matrix[n:, n:].min(axis=1) < cross.min(axis=0)).sum()
    failed = len(generated) - n
    assert ours.nna == (told_apart + failed) / (len(generated) + len(reference))


def numpy_chamfer(a, b):
    d = a[:, None, :] - b[None, :, :]
    squared = (d[..., 0] ** 2 + d[..., 1] ** 2) + d[..., 2] ** 2
    return squared.min(axis=1).astype(np.float64).mean() + squared.min(axis=0).astype(np.float64).mean()


def test_pruning_is_worth_it_where_shapes_differ():
    """Not exactness but purpose: a search that evaluates nearly everything would pass every other test."""
    work = generation_scores(surfaces(1, 200, 300), surfaces(2, 200, 300), search="pruned").work
    assert work.pairs == 400 * 399 // 2
    assert work.finished + work.abandoned < 0.2 * work.pairs
    assert work.finished < 0.05 * work.pairs


def test_hopeless_sets_are_compared_one_by_one():
    """Where every shape is as far from every other, bounds would only add to the work."""
    generated, reference = np.random.default_rng(0).random((2, 60, 2000, 3), dtype=np.float32)
    work = generation_scores(generated, reference).work
    assert work.spacing is None
    assert work.finished == work.pairs == 120 * 119 // 2


def test_a_search_worth_it_is_pruned_without_being_asked():
    work = generation_scores(surfaces(1, 120, 600), surfaces(2, 120, 600)).work
    assert work.spacing is not None
    assert work.finished < 0.1 * work.pairs


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.1, 0.5, 3.0]), st.sampled_from([0.0, 7.0, 1e4]),
    st.sampled_from([np.float32, np.float64]), st.sampled_from([1, 3, 40, 70]),
)  # fmt: skip
def test_bounds_never_exceed_the_distance(seed, spacing, offset, dtype, points):
    rng = np.random.default_rng(seed)
    clouds = rng.normal(size=(7, points, 3)) * rng.uniform(0.01, 1, size=(7, 1, 1)) + offset
    clouds[3] = clouds[2]
    clouds[4] = clouds[2] + 1e-3 * rng.normal(size=(points, 3))
    clouds[5] = np.round(clouds[5] / 0.5) * 0.5
    clouds = clouds.astype(dtype)
    pair = read_sets(list(clouds[:4]), list(clouds[4:]))
    trees = pair.trees
    spacing = 2.0 ** np.round(np.log2(spacing))
    with ThreadPoolExecutor(1) as pool:
        frame = centre(trees)
        forth, back = lower_bounds(frame, splat(frame.trees, spacing), np.arange(len(trees)), pool, 64)
        some, some_back = lower_bounds(frame, splat(frame.trees, spacing), np.array([1, 5]), pool, 8192)
        exact = np.empty((len(trees), len(trees)))
        distance_rows(trees, np.arange(len(trees)), np.arange(len(trees)), exact, pool)
    assert (forth >= 0).all()
    assert (forth.astype(np.float64) + back <= exact).all()
    np.testing.assert_array_equal(back, forth.T)
    np.testing.assert_allclose(some, forth[[1, 5]], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(some_back, back[[1, 5]], rtol=1e-3, atol=1e-6)
    assert (some.astype(np.float64) + some_back <= exact[[1, 5]]).all()


def test_bounds_are_tight_far_away():
    g, r = surfaces(1, 12), surfaces(2, 12) + np.float32([3, 0, 0])
    pair = read_sets(g, r)
    with ThreadPoolExecutor(1) as pool:
        frame = centre(pair.trees)
        forth, back = lower_bounds(frame, splat(frame.trees, 1 / 32), np.arange(24), pool, 8192)
        exact = np.empty((24, 24))
        distance_rows(pair.trees, np.arange(24), np.arange(24), exact, pool)
    assert ((forth + back)[:12, 12:] > 0.999 * exact[:12, 12:]).all()


def test_threads_and_memory_change_nothing():
    generated, reference = family("memorised")
    wanted = generation_scores(generated, reference, search="pruned", workers=1)
    with pytest.raises(ValueError, match=r"max_bytes=1 is too little for 76 distinct clouds; \d+ is the least") as told:
        generation_scores(generated, reference, search="pruned", max_bytes=1)
    least = int(str(told.value).split()[-4])
    for workers, max_bytes in ((2, 2**32), (2, least), (1, least + 24 * 76 * 10)):
        assert_same(
            generation_scores(generated, reference, search="pruned", workers=workers, max_bytes=max_bytes), wanted
        )
    with pytest.raises(ValueError, match=f"{least} is the least"):
        generation_scores(generated, reference, search="pruned", max_bytes=least - 1)


def test_inputs_may_be_tensors_lists_or_arrays_of_any_precision():
    torch = pytest.importorskip("torch")
    g, r = surfaces(1, 12), surfaces(2, 9)
    wanted = generation_scores(g, r)
    assert_same(generation_scores(torch.from_numpy(g), [torch.from_numpy(c) for c in r]), wanted)
    half = generation_scores(g.astype(np.float16), r.astype(np.float16))
    assert_same(
        half, generation_scores(g.astype(np.float16).astype(np.float32), r.astype(np.float16).astype(np.float32))
    )
    mixed = generation_scores(g.astype(np.float64), r)
    assert mixed.mmd_ref == pytest.approx(wanted.mmd_ref, rel=1e-6)


def test_nothing_is_changed_and_minus_zero_is_zero():
    g, r = surfaces(1, 12), surfaces(2, 9)
    g[0, 0] = -0.0
    before = g.copy(), r.copy()
    first = generation_scores(g, r)
    np.testing.assert_array_equal(g, before[0])
    np.testing.assert_array_equal(r, before[1])
    g[1] = g[0]
    g[1, 0] = 0.0
    assert read_sets(g, r).generated.copies.tolist()[0] == 2
    assert first.nearest_reference[0] == generation_scores(g, r).nearest_reference[1]


class TestByHand:
    """Clouds of one point: the Chamfer distance is twice the squared distance."""

    generated = np.array([[[0.0, 0, 0]], [[1.0, 0, 0]], [[10.0, 0, 0]]])
    reference = np.array([[[0.0, 0, 0]], [[4.0, 0, 0]]])

    def test_scores(self):
        ours = generation_scores(self.generated, self.reference)
        assert ours.reference_distance.tolist() == [0, 2, 72]
        assert ours.nearest_reference.tolist() == [0, 0, 1]
        assert ours.generated_distance.tolist() == [0, 18]
        assert ours.nearest_generated.tolist() == [0, 1]
        assert ours.mmd_ref == 9
        assert ours.mmd_gen == 74 / 3
        assert ours.cov == 1
        # 0: its twin is nearest; 1: a tie of both sets goes to the other; 10: reference; 0: twin; 4: generated 1.
        assert ours.own_generated.tolist() == [False, False, False]
        assert ours.own_reference.tolist() == [False, False]
        assert ours.nna == 0

    def test_ties_go_to_the_lowest_index(self):
        reference = np.array([[[4.0, 0, 0]], [[-2.0, 0, 0]], [[4.0, 0, 0]]])
        ours = generation_scores(self.generated[1:2], reference)
        assert ours.nearest_reference.tolist() == [0]
        assert ours.own_reference.tolist() == [True, False, True]
        assert ours.nna == 2 / 4

    def test_sets_of_one(self):
        ours = generation_scores(self.generated[:1], self.reference[1:])
        assert (ours.mmd_ref, ours.mmd_gen, ours.cov, ours.nna) == (32, 32, 1, 0)

    def test_failures_are_counted_and_worst(self):
        nan = np.full((1, 3), np.nan)
        ours = generation_scores([self.generated[0], None, nan, np.empty((0, 3))], self.reference)
        worst = 2 * 4.0**2
        assert ours.failed == 3
        assert ours.worst == worst
        assert ours.reference_distance.tolist() == [0, worst, worst, worst]
        assert ours.nearest_reference.tolist() == [0, -1, -1, -1]
        assert ours.mmd_gen == 3 * worst / 4
        assert ours.mmd_ref == 16
        assert ours.cov == 1 / 2
        assert ours.own_generated.tolist() == [False, True, True, True]
        assert ours.nna == 3 / 6

    def test_all_failed(self):
        ours = generation_scores([None, None], self.reference)
        assert (ours.cov, ours.nna, ours.failed) == (0, 1, 2)
        assert ours.mmd_ref == ours.mmd_gen == ours.worst == 32


@pytest.mark.parametrize(
    ("generated", "reference", "message"),
    [
        ([np.zeros((1, 3))], [None], "reference shape 0 is missing"),
        ([np.zeros((1, 3))], [np.zeros((1, 3)), np.full((1, 3), np.inf)], "reference shape 1 is"),
        ([np.zeros((1, 3))], [], "both sets need shapes: 1 generated, 0 reference"),
        ([], [np.zeros((1, 3))], "0 generated"),
        ([np.zeros((3, 2))], [np.zeros((1, 3))], r"generated shape 0 has shape \(3, 2\)"),
        ([np.full((1, 3), 1e30)], [np.zeros((1, 3))], "beyond 1e15"),
    ],
)
def test_bad_input_is_named(generated, reference, message):
    with pytest.raises(ValueError, match=message):
        generation_scores(generated, reference)


@pytest.mark.parametrize("workers", [1, 2])
def test_order_of_shapes_only_renames_them(workers):
    generated, reference = family("ellipsoids")
    order = np.random.default_rng(0).permutation(len(generated))
    plain, shuffled = (
        generation_scores(generated, reference),
        generation_scores(generated[order], reference, workers=workers),
    )
    np.testing.assert_array_equal(shuffled.reference_distance, plain.reference_distance[order])
    np.testing.assert_array_equal(order[shuffled.nearest_generated], plain.nearest_generated)
    assert (shuffled.nna, shuffled.cov, shuffled.mmd_ref) == (plain.nna, plain.cov, plain.mmd_ref)


def test_swapping_the_sets_swaps_both_mmds():
    sets = golden_sets()
    a, b = sets["unequal/generated"], sets["unequal/reference"]
    forth, back = generation_scores(a, b), generation_scores(b, a)
    assert (forth.mmd_ref, forth.mmd_gen, forth.nna) == (back.mmd_gen, back.mmd_ref, back.nna)
    assert forth.cov != back.cov
