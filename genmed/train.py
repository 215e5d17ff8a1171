"""``genmed-bench fit --method genmed``: all training stages, from a data set to one checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import TrainingData
from genmed.autoencoder import Autoencoder
from genmed.checkpoint import save_checkpoint
from genmed.config import load_config
from genmed.job import Job, open_job, read, with_structures
from genmed.loop import thinned_curve
from genmed.model import ShapeTextModel, build_autoencoder, build_networks
from genmed.train_autoencoder import train_autoencoder, tune_decoder
from genmed.train_denoiser import train_denoiser


def fit_command(
    config: str, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool = True
) -> None:
    """Train ``config`` on ``data`` and write ``out`` (safetensors); states and curves lie in ``<out>.work``.

    Started again after a kill it goes on where it was and ends with the same weights; without
    ``resume`` it starts afresh.

    Raises:
        ValueError: for an unknown configuration, or a work folder of another one.
    """
    job = open_job(with_structures(load_config(config), data), data, validation, out, device, resume)
    torch.manual_seed(job.workspace.seed)  # initial weights only; every other draw has a generator of its own
    autoencoder = train_autoencoder(build_autoencoder(job.settings).to(device), job)
    latents = encode_all(autoencoder, data, device)
    scale = scale_for(latents, data.categories, job.settings.latent_spread)
    latents = latents.div_(scale)
    autoencoder = tune_decoder(autoencoder, job, latents, scale)
    torch.manual_seed(job.workspace.seed + 1)
    networks = build_networks(job.settings)
    networks.denoiser.prior.fit(latents, job.structures)
    model = ShapeTextModel(job.settings, autoencoder, networks.to(device), scale, {})
    model.networks = train_denoiser(model.networks, job, model.shape, latents)
    stages = ("autoencoder", "decoder", "denoiser")
    model.provenance = provenance(job, f"genmed-bench fit --method genmed --config {config}", stages)
    save_checkpoint(model, out)


@torch.no_grad()
def encode_all(autoencoder: Autoencoder, data: TrainingData, device: str) -> Tensor:
    """Half-precision latents of all shapes, not normalised."""
    latents = []
    for start in range(0, len(data), 16):
        batch = read(data, range(start, min(start + 16, len(data))))[:, None].to(device)
        latents.append(autoencoder.encode(batch).cpu().half())
    return torch.cat(latents)


def scale_for(latents: Tensor, categories: Sequence[str], spread: float) -> float:
    """What to divide latents by so that their root-mean-square departure from their category's mean is ``spread``."""
    groups = [[i for i, other in enumerate(categories) if other == name] for name in sorted(set(categories))]
    total = sum(len(group) * departure(latents[group]) ** 2 for group in groups)
    return float(np.sqrt(total / len(latents))) / spread


def departure(latents: Tensor) -> float:
    """Root-mean-square departure of (N, ...) latents from their mean, over shapes and cells."""
    latents = latents.float()
    return float((latents - latents.mean(dim=0)).double().square().mean().sqrt())


def provenance(job: Job, command: str, stages: Sequence[str]) -> dict[str, Any]:
    """Where weights come from: command, seed, data, and learning curves thinned to about twenty rows each."""
    curves = {name: thinned_curve(job.workspace.folder, name) for name in stages}
    facts = {"command": command, "seed": job.workspace.seed, "data": job.data.revision, "shapes": len(job.data)}
    return {**facts, "curves": curves}
