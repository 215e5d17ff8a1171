"""Statistical shape model: the most probable shape of the training subjects' model, given the observation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from baselines.ssm.deformation import DeformationModel, fit_deformation_model
from baselines.ssm.measurement import measurement_of
from baselines.ssm.posterior import FitSettings, fit_posterior
from baselines.training import learnt, rows_by_category
from benchmark.contract import Method, MethodContext, Prediction, Request, Volume
from benchmark.observations.agreement import reconcile
from benchmark.tasks.shape_completion.tasks import SHAPE
from benchmark.tasks.shape_completion.training import ShapeTrainingData
from medshape_text.curate.sdf import sdf_from_mesh

CONTRADICTION_VOXELS = 2.0
"""A corrupted voxel is damage where the fitted surface is farther than this and on the other side."""
DAMAGE_MARGIN_VOXELS = 3.0
"""How far around such voxels disagreement counts as damage too."""
ELASTICITY = 1.5
"""Size of the smooth modes in leave-one-out errors, chosen on validation subjects."""


@dataclass(frozen=True, eq=False)
class _Learnt:
    model: DeformationModel
    mean_sdf: Volume


class StatisticalShapeModel:
    """Fits a Gaussian vertex model to the observation and keeps every observed voxel the fit does not contradict."""

    def __init__(
        self, elasticity: float = ELASTICITY, settings: FitSettings | None = None, *, keep_observed: bool = True
    ) -> None:
        """Nothing is known before ``fit``.

        Args:
            elasticity: see `fit_deformation_model`; 0 gives the plain linear model.
            settings: of the fit.
            keep_observed: False answers with the fitted surface alone, whatever was observed.
        """
        self._elasticity = elasticity
        self._settings = settings or FitSettings()
        self._keep_observed = keep_observed
        self._models: dict[str, _Learnt] = {}

    def fit(self, training_data: ShapeTrainingData, workdir: Path) -> None:
        """Learn one model per category from the real training subjects.

        Raises:
            ValueError: if the meshes of a category do not correspond, or are fewer than three.
        """
        models = {}
        for category, rows in rows_by_category(training_data, real_only=True).items():
            meshes = [training_data.mesh(row) for row in rows]
            faces = meshes[0][1]
            if any(not np.array_equal(faces, other) for _, other in meshes):
                raise ValueError(f"the training meshes of {category} do not correspond by vertex, as ssm needs")
            vertices = np.stack([vertices for vertices, _ in meshes]).astype(np.float64)
            model = fit_deformation_model(vertices, faces, self._elasticity)
            models[category] = _Learnt(model, sdf_from_mesh(model.mean, faces))
        self._models = models

    def predict(self, request: Request) -> Prediction:
        """The most probable shape of ``request.category``; deterministic, well under a second."""
        known = learnt(self._models, request.category)
        weights = fit_posterior(known.model, measurement_of(request.observation, known.mean_sdf), self._settings)
        sdf = sdf_from_mesh(known.model.vertices(weights), known.model.faces)
        if self._keep_observed:
            sdf = reconcile(sdf, request.observation, CONTRADICTION_VOXELS, DAMAGE_MARGIN_VOXELS)
        return Prediction({SHAPE: sdf})


def build(context: MethodContext) -> Method:
    """Entry point ``ssm``."""
    return StatisticalShapeModel()
