"""GenMed behind the benchmark's contract: ``genmed``, ``genmed-base`` and ``genmed-paper``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import Array, MethodContext, Observation, Prediction, Request, TrainingData
from benchmark.observations.agreement import reconcile
from benchmark.tasks.segmentation.tasks import LABELS
from genmed.checkpoint import load_checkpoint, load_shipped
from genmed.guidance import Measurement
from genmed.model import SHAPE, TEXT, ShapeTextModel
from genmed.pair import Known
from genmed.sample import GuidedSettings, Sampler, sample_guided, sample_published, sample_unguided
from genmed.volumes.method import VolumeMethod, segmenter
from medshape_text.frame import TRUNCATION

if TYPE_CHECKING:
    from benchmark.tasks.segmentation.training import SegmentationTrainingData

CONTRADICTION_VOXELS = 0.75
"""A corrupted voxel is damage where the completed surface is farther than this and on the other side."""
DAMAGE_MARGIN_VOXELS = 2.0
"""How far around such voxels disagreement counts as damage too. Both chosen on validation subjects."""
_NAMINGS = 8
"""Starts from noise whose answers are averaged when a shape is named."""

__all__ = ["PairMethod", "fit_command", "genmed", "genmed_base", "genmed_paper"]


@dataclass
class PairMethod:
    """One trained model of shape and text and one way of sampling it; ``samples`` completions are averaged as SDFs.

    The caption is given unless it is asked for, as a choice among captions. ``keep_observed`` ends with the observation
    itself wherever the completion does not expose it as damage. ``condition`` turns the observation into the denoiser's
    prompt input, (1, channels, 64, 64, 64), if it has one.
    """

    model: ShapeTextModel
    sampler: Sampler
    samples: int
    device: str
    keep_observed: bool = False
    condition: Callable[[Observation], Tensor] | None = None

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights file, for the run record."""
        return self.model.sha256

    def predict(self, request: Request) -> Prediction:
        """Answer with every part asked for; all draws come from a generator seeded with ``request.seed``.

        A caption is chosen for the shape that was completed without one.
        """
        generator = torch.Generator().manual_seed(request.seed)
        model, given = self.model, {}
        if self.condition is not None:
            model = dataclasses.replace(model, prompt=self.condition(request.observation).to(self.device))
        if request.text and TEXT not in request.outputs:
            with torch.no_grad():
                given[TEXT] = model.text.encode([request.text])
        measured = tuple(Measurement.of(each, self.device) for each in request.observations)
        codes = self.sampler(model, Known(given, measured, (SHAPE,)), self.samples, generator, self.device)[SHAPE]
        parts: dict[str, Array] = {}
        if SHAPE in request.outputs:
            parts[SHAPE] = self._sdf(codes, request.observations)
        if TEXT in request.outputs:
            space = request.outputs[TEXT]
            chosen = name_of(model, codes, space.names, generator, self.device)
            parts[TEXT] = np.asarray(chosen, dtype=space.dtype)
        return Prediction(parts)

    @torch.no_grad()
    def _sdf(self, codes: Tensor, observations: Sequence[Observation]) -> Array:
        decoded = self.model.shape.decode(codes).clamp(-TRUNCATION, TRUNCATION).mean(dim=0)
        sdf = decoded.cpu().numpy().astype(np.float32)
        for seen in observations if self.keep_observed else ():
            if seen.value.shape == sdf.shape:
                sdf = reconcile(sdf, seen, CONTRADICTION_VOXELS, DAMAGE_MARGIN_VOXELS)
        return sdf


def name_of(
    model: ShapeTextModel, shape: Tensor, captions: Sequence[str], generator: torch.Generator, device: str
) -> int:
    """Index of the caption that fits a shape, (samples, C, n, n, n) codes, best: nearest to the expected embedding.

    The denoiser's answer to a text of pure noise is that expectation; sampling on would only add spread to it.
    """
    known = Known(given={SHAPE: shape[:1]}, wanted=(TEXT,))
    drawn = sample_unguided(model, known, _NAMINGS, generator, device, stride=model.schedule.steps)
    return model.text.nearest(drawn[TEXT], captions)


def fit_command(
    config: str, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool = True
) -> None:
    """``genmed-bench fit --method genmed``: shapes, or images with structures. Inference imports none of it."""
    if LABELS in data.spaces:
        from genmed.volumes import train as volumes

        images = cast("SegmentationTrainingData", data), cast("SegmentationTrainingData", validation)
        volumes.fit_command(config, *images, out, device, resume)
    else:
        from genmed import train

        train.fit_command(config, data, validation, out, device, resume)


def genmed(context: MethodContext) -> PairMethod | VolumeMethod:
    """GenMed-Full with our sampler: of shapes, or of images where their structures are asked for."""
    if LABELS in context.outputs:
        return segmenter(context)
    settings = GuidedSettings()
    sampler = partial(sample_guided, settings=settings)
    return PairMethod(_weights(context), sampler, settings.samples, context.device, keep_observed=True)


def genmed_paper(context: MethodContext) -> PairMethod:
    """GenMed-Full with the published sampler."""
    return PairMethod(_weights(context), sample_published, 1, context.device)


def genmed_base(context: MethodContext) -> PairMethod:
    """GenMed without guidance: a sample given the text alone."""
    return PairMethod(_weights(context), sample_unguided, 1, context.device)


def _weights(context: MethodContext) -> ShapeTextModel:
    if context.checkpoint is not None:
        return load_checkpoint(Path(context.checkpoint), context.device)
    return load_shipped("genmed", "mini", context.device)
