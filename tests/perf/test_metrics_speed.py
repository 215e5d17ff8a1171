"""Metrics against the few lines of numpy people write first. Ratios, not seconds, are what to compare.

Every pair also checks that both give the same number: a fast wrong answer is no answer.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from benchmark import metrics
from benchmark.contract import CANONICAL, Case, Prediction
from benchmark.tasks import family_of, find_task
from benchmark.tasks.shape_completion.prompts import observe

pytestmark = pytest.mark.slow
POINTS = 8192


def ellipsoid(radii):
    grid = np.indices((64, 64, 64)) - 31.5
    distance = (np.sqrt(sum((g / r) ** 2 for g, r in zip(grid, radii, strict=True))) - 1) * min(radii) / 32
    return np.clip(distance, -0.2, 0.2).astype(np.float32)


@pytest.fixture(scope="module")
def clouds():
    surfaces = [metrics.extract_surface(ellipsoid(radii)) for radii in ((28, 20, 18), (27, 21, 18))]
    return [metrics.area_uniform_points(each.vertices, each.faces, POINTS, 0) for each in surfaces]


def naive_farthest_points(points, count):
    chosen = [0]
    while len(chosen) < count:
        chosen.append(int(cdist(points, points[chosen]).min(axis=1).argmax()))
    return chosen


@pytest.mark.benchmark(group="chamfer 8192 x 8192")
class TestChamfer:
    def test_ours(self, benchmark, clouds):
        benchmark(metrics.chamfer, *clouds)

    def test_full_matrix(self, benchmark, clouds):
        def naive(a, b):
            squared = cdist(a, b, "sqeuclidean")
            return squared.min(axis=1).mean() + squared.min(axis=0).mean()

        value = benchmark.pedantic(naive, clouds, rounds=3)
        assert value == pytest.approx(float(metrics.chamfer(*clouds)), rel=1e-9)


@pytest.mark.benchmark(group="512 farthest points of 9000")
class TestFarthestPoints:
    def test_ours(self, benchmark, clouds):
        benchmark(metrics.farthest_points, clouds[0], 512)

    def test_recomputed(self, benchmark, clouds):
        chosen = benchmark.pedantic(naive_farthest_points, (clouds[0], 512), rounds=1)
        assert metrics.farthest_points(clouds[0], 512).tolist() == chosen


@pytest.mark.benchmark(group="dice of 64^3")
def test_dice(benchmark):
    benchmark(metrics.dice, ellipsoid((28, 20, 18)), ellipsoid((27, 21, 18)), sdf=True)


@pytest.mark.benchmark(group="all scores of one case")
def test_case(benchmark):
    truth = ellipsoid((28, 20, 18))
    grid = dataclasses.replace(CANONICAL, millimetres_per_unit=100.0)
    seen = (observe("multiplane", truth, 0),)
    case = Case("c", "s", "b", "real_subject", "t", grid, seen, {"shape": truth})
    task, answer = find_task("multiplane"), Prediction({"shape": ellipsoid((27, 21, 18))})
    benchmark(family_of(task).score, task, [case], {"c": answer}, {})
    assert benchmark.stats.stats.min < 0.25  # the budget: a quarter of a second on one core
