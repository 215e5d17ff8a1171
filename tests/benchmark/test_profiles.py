"""Profiles: the published conventions written down independently, exact zeros, units and worst values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from skimage.measure import marching_cubes
from synthetic import make_case

from benchmark.tasks.shape_completion import profiles
from benchmark.tasks.shape_completion.prompts import observe


def scores(name, prediction, case):
    return {score.metric: score for score in profiles.profile(name).score(prediction, case)}


def published_points(sdf):
    vertices = marching_cubes(sdf.copy(), level=0.0 if sdf.min() <= 0 <= sdf.max() else (sdf.min() + sdf.max()) / 2)[0]
    vertices = vertices.astype(np.float64)
    chosen, nearest = [0], np.full(len(vertices), np.inf)
    while len(chosen) < 512:
        nearest = np.minimum(nearest, ((vertices - vertices[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(nearest.argmax()))
    return vertices[chosen] / 64


def test_genmed_profile_equals_the_published_convention(case, prediction):
    matrix = cdist(published_points(prediction), published_points(case.truth["shape"]))
    forth, back = matrix.min(axis=1), matrix.min(axis=0)
    found = scores("genmed", prediction, case)
    assert found["cd"].value == pytest.approx(100 * ((forth**2).mean() + (back**2).mean()), rel=1e-9)
    assert found["uhd"].value == pytest.approx(100 * max(forth.max(), back.max()), rel=1e-9)
    assert (found["cd"].status, found["uhd"].status) == ("ok", "ok")


def test_genmed_profile_takes_the_mid_range_level_where_zero_is_out_of_range(case):
    shifted = case.truth["shape"] + 0.3  # no voxel below zero, so the level is mid-range, 0.3 up
    assert scores("genmed", shifted.astype(np.float32), case)["cd"].value == pytest.approx(
        scores(
            "genmed",
            case.truth["shape"] - np.float32((case.truth["shape"].min() + case.truth["shape"].max()) / 2),
            case,
        )["cd"].value,
        abs=0.02,
    )


def test_genmed_profile_pads_small_clouds_with_seeded_duplicates(case):
    from benchmark.tasks.shape_completion.profiles.genmed import genmed_points

    dot = np.full((64, 64, 64), 0.2, np.float32)
    dot[30, 30, 30] = -0.2
    points = genmed_points(dot, seed=5)
    assert points.shape == (512, 3)
    np.testing.assert_array_equal(points, genmed_points(dot, seed=5))
    # The six faces of one voxel, half a voxel out, and nothing else.
    assert {tuple(p) for p in np.round(points * 64, 6)} == {
        tuple(np.array([30.0, 30, 30]) + 0.5 * sign * np.eye(3)[axis]) for axis in range(3) for sign in (-1, 1)
    }


@pytest.mark.parametrize("prompt", ["oneplane", "triplane", "multiplane", "broken", "noisy"])
def test_the_truth_scores_perfectly_to_the_last_bit(prompt, case):
    observed = dataclasses.replace(case, observations=(observe(prompt, case.truth["shape"], 3),))
    for name in profiles.PROFILES:
        for score in profiles.profile(name).score(case.truth["shape"].copy(), observed):
            assert score.status == "ok"
            assert score.value == (1.0 if "dice" in score.metric else 0.0)


def test_dense_distances_of_a_sphere_inside_another(case):
    # Concentric spheres of 24 and 20 voxels: every point of each is 4 voxels = 20 mm from the other.
    grid = np.indices((64, 64, 64), dtype=float) - 31.5
    distance = np.sqrt((grid**2).sum(axis=0))
    truth, inner = (np.clip((distance - r) / 32, -0.2, 0.2).astype(np.float32) for r in (24, 20))
    sphere = dataclasses.replace(case, truth={"shape": truth}, observations=(observe("broken", truth, 0),))
    for metric, score in scores("dense", inner, sphere).items():
        assert score.value == pytest.approx(4 * 160 / 32, rel=0.01), metric


def test_dense_distances_see_a_tenth_of_a_voxel(case):
    grid = np.indices((64, 64, 64), dtype=float) - 31.5
    distance = np.sqrt((grid**2).sum(axis=0))
    truth, grown = (np.clip((distance - r) / 32, -0.2, 0.2).astype(np.float32) for r in (20, 20.1))
    sphere = dataclasses.replace(
        case,
        truth={"shape": truth},
        observations=(observe("broken", truth, 0),),
        grid=dataclasses.replace(case.grid, millimetres_per_unit=32.0),
    )
    assert scores("dense", grown, sphere)["cd"].value == pytest.approx(0.1, rel=0.02)
    assert scores("dense", grown, sphere)["hd95"].value == pytest.approx(0.1, rel=0.1)


def test_hd95_forgives_a_small_outlier_that_uhd_sees(case):
    # A wart of the truth the prediction lacks: far less than 5 % of the surface.
    wart = case.truth["shape"].copy()
    wart[31:34, 29:32, 46:52] = -0.1
    warty = dataclasses.replace(case, truth={"shape": wart}, observations=(observe("broken", wart, 0),))
    found = scores("dense", case.truth["shape"], warty)
    assert found["hd95"].value < 2
    assert found["uhd"].value > 4 * 160 / 32


def test_uhd_is_about_the_observed_part_only(case, ellipsoid):
    # One end of the truth is missing from the prediction; the middle plane does not see it.
    prediction = case.truth["shape"].copy()
    prediction[:20] = 0.2
    seen = dataclasses.replace(case, observations=(observe("oneplane", case.truth["shape"], 0),))
    everywhere = dataclasses.replace(case, observations=(observe("broken", case.truth["shape"], 0),))
    assert scores("dense", prediction, seen)["uhd"].value == 0
    assert scores("dense", prediction, everywhere)["uhd"].value > 5 * 160 / 32


def test_uhd_is_not_applicable_where_nothing_was_observed(ellipsoid):
    truth = ellipsoid((6, 6, 6), (12, 12, 12))
    beside = make_case(truth, "oneplane", "c", "s", scale=1.0, text="t")
    score = scores("dense", truth, beside)["uhd"]
    assert (score.value, score.status) == (None, "nothing_observed")


def test_units_are_in_the_signature(case, prediction):
    unknown = dataclasses.replace(case, grid=dataclasses.replace(case.grid, millimetres_per_unit=None))
    physical, canonical = scores("dense", prediction, case), scores("dense", prediction, unknown)
    for metric in ("cd", "hd95", "uhd"):
        assert "unit:mm" in physical[metric].signature
        assert "unit:box" in canonical[metric].signature
        # One box edge is two canonical units of 160 mm.
        assert physical[metric].value == pytest.approx(320 * canonical[metric].value)


def test_overlap_profile(case, prediction):
    found = scores("overlap", prediction, case)
    a, b = prediction < 0, case.truth["shape"] < 0
    assert found["dice"].value == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
    a, b = a[::8], b[::8]
    assert found["observed_dice"].value == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
    corrupted = dataclasses.replace(case, observations=(observe("broken", case.truth["shape"], 0),))
    assert list(scores("overlap", prediction, corrupted)) == ["dice"]


def test_agreement_with_empty_planes(ellipsoid):
    truth = ellipsoid((6, 6, 6), (12, 12, 12))
    beside = make_case(truth, "oneplane", "c", "s", scale=1.0, text="t")
    assert scores("overlap", truth, beside)["observed_dice"].value == 1
    assert scores("overlap", ellipsoid(), beside)["observed_dice"].value == 0


@pytest.mark.parametrize("name", ["overlap", "genmed", "dense"])
def test_worst_is_worse_than_anything(name, case, ellipsoid):
    bundle = profiles.profile(name)
    worst = bundle.worst(case, "crashed")
    corner = np.full((64, 64, 64), 0.2, np.float32)
    corner[0, 0, 0] = -0.2
    awful = bundle.score(corner, case)
    assert [(s.metric, s.signature) for s in worst] == [(s.metric, s.signature) for s in awful]
    assert [(s.metric, s.signature) for s in worst] == [
        (metric.name, metric.signature) for metric in bundle.applicable(case)
    ]
    for bad, score in zip(worst, awful, strict=True):
        assert bad.status == "crashed"
        assert bad.value is not None
        assert bad.value <= score.value if "dice" in bad.metric else bad.value > score.value


@pytest.mark.parametrize("name", ["genmed", "dense"])
def test_a_prediction_without_a_surface_scores_worst_with_a_reason(name, case):
    filled = np.full((64, 64, 64), 0.2, np.float32)
    assert profiles.profile(name).score(filled, case) == profiles.profile(name).worst(case, "no_surface")


def test_scores_do_not_depend_on_who_is_scored_before(case, prediction):
    bundle = profiles.profile("dense")
    first = bundle.score(prediction, case)
    bundle.score(case.truth["shape"], case)
    assert bundle.score(prediction, case) == first


def test_sampling_floor_is_noise_of_the_published_profile_and_zero_of_ours(case):
    published = {score.metric: score.value for score in profiles.sampling_floor(case, "genmed")}
    assert 0.01 < published["cd"] < 0.2
    assert 1 < published["uhd"] < 6
    assert all(score.value == 0 for score in profiles.sampling_floor(case, "dense"))


def test_unknown_profile():
    with pytest.raises(LookupError, match="did you mean 'dense'"):
        profiles.profile("dence")
