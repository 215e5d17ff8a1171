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
from genmed.checkpoint import load_checkpoint, load_shipped, save_checkpoint
from genmed.config import Config, LoopConfig
from genmed.job import open_job, with_structures
from genmed.method import PairMethod
from genmed.model import SHAPE, build_networks
from genmed.sample import sample_unguided
from genmed.train import encode_all, provenance
from genmed.train_denoiser import PromptTraining, train_denoiser

NOISIEST = 0.6
"""Share of late training at nearly pure noise; without it the prompt is hardly ever needed, and hardly used."""


def build(context: MethodContext) -> PairMethod:
    """Factory of the entry point. Autoencoder and prior are genmed's own."""
    genmed = load_shipped("genmed", "mini", context.device)
    if context.checkpoint is not None:
        model = load_checkpoint(Path(context.checkpoint), context.device, owner=genmed)
    else:
        model = load_shipped("baselines.input_conditioned", "mini", context.device, genmed)
    return PairMethod(model, sample_unguided, 1, context.device, condition=channels_of)


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
    latents = encode_all(genmed.autoencoder, data, device).div_(genmed.latent_scale)
    seed = job.workspace.seed
    watched = TrainingPrompts(_masks(validation))(range(len(validation)), torch.Generator().manual_seed(seed))
    torch.manual_seed(seed + 1)
    networks = build_networks(settings)
    networks.denoiser.prior.load_state_dict(genmed.networks.denoiser.prior.state_dict())
    prompts = PromptTraining(TrainingPrompts(_masks(data)), watched, NOISIEST)
    networks = train_denoiser(networks.to(device), job, genmed.shape, latents, prompts)
    command = f"genmed-bench fit --method input-conditioned --config {config}"
    facts = provenance(job, command, ("input-conditioned",)) | {"autoencoder_and_prior": genmed.sha256}
    model = dataclasses.replace(genmed, config=settings, networks=networks, provenance=facts, sha256="")
    save_checkpoint(model, out, shared=True)


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
