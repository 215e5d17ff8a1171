"""GenMed behind the benchmark's contract: ``genmed``, ``genmed-base`` and ``genmed-paper``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import MethodContext, Prediction, Request
from benchmark.observations.agreement import reconcile
from genmed.bundle import Bundle, load_bundle, load_shipped
from genmed.guidance import Evidence
from genmed.sample import (
    Estimate,
    GuidedSettings,
    sample_guided,
    sample_published,
    sample_unguided,
    shape_given_text,
    start_noise,
)
from genmed.train import fit_command
from medshape_text.frame import TRUNCATION

CONTRADICTION_VOXELS = 0.75
"""A corrupted voxel is damage where the completed surface is farther than this and on the other side."""
DAMAGE_MARGIN_VOXELS = 2.0
"""How far around such voxels disagreement counts as damage too. Both chosen on validation subjects."""

__all__ = ["GenMed", "fit_command", "genmed", "genmed_base", "genmed_paper"]

Sampler = Callable[[Bundle, Estimate, Evidence, Tensor, torch.Generator], Tensor]
"""Model, denoiser given the text, observation, start noise, generator -> clean latents."""


@dataclass
class GenMed:
    """One trained pair model and one way of sampling it; ``samples`` completions are averaged as SDFs.

    ``keep_observed`` ends with the observation itself wherever the completion does not expose it as damage.
    """

    bundle: Bundle
    sampler: Sampler
    samples: int
    device: str
    keep_observed: bool = False

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights file, for the run record."""
        return self.bundle.sha256

    def predict(self, request: Request) -> Prediction:
        """Complete one shape; every draw comes from a generator seeded with ``request.seed``."""
        generator = torch.Generator().manual_seed(request.seed)
        with torch.no_grad():
            embedding = self.bundle.pair.embed([request.text])
        noise = start_noise(self.bundle, self.samples, generator, self.device)
        evidence = Evidence.of(request.observation, self.device)
        latents = self.sampler(self.bundle, shape_given_text(self.bundle, embedding), evidence, noise, generator)
        with torch.no_grad():
            decoded = self.bundle.decode(latents).clamp(-TRUNCATION, TRUNCATION).mean(dim=0)
        sdf = decoded.cpu().numpy().astype(np.float32)
        if self.keep_observed:
            sdf = reconcile(sdf, request.observation, CONTRADICTION_VOXELS, DAMAGE_MARGIN_VOXELS)
        return Prediction(sdf)


def genmed(context: MethodContext) -> GenMed:
    """GenMed-Full with our sampler."""
    settings = GuidedSettings()

    def sampler(
        bundle: Bundle, estimate: Estimate, evidence: Evidence, noise: Tensor, _generator: torch.Generator
    ) -> Tensor:
        return sample_guided(bundle, estimate, evidence, noise, settings)

    return GenMed(_weights(context), sampler, settings.samples, context.device, keep_observed=True)


def genmed_paper(context: MethodContext) -> GenMed:
    """GenMed-Full with the published sampler."""
    return GenMed(_weights(context), sample_published, 1, context.device)


def genmed_base(context: MethodContext) -> GenMed:
    """GenMed without guidance: a sample given the text alone."""

    def sampler(
        bundle: Bundle, estimate: Estimate, _evidence: Evidence, noise: Tensor, generator: torch.Generator
    ) -> Tensor:
        return sample_unguided(bundle, estimate, noise, generator)

    return GenMed(_weights(context), sampler, 1, context.device)


def _weights(context: MethodContext) -> Bundle:
    if context.checkpoint is not None:
        return load_bundle(Path(context.checkpoint), context.device)
    return load_shipped("genmed", "mini", context.device)
