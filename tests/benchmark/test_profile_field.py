"""The field profile against PointFlow's and MPC's conventions written down with a full distance matrix."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from synthetic import make_case

from benchmark import metrics
from benchmark.tasks import tasks
from benchmark.tasks.shape_completion import profiles
from benchmark.tasks.shape_completion.prompts import observe
from medshape_text.seeds import seed_for


def scores(prediction, case):
    return {score.metric: score for score in profiles.profile("field").score(prediction, case)}


def drawn(sdf, case):
    surface = metrics.extract_surface(sdf)
    return metrics.area_uniform_points(surface.vertices, surface.faces, 2048, seed_for(case.id, "field/points"))


def test_equals_the_conventions_by_hand(case, prediction):
    truth, completion = drawn(case.truth["shape"], case), drawn(prediction, case)
    matrix = cdist(truth, completion) / 64
    forth, back = matrix.min(axis=1), matrix.min(axis=0)
    found = scores(prediction, case)
    assert found["cd"].value == pytest.approx((forth**2).mean() + (back**2).mean(), rel=1e-9)
    # Observed are the planes 0, 8, ..., 56 across the first axis: points within half a voxel of them.
    seen = np.isin(np.rint(truth[:, 0]), np.arange(0, 64, 8))
    assert 100 < seen.sum() < 1000
    assert found["uhd"].value == pytest.approx(forth[seen].max(), rel=1e-9)
    assert (found["cd"].status, found["uhd"].status) == ("ok", "ok")


def test_uhd_asks_whether_what_was_given_is_kept(case):
    # The prediction adds a slab far away: the completion is far from the truth, the truth close to the completion.
    added = case.truth["shape"].copy()
    added[2:6, 2:6, 2:6] = -0.1
    everywhere = dataclasses.replace(case, observations=(observe("broken", case.truth["shape"], 0),))
    noise = {score.metric: score.value for score in profiles.sampling_floor(everywhere, "field")}
    assert scores(added, everywhere)["uhd"].value < 1.5 * noise["uhd"]
    missing = case.truth["shape"].copy()
    missing[:24] = 0.2
    assert scores(missing, everywhere)["uhd"].value > 3 * noise["uhd"]


def test_signatures_and_unit(case, prediction):
    found = scores(prediction, case)
    assert found["cd"].signature == (
        "cd|field|points:2048|sample:area-uniform|level:0|unit:box|norm:l2-squared|reduce:sum|v1"
    )
    assert "directed:partial-to-completion" in found["uhd"].signature
    unknown = dataclasses.replace(case, grid=dataclasses.replace(case.grid, millimetres_per_unit=None))
    assert scores(prediction, unknown) == found  # box edges, whatever the physical scale
    assert [(metric.name, metric.signature) for metric in profiles.profile("field").applicable(case)] == [
        (name, score.signature) for name, score in found.items()
    ]


def test_floor_is_the_noise_of_another_draw(case):
    floor = {score.metric: score.value for score in profiles.sampling_floor(case, "field")}
    assert 1e-4 < floor["cd"] < 1e-3  # .047 / 100 was measured for a larger ellipsoid
    assert 0.01 < floor["uhd"] < 0.06
    assert all(score.value == 0 for score in profiles.profile("field").score(case.truth["shape"], case))


def test_worst(case):
    bundle = profiles.profile("field")
    nothing = np.full((64, 64, 64), 0.2, np.float32)
    worst = bundle.score(nothing, case)
    assert worst == bundle.worst(case, "no_surface")
    assert [score.value for score in worst] == [pytest.approx(6), pytest.approx(np.sqrt(3))]
    corner = nothing.copy()
    corner[0, 0, 0] = -0.2
    for bad, score in zip(worst, bundle.score(corner, case), strict=True):
        assert (bad.metric, bad.signature) == (score.metric, score.signature)
        assert bad.value > score.value


def test_nothing_observed(ellipsoid):
    truth = ellipsoid((6, 6, 6), (12, 12, 12))
    beside = make_case(truth, "oneplane", "c", "s", scale=1.0, text="t")
    assert (scores(truth, beside)["uhd"].value, scores(truth, beside)["uhd"].status) == (None, "nothing_observed")


def test_tasks_score_what_they_scored_before():
    assert {task.profiles for task in tasks().values() if task.family == "shape-completion"} == {
        ("overlap", "genmed", "dense")
    }
