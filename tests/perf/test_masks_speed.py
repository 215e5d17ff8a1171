"""Mask metrics on 128^3 against the packages people use, each on one thread and with the same answer.

The peers are no dependencies: ``pip install monai surface-distance medpy`` to compare, else their rows are skipped.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmark import metrics
from benchmark.metrics.masks import surface_distances
from benchmark.metrics.packed import pack, packed_dice, pairwise_packed_dice

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
SIDE = 128
SPACING = (1.0, 1.0, 1.0)
PEER_ROUNDS = 3


def blob(radius, seed):
    """An ellipsoid with a bumpy surface; two seeds differ by a few voxels."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((SIDE,) * 3), radius / 4, truncate=3)
    axes = zip(np.indices((SIDE,) * 3) - (SIDE - 1) / 2 - seed, (1.15, 0.8, 1.0), strict=True)
    distance = np.sqrt(sum((grid / stretch) ** 2 for grid, stretch in axes))
    return distance + noise * (0.06 * radius / noise.std()) < radius


@pytest.fixture(scope="module", params=[10, 30, 50], ids="radius {}".format)
def pair(request):
    masks = blob(request.param, 0), blob(request.param, 1)
    hd95(*masks), nsd(*masks), packed_dice(*(pack(mask[None]) for mask in masks))  # compiles what is compiled
    return masks


@pytest.fixture(scope="module")
def tensors(pair):
    import torch

    torch.set_num_threads(1)
    return [torch.from_numpy(mask)[None, None] for mask in pair]


def hd95(first, second):
    return surface_distances(first, second, SPACING, "voxel").percentile(95, "max_of_directions")


def nsd(first, second, surface="surfel"):
    return surface_distances(first, second, SPACING, surface).nsd(1.0)


@pytest.mark.benchmark(group="HD95 of 128^3")
class TestHausdorff:
    def test_ours(self, benchmark, pair):
        benchmark(hd95, *pair)

    def test_monai(self, benchmark, pair, tensors):
        peer = pytest.importorskip("monai.metrics", reason="MONAI is not installed").compute_hausdorff_distance
        options = {"include_background": True, "percentile": 95, "spacing": SPACING}
        value = benchmark.pedantic(peer, tensors, options, rounds=PEER_ROUNDS)
        assert value.item() == pytest.approx(hd95(*pair), rel=1e-6)  # MONAI rounds to float32

    def test_surface_distance(self, benchmark, pair):
        peer = pytest.importorskip("surface_distance", reason="surface-distance is not installed")

        def theirs(first, second):
            return peer.compute_robust_hausdorff(peer.compute_surface_distances(first, second, SPACING), 95)

        found = surface_distances(*pair, SPACING, "surfel").percentile(95, "max_of_directions")
        assert benchmark.pedantic(theirs, pair, rounds=PEER_ROUNDS) == pytest.approx(found, rel=1e-9)

    def test_medpy(self, benchmark, pair):
        peer = pytest.importorskip("medpy.metric", reason="MedPy is not installed")
        found = surface_distances(*pair, SPACING, "voxel").percentile(95, "pooled")
        assert benchmark.pedantic(peer.hd95, pair, rounds=PEER_ROUNDS) == pytest.approx(found, rel=1e-9)

    def test_distance_transform(self, benchmark, pair):
        def naive(first, second):
            borders = [mask & ~ndimage.binary_erosion(mask) for mask in (first, second)]
            ways = ((borders[0], borders[1]), (borders[1], borders[0]))
            return max(np.percentile(ndimage.distance_transform_edt(~end)[start], 95) for start, end in ways)

        assert benchmark.pedantic(naive, pair, rounds=PEER_ROUNDS) == hd95(*pair)


@pytest.mark.benchmark(group="NSD at 1 mm of 128^3")
class TestSurfaceDice:
    def test_ours(self, benchmark, pair):
        benchmark(nsd, *pair)

    def test_surface_distance(self, benchmark, pair):
        peer = pytest.importorskip("surface_distance", reason="surface-distance is not installed")

        def theirs(first, second):
            return peer.compute_surface_dice_at_tolerance(peer.compute_surface_distances(first, second, SPACING), 1.0)

        assert benchmark.pedantic(theirs, pair, rounds=PEER_ROUNDS) == pytest.approx(nsd(*pair), rel=1e-9)

    @pytest.mark.parametrize("surface", ["voxel", "surfel"])
    def test_monai(self, benchmark, pair, tensors, surface):
        peer = pytest.importorskip("monai.metrics", reason="MONAI is not installed").compute_surface_dice
        options = {"include_background": True, "spacing": SPACING, "use_subvoxels": surface == "surfel"}
        value = benchmark.pedantic(peer, (*tensors, [1.0]), options, rounds=PEER_ROUNDS)
        assert value.item() == pytest.approx(nsd(*pair, surface), rel=1e-5)  # MONAI adds areas in float32


@pytest.mark.benchmark(group="Dice of 128^3")
class TestDice:
    def test_packed(self, benchmark, pair):
        packed = [pack(mask[None]) for mask in pair]
        assert benchmark(packed_dice, *packed) == metrics.dice(*pair)

    def test_pack(self, benchmark, pair):
        benchmark(pack, pair[0][None])

    def test_unpacked(self, benchmark, pair):
        benchmark(metrics.dice, *pair)

    def test_monai(self, benchmark, pair, tensors):
        peer = pytest.importorskip("monai.metrics", reason="MONAI is not installed").compute_dice
        value = benchmark.pedantic(peer, tensors, {"include_background": True}, rounds=PEER_ROUNDS)
        assert value.item() == pytest.approx(float(metrics.dice(*pair)), rel=1e-6)

    def test_medpy(self, benchmark, pair):
        peer = pytest.importorskip("medpy.metric", reason="MedPy is not installed")
        assert benchmark.pedantic(peer.dc, pair, rounds=PEER_ROUNDS) == metrics.dice(*pair)


@pytest.mark.benchmark(group="64 x 64 Dice of 128^3")
def test_pairwise(benchmark):
    packed = pack(np.random.default_rng(0).random((64, SIDE, SIDE, SIDE), dtype=np.float32) < 0.3)
    matrix = benchmark.pedantic(pairwise_packed_dice, (packed, packed), rounds=3, warmup_rounds=1)
    assert np.array_equal(np.diag(matrix), np.ones(64))
    assert np.array_equal(matrix, matrix.T)
