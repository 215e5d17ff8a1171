"""``genmed-bench fit --method genmed``: all training stages, from a data set to one weights file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import TrainingData
from genmed.autoencoder import Autoencoder
from genmed.bundle import Bundle, build_autoencoder, build_pair, save_bundle
from genmed.config import Config, load_config
from genmed.diffusion import cosine_schedule
from genmed.train_autoencoder import ReadSdf, train_autoencoder, tune_decoder
from genmed.train_denoiser import Pairs, train_denoiser

SEED = 0
REAL = "real_subject"
SHAPE = "shape"
"""The part of the data that is learnt."""


@dataclass(frozen=True)
class Job:
    """What every stage of one training shares. ``watched`` are the validation SDFs (V, 64, 64, 64)."""

    settings: Config
    data: TrainingData
    validation: TrainingData
    watched: Tensor
    workdir: Path
    device: str
    fingerprint: str

    @property
    def is_real(self) -> list[bool]:
        """Which training shapes are of a real subject."""
        return [origin == REAL for origin in self.data.origins]


def fit_command(
    config: str, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool = True
) -> None:
    """Train ``config`` on ``data`` and write ``out`` (safetensors); checkpoints and curves lie in ``<out>.work``.

    Started again after a kill it goes on where it was and ends with the same weights; without
    ``resume`` it starts afresh.

    Raises:
        ValueError: for an unknown configuration, or a work folder of another one.
    """
    job = open_job(with_structures(load_config(config), data), data, validation, out, device, resume)
    torch.manual_seed(SEED)  # initial weights only; every other draw has a generator of its own
    autoencoder = train_autoencoder(
        build_autoencoder(job.settings).to(device), shapes_of(data), data.categories, job.is_real, job.watched,
        job.settings.train_autoencoder, job.settings.autoencoder.kl_weight, job.workdir, SEED, device, job.fingerprint,
    )  # fmt: skip
    latents = encode_all(autoencoder, data, device)
    scale = scale_for(latents, data.categories, job.settings.latent_spread)
    latents = latents.div_(scale)
    autoencoder = tune_decoder(
        autoencoder, shapes_of(data), latents, scale, data.categories, job.is_real, job.watched,
        job.settings.train_decoder, job.workdir, SEED, device, job.fingerprint,
    )  # fmt: skip
    torch.manual_seed(SEED + 1)
    pairs = Pairs(latents, data.categories, job.is_real, data.texts)
    pair = build_pair(job.settings)
    pair.denoiser.prior.fit(latents, pairs.structures)
    pair = train_denoiser(
        pair.to(device), pairs, watched_latents(job, autoencoder, scale),
        cosine_schedule(job.settings.diffusion_steps), job.settings.train_denoiser, job.workdir, SEED, device,
        job.fingerprint,
    )  # fmt: skip
    facts = provenance(
        job, f"genmed-bench fit --method genmed --config {config}", ("autoencoder", "decoder", "denoiser")
    )
    save_bundle(Bundle(job.settings, autoencoder, pair, scale, facts), out)


def shapes_of(data: TrainingData) -> ReadSdf:
    """Reads the shape of an example."""
    return lambda index: data.part(index, SHAPE)


def open_job(
    settings: Config, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool
) -> Job:
    """Gather what the stages share; without ``resume`` forget what an earlier training left."""
    workdir = out.with_name(out.name + ".work")
    if not resume:
        for leftover in workdir.glob("*.state"):
            leftover.unlink()
    text = f"{settings.to_json()}\0{data.revision}\0{SEED}"
    watched = torch.from_numpy(np.stack([validation.part(index, SHAPE) for index in range(len(validation))]))
    return Job(settings, data, validation, watched, workdir, device, hashlib.sha256(text.encode()).hexdigest())


def with_structures(settings: Config, data: TrainingData) -> Config:
    """The configuration with the categories of the data as its structures."""
    denoiser = dataclasses.replace(settings.denoiser, structures=tuple(sorted(set(data.categories))))
    return dataclasses.replace(settings, denoiser=denoiser)


@torch.no_grad()
def encode_all(autoencoder: Autoencoder, data: TrainingData, device: str) -> Tensor:
    """Half-precision latents of all shapes, not normalised."""
    latents = []
    for start in range(0, len(data), 16):
        batch = np.stack([data.part(index, SHAPE) for index in range(start, min(start + 16, len(data)))])
        latents.append(autoencoder.encode(torch.from_numpy(batch).float()[:, None].to(device)).cpu().half())
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


@torch.no_grad()
def watched_latents(job: Job, autoencoder: Autoencoder, scale: float) -> tuple[Tensor, list[str]]:
    """Normalised latents and plain names of the validation shapes."""
    parts = [autoencoder.encode(part[:, None].to(job.device)).cpu() for part in torch.split(job.watched, 8)]
    return torch.cat(parts) / scale, [texts[0] for texts in job.validation.texts]


def provenance(job: Job, command: str, stages: Sequence[str]) -> dict[str, Any]:
    """Where weights come from: command, seed, data, and learning curves thinned to about twenty rows each."""
    curves = {}
    for name in stages:
        rows = [json.loads(line) for line in (job.workdir / f"{name}.jsonl").read_text().splitlines()]
        step = max(1, len(rows) // 20)
        curves[name] = rows[step - 1 :: step]
    return {"command": command, "seed": SEED, "data": job.data.revision, "shapes": len(job.data), "curves": curves}
