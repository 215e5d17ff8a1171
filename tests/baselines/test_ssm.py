"""The shape model recovers planted weights, its derivative is right, and it withstands damage."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import igl
import numpy as np
import pytest
import trimesh
from baseline_material import ArrayTrainingData, dice, request_for

from baselines.ssm.deformation import fit_deformation_model
from baselines.ssm.measurement import measurement_of
from baselines.ssm.method import StatisticalShapeModel
from baselines.ssm.posterior import FitSettings, Measurement, _contact, fit_posterior
from benchmark.observations.agreement import reconcile
from medshape_text.curate.sdf import sdf_from_mesh

WIDTHS = np.linspace(-1, 1, 9)
BALL = trimesh.creation.icosphere(subdivisions=3)
FACES = np.asarray(BALL.faces, dtype=np.int64)


def shape(width: float, bend: float = 0.0) -> np.ndarray:
    """An ellipsoid 56 voxels long whose y radius is 14 + 3 * width voxels, bent by ``bend`` voxels."""
    vertices = np.asarray(BALL.vertices) * np.array([28, 14 + 3 * width, 16]) / 32
    vertices[:, 2] += bend / 32 * (vertices[:, 0] ** 2 - 0.4)
    return vertices


@pytest.fixture(scope="module")
def data() -> ArrayTrainingData:
    meshes = [(shape(width), FACES) for width in WIDTHS]
    return ArrayTrainingData([], ["bone"] * len(meshes), ["real_subject"] * len(meshes), meshes)


@pytest.fixture(scope="module")
def control(data: ArrayTrainingData, tmp_path_factory: pytest.TempPathFactory) -> StatisticalShapeModel:
    fitted = StatisticalShapeModel()
    fitted.fit(data, tmp_path_factory.mktemp("ssm"))
    return fitted


@pytest.mark.parametrize("prompt", ["oneplane", "triplane", "multiplane", "broken", "noisy"])
@pytest.mark.parametrize("width", [-1.3, 0.4, 1.6])
def test_a_planted_mode_weight_is_recovered(data: ArrayTrainingData, prompt: str, width: float) -> None:
    model = fit_deformation_model(np.stack([vertices for vertices, _ in data.meshes]), FACES, elasticity=0)
    assert model.modes.shape == (len(BALL.vertices), 3, 8)
    truth = sdf_from_mesh(shape(width), FACES)
    measurement = measurement_of(request_for(truth, prompt, seed=2).observation, sdf_from_mesh(model.mean, FACES))
    fitted = model.vertices(fit_posterior(model, measurement, FitSettings()))
    radius = fitted[:, 1].max() * 32
    assert radius == pytest.approx(14 + 3 * width, abs=0.25)


def test_without_a_measurement_the_mean_is_the_answer(data: ArrayTrainingData) -> None:
    model = fit_deformation_model(np.stack([vertices for vertices, _ in data.meshes]), FACES, elasticity=1)
    nothing = Measurement(np.array([[0.99, 0.99, 0.99]]), np.array([-1.0]), 0.0)
    np.testing.assert_allclose(model.vertices(fit_posterior(model, nothing, FitSettings())), model.mean)


def test_the_derivative_of_the_distance_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    shapes = np.stack([shape(width, bend) for width in (-1, 0, 1) for bend in (-3, 0, 3)])
    model = fit_deformation_model(shapes, FACES, elasticity=1)
    points = shape(0.2, 1.0)[rng.permutation(len(BALL.vertices))[:300]] * rng.uniform(0.9, 1.1, (300, 1))
    weights = rng.normal(size=model.modes.shape[2]) * 0.3
    direction = rng.normal(size=len(weights))
    contact = _contact(points, model.vertices(weights), model)
    claimed = -np.einsum("nd,nd->n", contact.normal, model.modes[contact.vertex] @ direction)

    def distance(step: float) -> np.ndarray:
        vertices = model.vertices(weights + step * direction)
        squared, _, _ = igl.point_mesh_squared_distance(points, vertices, FACES)
        inside = igl.fast_winding_number(vertices, FACES, points) > 0.5
        return np.where(inside, -1, 1) * np.sqrt(squared)

    numeric = (distance(1e-4) - distance(-1e-4)) / 2e-4
    away = np.abs(contact.distance) > 0.01
    assert np.corrcoef(claimed[away], numeric[away])[0, 1] > 0.99
    assert np.abs(claimed - numeric)[away].mean() < 0.1 * np.abs(numeric[away]).mean()


def test_smooth_modes_add_up_to_the_declared_size() -> None:
    """The kernel modes displace every vertex by ``elasticity`` leave-one-out errors, root mean square."""
    rng = np.random.default_rng(1)
    noisy = np.stack([shape(w) + rng.normal(scale=0.01, size=BALL.vertices.shape) for w in WIDTHS])
    plain = fit_deformation_model(noisy, FACES, elasticity=0).modes.shape[2]
    model = fit_deformation_model(noisy, FACES, elasticity=2)
    # Vertex noise of 0.01 units per axis, and the noise of a mean of the eight others.
    expected = 2 * 0.01 * np.sqrt(3) * np.sqrt(9 / 8)
    spread = np.sqrt((model.modes[:, :, plain:] ** 2).sum(axis=(1, 2)))
    assert spread.mean() == pytest.approx(expected, rel=0.1)


def test_smooth_modes_reach_what_the_principal_modes_cannot() -> None:
    rng = np.random.default_rng(5)
    meshes = [(shape(w, rng.normal()), FACES) for w in WIDTHS]
    truth = shape(0.5)
    truth = truth + 0.06 * np.exp(-(((truth - truth[100]) / 0.4) ** 2).sum(axis=1))[:, None] * truth / 0.5
    sdf = sdf_from_mesh(truth, FACES)
    scores = {}
    for elasticity in (0.0, 3.0):
        control = StatisticalShapeModel(elasticity, keep_observed=False)
        control.fit(ArrayTrainingData([], ["bone"] * 9, ["real_subject"] * 9, meshes), Path())
        scores[elasticity] = dice(control.predict(request_for(sdf, "multiplane")).parts["shape"], sdf)
    assert scores[3.0] >= scores[0.0]
    assert scores[3.0] > 0.97


@pytest.mark.parametrize("prompt", ["broken", "noisy"])
def test_damage_is_undone_and_the_rest_is_kept(control: StatisticalShapeModel, prompt: str) -> None:
    truth = sdf_from_mesh(shape(0.7), FACES)
    for seed in range(3):
        request = request_for(truth, prompt, seed=seed)
        answer = control.predict(request).parts["shape"]
        assert dice(answer, truth) > max(0.985, dice(request.observation.value, truth))


def test_observed_planes_are_kept_exactly(control: StatisticalShapeModel) -> None:
    truth = sdf_from_mesh(shape(0.7, bend=4), FACES)  # no training subject bends
    observation = request_for(truth, "multiplane").observation
    answer = control.predict(request_for(truth, "multiplane")).parts["shape"]
    assert ((answer < 0) == (truth < 0))[observation.mask].all()


def test_the_same_request_gives_the_same_bytes(control: StatisticalShapeModel) -> None:
    request = request_for(sdf_from_mesh(shape(0.3), FACES), "triplane")
    assert control.predict(request).parts["shape"].tobytes() == control.predict(request).parts["shape"].tobytes()


def test_reconcile_leaves_an_undamaged_prompt_alone() -> None:
    truth = sdf_from_mesh(shape(0.3), FACES)
    observation = request_for(truth, "broken").observation
    undamaged = dataclasses.replace(observation, value=truth)
    np.testing.assert_array_equal(reconcile(truth, undamaged, 2.0, 3.0), truth)


def test_meshes_that_do_not_correspond_are_refused(data: ArrayTrainingData) -> None:
    meshes = [*data.meshes[:3], (shape(0.0), FACES[:, ::-1])]
    with pytest.raises(ValueError, match="training meshes of bone do not correspond"):
        StatisticalShapeModel().fit(ArrayTrainingData([], ["bone"] * 4, ["real_subject"] * 4, meshes), Path())
