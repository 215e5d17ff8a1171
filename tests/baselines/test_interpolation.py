"""Interpolation against solids whose every slice is known in closed form."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from baseline_material import dice, ellipsoid_sdf, request_for
from numpy.typing import NDArray

from baselines.interpolation.cleaning import cleaned
from baselines.interpolation.method import Interpolation, complete_planes
from baselines.interpolation.sections import observed_sections, signed_distance
from benchmark.tasks.shape_completion.prompts import observe

X, Y, Z = np.indices((64, 64, 64), dtype=np.float64)


def solid(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(inside, -0.1, 0.1).astype(np.float32)


def test_signed_distance_is_measured_to_the_boundary_between_pixels() -> None:
    line = np.zeros((1, 7), dtype=bool)
    line[0, 2:5] = True
    np.testing.assert_allclose(signed_distance(line)[0], [1.5, 0.5, -0.5, -1.5, -0.5, 0.5, 1.5])


def test_a_cone_comes_back_from_its_slices() -> None:
    """Radii of a cone fall linearly along x, so linear interpolation of distances gives them exactly."""
    radius = 2 + 0.4 * X
    cone = solid((np.hypot(Y - 31.5, Z - 31.5) < radius) & (X < 57))
    answer = complete_planes(observe("multiplane", cone, 0))
    for x in range(8, 56):
        area = np.count_nonzero(answer[x] < 0)
        assert np.sqrt(area / np.pi) == pytest.approx(radius[x, 0, 0], abs=0.35)


def test_an_oblique_rod_is_followed_between_slices_that_do_not_overlap() -> None:
    rod = solid(np.hypot(Y - (8 + 0.8 * X), Z - 31.5) < 3)
    answer = complete_planes(observe("multiplane", rod, 0))
    assert dice(answer[:57], rod[:57]) > 0.95  # plain averaging of distances leaves gaps: 0.31


def test_beyond_the_last_slice_the_shape_closes_before_the_next_empty_one() -> None:
    truth = ellipsoid_sdf((20, 12, 12))
    inside = complete_planes(observe("multiplane", truth, 0)) < 0
    occupied = np.flatnonzero(inside.any(axis=(1, 2)))
    assert occupied.min() > 8
    assert occupied.max() < 56
    areas = inside.sum(axis=(1, 2))[48:56]
    assert (np.diff(areas) <= 0).all()
    assert areas[0] > areas[3] or areas[3] == 0


@pytest.mark.parametrize(("prompt", "least"), [("oneplane", 0.75), ("triplane", 0.8), ("multiplane", 0.95)])
def test_a_ball_is_completed_and_agrees_with_what_was_observed(prompt: str, least: float) -> None:
    truth = ellipsoid_sdf((24, 24, 24))
    observation = observe(prompt, truth, 0)
    answer = complete_planes(observation)
    assert dice(answer, truth) > least
    assert ((answer < 0) == (truth < 0))[observation.mask].all()


def test_planes_are_found_on_the_axis_they_are_perpendicular_to() -> None:
    found = observed_sections(observe("triplane", ellipsoid_sdf((24, 20, 16)), 0))
    assert {axis: [section.index for section in sections] for axis, sections in found.items()} == {
        0: [32],
        1: [32],
        2: [32],
    }
    assert found[1][0].inside.sum() == (ellipsoid_sdf((24, 20, 16))[:, 32] < 0).sum()


def test_an_empty_observation_gives_an_empty_answer() -> None:
    off_plane = ellipsoid_sdf((3, 8, 8), (20, 31.5, 31.5))
    observation = observe("oneplane", off_plane, 0)
    assert observation.empty
    answer = complete_planes(observation)
    assert np.isfinite(answer).all()
    assert not (answer < 0).any()


def test_half_a_plane_is_refused() -> None:
    observation = observe("oneplane", ellipsoid_sdf((24, 20, 16)), 0)
    half = observation.mask.copy()
    half[:, :10] = False
    with pytest.raises(ValueError, match="completely observed plane"):
        complete_planes(dataclasses.replace(observation, mask=half))


def test_cleaning_drops_crumbs_keeps_long_pieces_and_fills_cavities() -> None:
    bone = (np.hypot(Y - 31.5, Z - 31.5) < 2) & (X > 4) & (X < 60)
    cut = bone & ~((X > 28) & (X < 33))
    crumb = (X - 50) ** 2 + (Y - 50) ** 2 + (Z - 12) ** 2 <= 16
    np.testing.assert_array_equal(cleaned(cut | crumb), cut)
    block = (np.abs(X - 32) < 10) & (np.abs(Y - 32) < 10) & (np.abs(Z - 32) < 10)
    cavity = (X - 32) ** 2 + (Y - 32) ** 2 + (Z - 32) ** 2 <= 9
    np.testing.assert_array_equal(cleaned(block & ~cavity), block)


def test_cleaning_keeps_a_lone_crumb_and_nothing() -> None:
    crumb = (X - 50) ** 2 + (Y - 50) ** 2 + (Z - 12) ** 2 <= 16
    np.testing.assert_array_equal(cleaned(crumb), crumb)
    assert not cleaned(np.zeros((64, 64, 64), dtype=bool)).any()


def test_a_corrupted_prompt_is_answered_with_its_cleaned_mask() -> None:
    truth = ellipsoid_sdf((28, 16, 14))
    request = request_for(truth, "noisy", seed=1)
    answer = Interpolation().predict(request).parts["shape"]
    assert dice(answer, truth) > dice(request.observation.value, truth)
