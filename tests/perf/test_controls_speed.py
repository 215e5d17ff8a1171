"""Seconds per case of the controls that compute something (make bench; elsewhere they run once)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from baseline_material import ArrayTrainingData, request_for
from pytest_benchmark.fixture import BenchmarkFixture

from baselines.interpolation.method import Interpolation
from baselines.ssm.method import StatisticalShapeModel
from medshape_text.curate.sdf import sdf_from_mesh

BALL = trimesh.creation.icosphere(subdivisions=4)
FACES = np.asarray(BALL.faces, dtype=np.int64)


def bone(width: float) -> np.ndarray:
    return np.asarray(BALL.vertices) * np.array([28, 14 + 3 * width, 16]) / 32


@pytest.mark.parametrize("prompt", ["oneplane", "triplane", "multiplane", "noisy"])
def test_interpolation(benchmark: BenchmarkFixture, prompt: str) -> None:
    request = request_for(sdf_from_mesh(bone(0.3), FACES), prompt)
    benchmark(Interpolation().predict, request)


@pytest.mark.parametrize("prompt", ["oneplane", "multiplane", "noisy"])
def test_ssm(benchmark: BenchmarkFixture, prompt: str) -> None:
    meshes = [(bone(width), FACES) for width in np.linspace(-1, 1, 18)]
    control = StatisticalShapeModel()
    control.fit(ArrayTrainingData([], ["bone"] * 18, ["real_subject"] * 18, meshes), Path())
    benchmark(control.predict, request_for(sdf_from_mesh(bone(0.3), FACES), prompt))
