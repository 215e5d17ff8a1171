"""``genmed-bench fit --method genmed``: all training stages, from a data set to one weights file."""

from __future__ import annotations

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
from genmed.train_autoencoder import train_autoencoder, tune_decoder
from genmed.train_denoiser import departure, train_denoiser

SEED = 0
REAL = "real_subject"


@dataclass(frozen=True)
class Job:
    """What every stage of one training shares. ``watched`` are the validation SDFs (V, 64, 64, 64)."""

    settings: Config
    data: TrainingData
    validation: TrainingData
    watched: Tensor
    workdir: Path
    seed: int
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
    job = open_job(load_config(config), data, validation, out, device, resume)
    torch.manual_seed(job.seed)  # initial weights only; every other draw has a generator of its own
    autoencoder = train_autoencoder(
        build_autoencoder(job.settings).to(device), data.sdf, data.categories, job.is_real, job.watched,
        job.settings.train_autoencoder, job.settings.autoencoder.kl_weight, job.workdir, SEED, device, job.fingerprint,
    )  # fmt: skip
    latents, scale = encode_all(autoencoder, data, device, job.settings.latent_spread)
    autoencoder = tune_decoder(
        autoencoder, data.sdf, latents, scale, data.categories, job.is_real, job.watched,
        job.settings.train_decoder, job.workdir, SEED, device, job.fingerprint,
    )  # fmt: skip
    torch.manual_seed(job.seed + 1)
    pair = train_denoiser(
        build_pair(job.settings).to(device), latents, data.categories, job.is_real, data.texts,
        watched_latents(job, autoencoder, scale), cosine_schedule(job.settings.diffusion_steps),
        job.settings.train_denoiser, job.workdir, SEED, device, job.fingerprint, spread=job.settings.latent_spread,
    )  # fmt: skip
    facts = provenance(
        job, f"genmed-bench fit --method genmed --config {config}", ("autoencoder", "decoder", "denoiser")
    )
    save_bundle(
        Bundle(job.settings, autoencoder, pair, scale, cosine_schedule(job.settings.diffusion_steps), facts), out
    )


def open_job(
    settings: Config, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool
) -> Job:
    """Gather what the stages share; without ``resume`` forget what an earlier training left."""
    workdir = out.with_name(out.name + ".work")
    if not resume:
        for leftover in workdir.glob("*.state"):
            leftover.unlink()
    text = f"{settings.to_json()}\0{data.revision}\0{SEED}"
    watched = torch.from_numpy(np.stack([validation.sdf(index) for index in range(len(validation))]))
    return Job(settings, data, validation, watched, workdir, SEED, device, hashlib.sha256(text.encode()).hexdigest())


@torch.no_grad()
def encode_all(autoencoder: Autoencoder, data: TrainingData, device: str, spread: float) -> tuple[Tensor, float]:
    """Half-precision normalised latents of all shapes, and the scale that gives them the wanted spread.

    The spread is the root-mean-square departure from the mean of each category, over shapes and cells.
    """
    latents = []
    for start in range(0, len(data), 16):
        batch = np.stack([data.sdf(index) for index in range(start, min(start + 16, len(data)))])
        latents.append(autoencoder.encode(torch.from_numpy(batch).float()[:, None].to(device)).cpu().half())
    stacked = torch.cat(latents)
    groups = [[i for i, other in enumerate(data.categories) if other == name] for name in sorted(set(data.categories))]
    total = sum(len(group) * departure(stacked[group]) ** 2 for group in groups)
    scale = float(np.sqrt(total / len(data))) / spread
    return stacked.div_(scale), scale


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
    return {"command": command, "seed": job.seed, "data": job.data.revision, "shapes": len(job.data), "curves": curves}
