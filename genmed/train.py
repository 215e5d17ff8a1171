"""``genmed-bench fit --method genmed``: both training stages, from a data set to one weights file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.contract import TrainingData
from genmed.autoencoder import Autoencoder
from genmed.bundle import Bundle, build_autoencoder, build_pair, save_bundle
from genmed.config import Config, load_config
from genmed.diffusion import cosine_schedule
from genmed.train_autoencoder import train_autoencoder
from genmed.train_denoiser import train_denoiser

SEED = 0
REAL = "real_subject"


def fit_command(
    config: str, data: TrainingData, validation: TrainingData, out: Path, device: str, *, seed: int = SEED
) -> None:
    """Train ``config`` on ``data`` and write ``out`` (safetensors). Checkpoints and curves lie in ``<out>.work``.

    Started again after a kill it goes on where it was and ends with the same weights.
    """
    settings = load_config(config)
    workdir = out.with_name(out.name + ".work")
    fingerprint = fingerprint_of(settings, data, seed)
    torch.manual_seed(seed)  # initial weights only; every other draw has a generator of its own
    autoencoder = fit_autoencoder(settings, data, validation, workdir, device, seed, fingerprint)
    latents, scale = encode_all(autoencoder, data, device, settings.latent_spread)
    watched = torch.from_numpy(np.stack([validation.sdf(index) for index in range(len(validation))]))
    with torch.no_grad():
        clean = torch.cat([autoencoder.encode(part[:, None].to(device)) for part in watched.split(8)]).cpu() / scale
    torch.manual_seed(seed + 1)
    pair = train_denoiser(
        build_pair(settings).to(device), latents, data.categories, [origin == REAL for origin in data.origins],
        data.texts, (clean, [texts[0] for texts in validation.texts]), cosine_schedule(settings.diffusion_steps),
        settings.train_denoiser, workdir, seed, device, fingerprint, spread=settings.latent_spread,
    )  # fmt: skip
    facts = {"command": f"genmed-bench fit --method genmed --config {config}", "seed": seed, "data": data.revision,
             "shapes": len(data), "curves": curves(workdir, ("autoencoder", "denoiser"))}  # fmt: skip
    save_bundle(Bundle(settings, autoencoder, pair, scale, cosine_schedule(settings.diffusion_steps), facts), out)


def fingerprint_of(settings: Config, data: TrainingData, seed: int) -> str:
    """What a training depends on, as a hash."""
    return hashlib.sha256(f"{settings.to_json()}\0{data.revision}\0{seed}".encode()).hexdigest()


def fit_autoencoder(
    settings: Config, data: TrainingData, validation: TrainingData, workdir: Path, device: str, seed: int, fingerprint: str
) -> Autoencoder:
    """Stage one on every shape of the training split."""
    model = build_autoencoder(settings).to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    watched = torch.from_numpy(np.stack([validation.sdf(index) for index in range(len(validation))]))
    trained: Autoencoder = train_autoencoder(
        model, data.sdf, data.categories, [origin == REAL for origin in data.origins], watched,
        settings.train_autoencoder, settings.autoencoder.kl_weight, workdir, seed, device, fingerprint,
    )  # fmt: skip
    return trained


@torch.no_grad()
def encode_all(autoencoder: Autoencoder, data: TrainingData, device: str, spread: float) -> tuple[Tensor, float]:
    """Half-precision normalised latents of all shapes, and the scale that gives them the wanted spread.

    The spread is the standard deviation around the mean of each category, over all cells.
    """
    latents = []
    for start in range(0, len(data), 16):
        batch = np.stack([data.sdf(index) for index in range(start, min(start + 16, len(data)))])
        latents.append(autoencoder.encode(torch.from_numpy(batch).float()[:, None].to(device)).cpu().half())
    stacked = torch.cat(latents)
    scale = departure(stacked, data.categories) / spread
    return stacked.div_(scale), scale


def departure(latents: Tensor, categories: Sequence[str]) -> float:
    """Root-mean-square departure of (N, ...) latents from the mean of their category."""
    total = 0.0
    for name in sorted(set(categories)):
        group = latents[[index for index, category in enumerate(categories) if category == name]].float()
        total += float((group - group.mean(dim=0)).double().square().sum())
    return float(np.sqrt(total / latents.numel()))


def curves(workdir: Path, names: Sequence[str]) -> dict[str, list[dict[str, float]]]:
    """Learning curves, thinned to at most twenty rows each."""
    result = {}
    for name in names:
        rows = [json.loads(line) for line in (workdir / f"{name}.jsonl").read_text().splitlines()]
        step = max(1, len(rows) // 20)
        result[name] = rows[step - 1 :: step]
    return result

