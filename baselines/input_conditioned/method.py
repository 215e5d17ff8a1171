"""Input-conditioned diffusion: the denoiser is given the prompt and sampled without any guidance."""

from __future__ import annotations

import dataclasses
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from baselines.input_conditioned.prompts import CHANNELS, TrainingPrompts, channels_of
from benchmark.contract import MethodContext, TrainingData
from genmed.bundle import Bundle, build_pair, load_bundle, load_shipped, save_bundle
from genmed.config import Config, LoopConfig
from genmed.diffusion import cosine_schedule
from genmed.method import PairMethod, unguided
from genmed.train import SEED, SHAPE, encode_all, open_job, provenance, watched_latents, with_structures
from genmed.train_denoiser import Pairs, train_denoiser

NOISIEST = 0.6
"""Share of late training at nearly pure noise; without it the prompt is hardly ever needed, and hardly used."""


def build(context: MethodContext) -> PairMethod:
    """Factory of the entry point. Autoencoder and prior are genmed's own."""
    genmed = load_shipped("genmed", "mini", context.device)
    if context.checkpoint is not None:
        bundle = load_bundle(Path(context.checkpoint), context.device, owner=genmed)
    else:
        bundle = load_shipped("baselines.input_conditioned", "mini", context.device, genmed)
    return PairMethod(bundle, unguided, 1, context.device, condition=channels_of)


def fit_command(
    config: str, data: TrainingData, validation: TrainingData, out: Path, device: str, resume: bool = True
) -> None:
    """``genmed-bench fit --method input-conditioned``: the denoiser alone, on the latents and prior of genmed.

    Raises:
        ValueError: for an unknown configuration, data of other categories, or a work folder of another one.
    """
    genmed = load_shipped("genmed", "mini", device)
    settings = load_settings(config, genmed.config)
    if with_structures(settings, data) != settings:
        raise ValueError(
            f"the data has the categories {sorted(set(data.categories))}, genmed's weights know "
            f"{list(settings.denoiser.structures)}; train genmed on this data first."
        )
    job = open_job(settings, data, validation, out, device, resume)
    scale = genmed.latent_scale
    pairs = Pairs(encode_all(genmed.autoencoder, data, device).div_(scale), data.categories, job.is_real, data.texts)
    prompts = TrainingPrompts(_masks(data))
    watched = TrainingPrompts(_masks(validation))(range(len(validation)), torch.Generator().manual_seed(SEED))
    torch.manual_seed(SEED + 1)
    pair = build_pair(settings)
    pair.denoiser.prior.load_state_dict(genmed.pair.denoiser.prior.state_dict())
    pair = train_denoiser(
        pair.to(device), pairs, watched_latents(job, genmed.autoencoder, scale),
        cosine_schedule(settings.diffusion_steps), settings.train_denoiser, job.workdir, SEED, device,
        job.fingerprint, prompts, watched, "input-conditioned", NOISIEST,
    )  # fmt: skip
    command = f"genmed-bench fit --method input-conditioned --config {config}"
    facts = provenance(job, command, ("input-conditioned",)) | {"autoencoder_and_prior": genmed.sha256}
    save_bundle(Bundle(settings, genmed.autoencoder, pair, scale, facts), out, shared=True)


def load_settings(name: str, genmed: Config) -> Config:
    """The configuration of genmed with a prompt as input and its own length of training."""
    shipped = files("baselines.input_conditioned").joinpath(f"{name}.toml")
    if not shipped.is_file():
        raise ValueError(f"no configuration named {name!r}; shipped is mini")
    loop = LoopConfig(**tomllib.loads(shipped.read_text())["train"])
    denoiser = dataclasses.replace(genmed.denoiser, condition_channels=CHANNELS)
    return dataclasses.replace(genmed, denoiser=denoiser, train_denoiser=loop)


def _masks(data: TrainingData) -> np.ndarray:
    """Packed insides of all shapes, (N, 32768) uint8."""
    return np.stack([np.packbits(data.part(index, SHAPE) < 0) for index in range(len(data))])
