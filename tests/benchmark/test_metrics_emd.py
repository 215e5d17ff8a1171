"""The Earth Mover's Distance: by hand, by trying all matchings, by scipy, by others' code; and searches under it."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_sets import golden_sets
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from benchmark.metrics.clouds.trees import build_trees
from benchmark.metrics.emd import emd
from benchmark.metrics.generation.nearest_transport import bound_row
from benchmark.metrics.generation.neighbours import Budget
from benchmark.metrics.generation.sets import read_sets
from benchmark.metrics.generation.transport import find_neighbours_by_emd
from benchmark.metrics.matching.arcs import c_transform
from benchmark.metrics.matching.optimal import cost_bound, optimal_cost
from benchmark.metrics.matching.paths import certain, solve
from benchmark.metrics.matching.scales import arrange, coarsen

PUBLISHED = json.loads((Path(__file__).parent / "data" / "golden_public_metrics.json").read_text())
POINTFLOW = PUBLISHED["PointFlow"]["values"]
KINDS = ("plain", "far", "near", "same", "shuffled", "copies", "flat", "gridded", "collapsed", "tiny", "off-origin")


def clouds_of(kind, points, seed):
    rng = np.random.default_rng([points, seed])
    a, b = rng.normal(size=(points, 3)), rng.normal(size=(points, 3)) * [1, 0.7, 0.4]
    if kind == "far":
        b = b + 1000
    elif kind == "near":
        b = a + 1e-6 * b
    elif kind == "same":
        b = a.copy()
    elif kind == "shuffled":
        b = rng.permutation(a)
    elif kind == "copies":
        a[: points // 2], b[points // 3 :] = a[0], b[-1]
    elif kind == "flat":
        a[:, 2] = b[:, 2] = 0
    elif kind == "gridded":
        a, b = np.round(a), np.round(b)
    elif kind == "collapsed":
        a[:], b[1:] = a[0], b[1:]
    elif kind == "tiny":
        a, b = a * 1e-20, b * 1e-20
    elif kind == "off-origin":
        a, b = a + 1e6, b + 1e6
    return a, b


def reference(a, b):
    costs = cdist(a, b)
    return costs[linear_sum_assignment(costs)].mean()


def matrix(rows, columns):
    return np.array([[float(emd(a, b)) for b in columns] for a in rows])


class TestValue:
    def test_by_hand(self):
        line = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
        assert float(emd(line, line + np.array([0, 3, 4]))) == 5
        assert float(emd(line[:1], [[1.0, 2, 2]])) == 3
        # The ends must not both take the point between: 0 -> 1 and 2 -> 6, not 2 -> 1.
        assert float(emd([[0.0, 0, 0], [2, 0, 0]], [[1.0, 0, 0], [6, 0, 0]])) == 2.5
        # Crossing is dearer than not crossing: sides of 1, diagonals of sqrt(10).
        assert float(emd([[0.0, 0, 0], [3, 0, 0]], [[3.0, 1, 0], [0, 1, 0]])) == 1

    @pytest.mark.parametrize("points", range(1, 8))
    @pytest.mark.parametrize("kind", ["plain", "flat", "gridded", "copies"])
    def test_all_matchings(self, kind, points):
        a, b = clouds_of(kind, points, 0)
        costs = cdist(a, b)
        least = min(costs[range(points), chosen].mean() for chosen in permutations(range(points)))
        assert float(emd(a, b)) == pytest.approx(least, rel=1e-14, abs=1e-15)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("points", [2, 23, 24, 25, 63, 64, 65, 129, 300])
    def test_scipy(self, kind, points):
        a, b = clouds_of(kind, points, 1)
        assert float(emd(a, b)) == pytest.approx(reference(a, b), rel=1e-12, abs=1e-15 * np.abs(a).max())

    @pytest.mark.parametrize("points", [1024, 2000])
    def test_scipy_at_full_size(self, points):
        a, b = clouds_of("plain", points, 2)
        assert float(emd(a, b)) == pytest.approx(reference(a, b), rel=1e-12)

    def test_potentials_certify_the_matching(self):
        a, b = (arrange(cloud) for cloud in clouds_of("plain", 500, 3))
        u, v, match = np.empty(500), np.zeros(500), np.empty(500, np.int64)
        assert solve(a, b, u, v, match, np.inf)
        costs = cdist(a.T, b.T)
        assert sorted(match) == list(range(500))
        assert (costs - u[:, None] - v).min() > -1e-12
        assert costs[range(500), match].mean() == pytest.approx(u.mean() + v.mean(), rel=1e-12)

    def test_batches_and_libraries(self):
        a, b = np.random.default_rng(4).normal(size=(2, 2, 3, 40, 3))
        values = emd(a, b)
        assert values.shape == (2, 3)
        assert values[1, 2] == emd(a[1, 2], b[1, 2])
        tensors = emd(torch.from_numpy(a), torch.from_numpy(b))
        assert isinstance(tensors, torch.Tensor)
        np.testing.assert_array_equal(tensors.numpy(), values)

    def test_errors(self):
        cloud = np.zeros((3, 3))
        with pytest.raises(ValueError, match="one size, got 3 and 2"):
            emd(cloud, cloud[:2])
        with pytest.raises(ValueError, match="without points"):
            emd(cloud[:0], cloud[:0])
        with pytest.raises(ValueError, match="finite"):
            emd(cloud, cloud * np.nan)


class TestMetric:
    triples = st.integers(1, 90), st.integers(0, 10**6)

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(KINDS), *triples)
    def test_symmetric_to_the_bit(self, kind, points, seed):
        a, b = clouds_of(kind, points, seed)
        assert emd(a, b).tobytes() == emd(b, a).tobytes() == emd(a, b).tobytes()

    @settings(max_examples=40, deadline=None)
    @given(*triples)
    def test_zero_only_for_equal_sets(self, points, seed):
        a, b = clouds_of("plain", points, seed)
        assert float(emd(a, a)) == 0
        assert float(emd(a, np.random.default_rng(seed).permutation(a))) == 0
        assert float(emd(a, b)) > 0

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(KINDS), *triples)
    def test_triangle(self, kind, points, seed):
        (a, b), (c, _) = clouds_of(kind, points, seed), clouds_of("plain", points, seed + 1)
        assert float(emd(a, b)) <= (float(emd(a, c)) + float(emd(c, b))) * (1 + 1e-12)

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(["plain", "copies", "gridded"]), *triples)
    def test_order_and_motion_do_not_matter(self, kind, points, seed):
        a, b = clouds_of(kind, points, seed)
        rng, value = np.random.default_rng(seed), float(emd(a, b))
        assert float(emd(rng.permutation(a), rng.permutation(b))) == pytest.approx(value, rel=1e-12)
        turn, move = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.normal(size=3)
        assert float(emd(a @ turn + move, b @ turn + move)) == pytest.approx(value, rel=1e-10, abs=1e-13)


class TestBounds:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("points", [3, 65, 150])
    def test_none_exceeds_the_distance(self, kind, points):
        for seed in range(6):
            a, b = clouds_of(kind, points, seed)
            value = float(emd(a, b))
            x, y = arrange(a), arrange(b)
            assert max(cost_bound(x, y, group) for group in (1, 4, 16)) <= value
            for dtype in (np.float32, np.float64):
                rounded = a.astype(dtype), b.astype(dtype)
                trees, known = build_trees(rounded), np.full((1, 2), np.nan)
                bound_row(
                    trees.xyz, trees.low, trees.high, trees.first, trees.order, trees.count,
                    np.array([0]), np.array([0, -1]), known, 0,
                )  # fmt: skip
                assert known[0, 1] < 0
                assert -known[0, 1] <= max(float(emd(*rounded)), 1e-300)

    def test_any_potentials_bound(self):
        rng = np.random.default_rng(5)
        for kind in KINDS:
            a, b = (arrange(cloud) for cloud in clouds_of(kind, 80, 6))
            u = c_transform(b, rng.normal(size=80), a)
            assert certain(u, c_transform(a, u, b)) <= optimal_cost(a, b, np.inf)

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_limit_only_decides_whether_there_is_a_result(self, kind):
        a, b = (arrange(cloud) for cloud in clouds_of(kind, 200, 7))
        value = optimal_cost(a, b, np.inf)
        for limit in (0.0, value * 0.5, value * 0.95, np.nextafter(value, 0), value, value * 2):
            got = optimal_cost(a, b, limit)
            assert got == value or (limit < value and limit < -got <= value)
        assert optimal_cost(a, b, value) == value

    def test_they_are_tight(self):
        rng = np.random.default_rng(8)
        directions = rng.normal(size=(2, 2048, 3))
        directions /= np.linalg.norm(directions, axis=2, keepdims=True)
        a, b = arrange(directions[0]), arrange(directions[1] * [0.5, 0.8, 1.2])
        assert cost_bound(a, b, 16) > 0.85 * optimal_cost(a, b, np.inf)
        assert cost_bound(a, b, 4) > 0.95 * optimal_cost(a, b, np.inf)


class TestScales:
    @pytest.mark.parametrize("points", [1, 2, 5, 64, 100])
    def test_arranging_keeps_the_points(self, points):
        cloud = clouds_of("gridded", points, 0)[0]
        assert sorted(map(tuple, arrange(cloud).T)) == sorted(map(tuple, cloud))

    def test_neighbours_lie_side_by_side(self):
        line = np.random.default_rng(0).permutation(16)[:, None] * [1.0, 0, 0]
        np.testing.assert_array_equal(coarsen(arrange(line), 4)[0], [1.5, 5.5, 9.5, 13.5])
        np.testing.assert_array_equal(coarsen(arrange(line), 10)[0], [4.5, 12.5])


def blobs(count, points, seed, families=5):
    rng = np.random.default_rng([seed, 1])
    radii = rng.uniform(0.2, 1, (families, 3))
    directions = rng.normal(size=(count, points, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    return directions * radii[rng.integers(families, size=count), None] * rng.uniform(0.9, 1.1, (count, 1, 3))


def alike(count, points, seed):
    return np.random.default_rng([seed, 2]).uniform(size=(count, points, 3))


def gridded(count, points, seed):
    return np.round(blobs(count, points, seed) * 2)


def pair_of(name):
    if name == "copies":
        generated, theirs = blobs(9, 70, 0), blobs(8, 70, 1)
        return np.concatenate([generated, generated[[2, 2, 5]], theirs[[3]]]), np.concatenate([theirs, theirs[[0, 7]]])
    if name == "the same set":
        return blobs(12, 80, 0), blobs(12, 80, 0)
    make = {"alike": alike, "gridded": gridded}.get(name, blobs)
    points = {"few points": 20, "large": 128}.get(name, 90)
    return make(12, points, 0), make(17, points, 1)


FAMILIES = ("blobs", "alike", "gridded", "few points", "large", "copies", "the same set")
PLENTY = Budget(2, 2**30)


def lists(found):
    return [array.tobytes() for array in (found.cross, found.cross_index, found.own, found.own_index)]


class TestSearch:
    @pytest.mark.parametrize("name", FAMILIES)
    @pytest.mark.parametrize(("dtype", "k"), [(np.float32, 1), (np.float64, 3)])
    def test_equals_all_pairs(self, name, dtype, k):
        pair = read_sets(*(side.astype(dtype) for side in pair_of(name)))
        pruned = find_neighbours_by_emd(pair, k, False, "pruned", PLENTY)
        everything = find_neighbours_by_emd(pair, k, False, "exhaustive", PLENTY)
        assert lists(pruned) == lists(everything)
        assert everything.work.finished == everything.work.pairs >= pruned.work.finished
        decided = [find_neighbours_by_emd(pair, k, True, search, PLENTY) for search in ("pruned", "exhaustive")]
        for found in decided:
            assert found.decided
            assert lists(found)[:2] == lists(everything)[:2]
            np.testing.assert_array_equal(found.own[:, 0] < found.cross[:, 0], everything.own[:, 0] < found.cross[:, 0])

    @pytest.mark.parametrize("name", ["blobs", "copies", "gridded"])
    def test_exhaustive_equals_emd(self, name):
        generated, theirs = pair_of(name)
        found = find_neighbours_by_emd(read_sets(generated, theirs), 2, False, "exhaustive", PLENTY)
        full = matrix(generated, theirs)
        kept = read_sets(generated, theirs).generated.first
        order = np.argsort(full, axis=1, kind="stable")[kept]
        first, distinct = order[:, 0], len(kept)
        np.testing.assert_array_equal(found.cross[:distinct, 0], full[kept].min(axis=1))
        np.testing.assert_array_equal(found.cross_index[:distinct, 0], first)

    def test_prunes(self):
        pair = read_sets(blobs(20, 128, 0, 20), blobs(20, 128, 0, 20) * 1.02)
        work = find_neighbours_by_emd(pair, 1, True, "auto", PLENTY).work
        assert work.pairs == 40 * 39 // 2
        assert work.finished + work.abandoned < 0.15 * work.pairs
        assert work.spacing is None

    def test_rows_workers_and_memory_do_not_matter(self):
        pair, told = read_sets(*pair_of("copies")), []
        whole = find_neighbours_by_emd(pair, 2, False, "pruned", Budget(1, 2**30, told.append))
        assert sum(told) == 2 * len(pair.trees)
        fixed = 2 * pair.trees.xyz.nbytes + 24 * len(pair.trees) * 70 + 1024 * 70
        narrow = find_neighbours_by_emd(pair, 2, False, "pruned", Budget(1, fixed + 16 * 3 * len(pair.trees)))
        assert lists(narrow) == lists(whole)
        rows = np.array([1, 4, 9, 12])
        some = find_neighbours_by_emd(pair, 2, False, "pruned", PLENTY, rows)
        np.testing.assert_array_equal(some.cross, whole.cross[rows])
        np.testing.assert_array_equal(some.own_index, whole.own_index[rows])
        with pytest.raises(ValueError, match="too little for 18 clouds"):
            find_neighbours_by_emd(pair, 2, False, "pruned", Budget(1, fixed))

    def test_clouds_of_unequal_sizes(self):
        generated, theirs = list(blobs(3, 20, 0)), list(blobs(3, 20, 1))
        for side, message in ((theirs, "reference shape 2 has 19 points"), (generated, "generated shape 2 has 19")):
            side[2] = side[2][:19]
            with pytest.raises(ValueError, match=message):
                find_neighbours_by_emd(read_sets(generated, theirs), 1, True, "auto", PLENTY)
            side[2] = side[1] + 1


class TestPublished:
    """PointFlow's CPU path is the exact matching too; see "conventions" in the file of golden numbers."""

    sets = golden_sets()

    def test_matrix(self):
        published = np.array(POINTFLOW["unequal"]["EMD, generated by reference, float64"])
        ours = matrix(self.sets["unequal/generated"], self.sets["unequal/reference"])
        np.testing.assert_allclose(ours, published, rtol=1e-12)

    @pytest.mark.parametrize(("precision", "rtol"), [("float64", 1e-12), ("float32", 1e-6)])
    def test_pairs(self, precision, rtol):
        published = POINTFLOW["pairs"][precision]["EMD_CD(reduced=False)"]["MMD-EMD"]
        generated, theirs = self.sets["pairs/generated"], self.sets["pairs/reference"]
        np.testing.assert_allclose(emd(generated, theirs), published, rtol=rtol)

    @pytest.mark.parametrize("name", ["varied", "unequal", "duplicates"])
    def test_sets(self, name):
        pair = read_sets(self.sets[f"{name}/generated"], self.sets[f"{name}/reference"])
        found = find_neighbours_by_emd(pair, 1, True, "pruned", PLENTY)
        published = POINTFLOW[name]["lgan_mmd_cov and knn on exact matrices"]
        mine, theirs = pair.generated.group, len(pair.generated.clouds) + pair.reference.group
        assert found.cross[theirs].mean() == pytest.approx(published["lgan_mmd-EMD"], rel=1e-12)
        assert found.cross[mine].mean() == pytest.approx(published["lgan_mmd_smp-EMD"], rel=1e-12)
        covered = len(np.unique(found.cross_index[mine])) / len(theirs)
        assert covered == pytest.approx(published["lgan_cov-EMD"], rel=1e-6)
        own = found.own[:, 0] < found.cross[:, 0]
        least, most = POINTFLOW[name]["1-NN-acc, lowest and highest over every way to break ties"]["EMD"]
        assert least - 1e-12 <= np.concatenate([own[mine], own[theirs]]).mean() <= most + 1e-12
