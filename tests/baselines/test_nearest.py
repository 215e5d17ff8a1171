"""Nearest finds a planted shape, sees nothing but the training split, and keeps an honest cache."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from baseline_material import ArrayTrainingData, ellipsoid_sdf, request_for

from baselines.nearest.method import Nearest
from baselines.nearest.residual import residual
from benchmark.tasks.shape_completion.prompts import PROMPTS


@pytest.fixture
def fitted(ellipsoids: ArrayTrainingData, tmp_path: Path) -> Nearest:
    control = Nearest()
    control.fit(ellipsoids, tmp_path)
    return control


@pytest.mark.parametrize("prompt", sorted(PROMPTS))
@pytest.mark.parametrize("planted", [0, 3, 7])
def test_a_planted_shape_is_found(fitted: Nearest, ellipsoids: ArrayTrainingData, prompt: str, planted: int) -> None:
    truth = ellipsoids.volumes[planted]
    answer = fitted.predict(request_for(truth, prompt, seed=3)).parts["shape"]
    np.testing.assert_array_equal(answer, truth)


def test_the_answer_is_always_an_unchanged_training_shape_of_the_category(
    fitted: Nearest, ellipsoids: ArrayTrainingData
) -> None:
    for width in (9, 14.7, 23):
        answer = fitted.predict(request_for(ellipsoid_sdf((28, width, 15)), "triplane")).parts["shape"]
        assert any(np.array_equal(answer, volume) for volume in ellipsoids.volumes[:8])


def test_the_sub_voxel_residual_breaks_ties_of_the_voxel_count(tmp_path: Path) -> None:
    """On plane x = 32 all three candidates have the same voxels; only their depth tells them apart."""
    wanted = ellipsoid_sdf((28, 20, 16))
    lower, higher = wanted + np.float32(0.004), wanted - np.float32(0.004)
    request = request_for(wanted, "oneplane")
    plane = request.observation.mask
    for other in (lower, higher):  # the premise: same occupancy on the plane
        others = np.where(np.abs(wanted) < 0.01, wanted, other)
        assert ((others < 0) == (wanted < 0))[plane].all()
    off = np.where(plane & (wanted > 0.05), -np.float32(0.01), wanted)
    assert residual(wanted, request.observation) < residual(off, request.observation)


def test_damage_costs_every_candidate_the_same() -> None:
    truth, wrong = ellipsoid_sdf((28, 20, 16)), ellipsoid_sdf((28, 16, 16))
    observation = request_for(truth, "broken", seed=5).observation
    worse = dataclasses.replace(observation, value=observation.value.copy())
    worse.value[:6, :6, :6] = -0.2  # a spurious block far from both candidates
    gain = residual(wrong, worse) - residual(truth, worse)
    assert gain == pytest.approx(residual(wrong, observation) - residual(truth, observation), rel=1e-6)


def test_the_cache_saves_reading_and_is_keyed_by_the_data(ellipsoids: ArrayTrainingData, tmp_path: Path) -> None:
    Nearest().fit(ellipsoids, tmp_path)
    assert sorted(ellipsoids.read) == list(range(9))
    ellipsoids.read.clear()
    again = Nearest()
    again.fit(ellipsoids, tmp_path)
    assert ellipsoids.read == []
    np.testing.assert_array_equal(
        again.predict(request_for(ellipsoids.volumes[2])).parts["shape"],
        ellipsoids.volumes[2],
    )
    ellipsoids.read.clear()
    ellipsoids.revision = "r2"
    Nearest().fit(ellipsoids, tmp_path)
    assert sorted(ellipsoids.read) == list(range(9))
    assert not list(tmp_path.glob("*.partial"))


def test_two_splits_of_one_data_set_do_not_share_a_cache(ellipsoids: ArrayTrainingData, tmp_path: Path) -> None:
    Nearest().fit(ellipsoids, tmp_path)
    part = ArrayTrainingData(ellipsoids.volumes[:2], ["bone"] * 2, ["real_subject"] * 2, revision=ellipsoids.revision)
    control = Nearest()
    control.fit(part, tmp_path)
    answer = control.predict(request_for(ellipsoids.volumes[4])).parts["shape"]
    assert any(np.array_equal(answer, volume) for volume in part.volumes)
