"""Oracle, random and mean shape, and what all fitted controls refuse."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from baseline_material import ArrayTrainingData, case_of, dice, ellipsoid_sdf, request_for

from baselines.mean_shape.method import CUTS, MeanShape, best_cut, constant_answer
from baselines.nearest.method import Nearest
from baselines.oracle.method import Oracle
from baselines.random.method import RandomExample
from baselines.ssm.method import StatisticalShapeModel
from baselines.training import NotFittedError, rows_by_category
from benchmark.names import UnknownNameError


def test_oracle_returns_a_copy_of_the_truth() -> None:
    case = case_of(ellipsoid_sdf((28, 20, 12)))
    answer = Oracle().reveal(case).parts["shape"]
    np.testing.assert_array_equal(answer, case.truth["shape"])
    assert not np.shares_memory(answer, case.truth["shape"])


def test_random_depends_on_the_seed_only_and_draws_every_real_shape(
    ellipsoids: ArrayTrainingData, tmp_path: Path
) -> None:
    control = RandomExample()
    control.fit(ellipsoids, tmp_path)
    small, large = ellipsoid_sdf((28, 9, 9)), ellipsoid_sdf((28, 25, 25))
    for seed in range(10):
        one = control.predict(request_for(small, "oneplane", "bone", seed)).parts["shape"]
        other = control.predict(request_for(large, "triplane", "ball", seed)).parts["shape"]
        np.testing.assert_array_equal(one, other)
    ellipsoids.read.clear()
    for seed in range(200):
        control.predict(request_for(small, "oneplane", "bone", seed))
    assert set(ellipsoids.read) == {0, 1, 2, 3, 4, 5, 8}  # 6 and 7 are synthetic


def test_random_refuses_a_split_without_real_shapes(tmp_path: Path) -> None:
    data = ArrayTrainingData([ellipsoid_sdf((28, 9, 9))], ["bone"], ["synthetic_ssm"])
    with pytest.raises(ValueError, match="nothing of real anatomy"):
        RandomExample().fit(data, tmp_path)


def test_mean_of_equal_shapes_is_that_shape() -> None:
    shape = ellipsoid_sdf((28, 18, 14))
    np.testing.assert_array_equal(constant_answer(np.stack([shape] * 4)) < 0, shape < 0)


def test_best_cut_is_the_best_of_all_cuts_by_brute_force() -> None:
    rng = np.random.default_rng(4)
    shapes = np.stack([ellipsoid_sdf((28, *rng.uniform(4, 9, 2)), 31.5 + rng.uniform(-3, 3, 3)) for _ in range(5)])

    def leave_one_out(cut_index: int) -> float:
        scores = []
        for kept in combinations(range(5), 4):
            (left_out,) = set(range(5)) - set(kept)
            others = shapes[list(kept)].astype(np.float64)
            answer = CUTS[cut_index].mask(others.mean(axis=0), (others < 0).mean(axis=0))
            truth = shapes[left_out] < 0
            scores.append(2 * (answer & truth).sum() / (answer.sum() + truth.sum()))
        return float(np.mean(scores))

    scores = [leave_one_out(index) for index in range(len(CUTS))]
    assert len({round(score, 6) for score in scores}) > 5  # the cuts differ on these shapes
    assert leave_one_out(CUTS.index(best_cut(shapes))) == pytest.approx(max(scores))


def test_mean_shape_learns_from_real_shapes_of_the_category_and_ignores_the_observation(
    ellipsoids: ArrayTrainingData, tmp_path: Path
) -> None:
    control = MeanShape()
    control.fit(ellipsoids, tmp_path)
    assert set(ellipsoids.read) == {0, 1, 2, 3, 4, 5, 8}
    thin = control.predict(request_for(ellipsoid_sdf((28, 10, 16)), "multiplane")).parts["shape"]
    thick = control.predict(request_for(ellipsoid_sdf((28, 20, 16)), "broken")).parts["shape"]
    np.testing.assert_array_equal(thin, thick)
    assert dice(thin, ellipsoid_sdf((28, 14.5, 16))) > 0.97
    ball = control.predict(request_for(thick, category="ball")).parts["shape"]
    np.testing.assert_array_equal(ball, ellipsoids.volumes[8])


@pytest.mark.parametrize("control", [MeanShape(), Nearest(), StatisticalShapeModel(), RandomExample()])
def test_predicting_before_fitting_is_refused(control: MeanShape | Nearest | StatisticalShapeModel) -> None:
    with pytest.raises(NotFittedError, match="call fit before predict"):
        control.predict(request_for(ellipsoid_sdf((28, 20, 12))))


def test_a_category_nobody_trained_on_is_named(ellipsoids: ArrayTrainingData, tmp_path: Path) -> None:
    control = MeanShape()
    control.fit(ellipsoids, tmp_path)
    with pytest.raises(UnknownNameError, match="unknown category 'bonne'; did you mean 'bone'"):
        control.predict(request_for(ellipsoid_sdf((28, 20, 12)), category="bonne"))


def test_rows_by_category(ellipsoids: ArrayTrainingData) -> None:
    assert rows_by_category(ellipsoids, real_only=True) == {"ball": [8], "bone": [0, 1, 2, 3, 4, 5]}
    assert rows_by_category(ellipsoids, real_only=False) == {"ball": [8], "bone": [0, 1, 2, 3, 4, 5, 6, 7]}
