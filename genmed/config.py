"""Configurations: one TOML file, one frozen dataclass. ``mini`` and ``paper`` ship with the package."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from genmed.denoiser import DenoiserConfig
from genmed.text import TextConfig


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast. ``precision`` is "bf16" (autocast) or "fp32".

    ``restart``: step at which the learning rate's cosine begins again, 0 for never (Loshchilov and
    Hutter 2017); a stage may change its loss there.
    """

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 100
    weight_decay: float = 0.01
    ema: float = 0.999
    clip: float = 1.0
    save_every: int = 100
    precision: str = "bf16"
    restart: int = 0


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of :class:`genmed.autoencoder.Autoencoder` and the weight of its KL term."""

    latent_channels: int
    widths: tuple[int, ...]
    blocks: int
    patch: int
    kl_weight: float = 1e-6


@dataclass(frozen=True)
class Config:
    """Everything that decides what is trained."""

    autoencoder: AutoencoderConfig
    denoiser: DenoiserConfig
    text: TextConfig
    diffusion_steps: int
    latent_spread: float
    train_autoencoder: LoopConfig
    train_decoder: LoopConfig
    train_denoiser: LoopConfig

    def to_json(self) -> str:
        """Canonical JSON: equal configurations give equal text."""
        return json.dumps(asdict(self), sort_keys=True)


def load_config(name: str) -> Config:
    """A shipped configuration by name, or a TOML file by path.

    Raises:
        ValueError: for an unknown name, and for unknown or missing settings.
    """
    return parse_config(read_tables(name))


def read_tables(name: str, *below: str) -> dict[str, Any]:
    """Tables of a configuration that is shipped in ``configs`` or a folder below it, or of a TOML file by path.

    Raises:
        ValueError: for an unknown name.
    """
    shipped, path = files("genmed").joinpath("configs", *below), Path(name)
    if path.suffix == ".toml" and path.exists():
        return tomllib.loads(path.read_text())
    if shipped.joinpath(f"{name}.toml").is_file():
        return tomllib.loads(shipped.joinpath(f"{name}.toml").read_text())
    known = ", ".join(sorted(Path(entry.name).stem for entry in shipped.iterdir() if entry.is_file()))
    kind = "".join(f" for {each}" for each in below)
    raise ValueError(f"no configuration named {name!r}{kind}; shipped are {known}, or give a .toml file")


def parse_config(table: dict[str, Any]) -> Config:
    """Build a :class:`Config` from nested tables; raises ValueError naming the bad table."""
    try:
        sizes = dict(table["autoencoder"])
        sizes["widths"] = tuple(sizes["widths"])
        denoiser = dict(table["denoiser"])
        denoiser["structures"] = tuple(denoiser.get("structures", ()))
        return Config(
            autoencoder=AutoencoderConfig(**sizes),
            denoiser=DenoiserConfig(**denoiser),
            text=TextConfig(**table["text"]),
            diffusion_steps=int(table["diffusion_steps"]),
            latent_spread=float(table["latent_spread"]),
            train_autoencoder=LoopConfig(**table["train_autoencoder"]),
            train_decoder=LoopConfig(**table["train_decoder"]),
            train_denoiser=LoopConfig(**table["train_denoiser"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the configuration lacks or does not know a setting: {error}") from error
