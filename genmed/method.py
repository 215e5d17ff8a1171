"""GenMed behind the benchmark's contract: ``genmed``, ``genmed-base`` and ``genmed-paper``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import MethodContext, Observation, Prediction, Request, TrainingData
from benchmark.observations.agreement import reconcile
from genmed.bundle import Bundle, load_bundle, load_shipped
from genmed.guidance import Measurement
from genmed.sample import (
    Estimate,
    GuidedSettings,
    sample_guided,
    sample_published,
    sample_unguided,
    shape_given_text,
    start_noise,
)
from medshape_text.frame import TRUNCATION

SHAPE = "shape"
"""The part of a request that the model decodes."""
CONTRADICTION_VOXELS = 0.75
"""A corrupted voxel is damage where the completed surface is farther than this and on the other side."""
DAMAGE_MARGIN_VOXELS = 2.0
"""How far around such voxels disagreement counts as damage too. Both chosen on validation subjects."""

__all__ = ["PairMethod", "fit_command", "genmed", "genmed_base", "genmed_paper", "unguided"]

Sampler = Callable[[Bundle, Estimate, Measurement, Tensor, torch.Generator], Tensor]
"""Model, denoiser given the text, measurement, start noise, generator -> clean latents."""


@dataclass
class PairMethod:
    """One trained pair model and one way of sampling it; ``samples`` completions are averaged as SDFs.

    ``keep_observed`` ends with the observation itself wherever the completion does not expose it as damage.
    ``condition`` turns the observation into the denoiser's prompt input, (1, channels, 64, 64, 64), if it has one.
    """

    bundle: Bundle
    sampler: Sampler
    samples: int
    device: str
    keep_observed: bool = False
    condition: Callable[[Observation], Tensor] | None = None

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights file, for the run record."""
        return self.bundle.sha256

    def predict(self, request: Request) -> Prediction:
        """Complete one shape; every draw comes from a generator seeded with ``request.seed``."""
        generator = torch.Generator().manual_seed(request.seed)
        with torch.no_grad():
            embedding = self.bundle.pair.embed([request.text])
        prompt = None if self.condition is None else self.condition(request.observation).to(self.device)
        noise = start_noise(self.bundle, self.samples, generator, self.device)
        measurement = Measurement.of(request.observation, self.device)
        estimate = shape_given_text(self.bundle, embedding, prompt)
        latents = self.sampler(self.bundle, estimate, measurement, noise, generator)
        with torch.no_grad():
            decoded = self.bundle.decode(latents).clamp(-TRUNCATION, TRUNCATION).mean(dim=0)
        sdf = decoded.cpu().numpy().astype(np.float32)
        if self.keep_observed and request.observation.value.shape == sdf.shape:
            sdf = reconcile(sdf, request.observation, CONTRADICTION_VOXELS, DAMAGE_MARGIN_VOXELS)
        return Prediction({SHAPE: sdf})


def fit_command(
    config: str, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool = True
) -> None:
    """``genmed-bench fit --method genmed``; see `genmed.train.fit_command`, which inference does not import."""
    from genmed import train

    train.fit_command(config, data, validation, out, device, resume)


def genmed(context: MethodContext) -> PairMethod:
    """GenMed-Full with our sampler."""
    settings = GuidedSettings()

    def sampler(
        bundle: Bundle, estimate: Estimate, measurement: Measurement, noise: Tensor, _generator: torch.Generator
    ) -> Tensor:
        return sample_guided(bundle, estimate, measurement, noise, settings)

    return PairMethod(_weights(context), sampler, settings.samples, context.device, keep_observed=True)


def genmed_paper(context: MethodContext) -> PairMethod:
    """GenMed-Full with the published sampler."""
    return PairMethod(_weights(context), sample_published, 1, context.device)


def genmed_base(context: MethodContext) -> PairMethod:
    """GenMed without guidance: a sample given the text alone."""
    return PairMethod(_weights(context), unguided, 1, context.device)


def unguided(
    bundle: Bundle, estimate: Estimate, _measurement: Measurement, noise: Tensor, generator: torch.Generator
) -> Tensor:
    """The sampler that looks at no measurement; every time of the schedule is visited."""
    return sample_unguided(bundle, estimate, noise, generator)


def _weights(context: MethodContext) -> Bundle:
    if context.checkpoint is not None:
        return load_bundle(Path(context.checkpoint), context.device)
    return load_shipped("genmed", "mini", context.device)
