"""Geometry without learning: interpolate observed planes, clean a corrupted prompt."""

from __future__ import annotations

import numpy as np

from baselines.interpolation.cleaning import cleaned
from baselines.interpolation.crossing import blend_axes
from baselines.interpolation.sections import observed_sections
from baselines.interpolation.stack import interpolate_stack
from benchmark.contract import Method, MethodContext, Observation, Prediction, Request, Volume
from benchmark.observations.agreement import impose, observed_inside
from benchmark.tasks.shape_completion.tasks import SHAPE
from medshape_text.curate.sdf import sdf_from_mask
from medshape_text.frame import HALF_BOX_VOXELS, TRUNCATION


class Interpolation:
    """Completes a shape from its own observation alone; neither category nor training data are looked at."""

    def predict(self, request: Request) -> Prediction:
        """Exact planes are interpolated, damaged shapes cleaned; without any foreground the answer is empty."""
        observation = request.observation
        if observation.exact:
            return Prediction({SHAPE: complete_planes(observation)})
        return Prediction({SHAPE: sdf_from_mask(cleaned(observed_inside(observation)))})


def complete_planes(observation: Observation) -> Volume:
    """SDF (64, 64, 64) that equals the observation on the observed planes.

    Raises:
        ValueError: if no plane is observed completely.
    """
    sections = observed_sections(observation)
    if not sections:
        raise ValueError("interpolation needs at least one completely observed plane")
    if len(sections) == 1:
        ((axis, stack),) = sections.items()
        voxels = np.moveaxis(interpolate_stack(stack), 0, axis)
    else:
        voxels = blend_axes(sections)
    sdf = np.clip(voxels / HALF_BOX_VOXELS, -TRUNCATION, TRUNCATION).astype(np.float32)
    return impose(sdf, observation.mask, observed_inside(observation))


def build(context: MethodContext) -> Method:
    """Entry point ``interpolation``."""
    return Interpolation()
