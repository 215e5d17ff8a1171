"""A model small enough to train in seconds, and balls to train it on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import CANONICAL, Observation, Request
from benchmark.spaces import SDF
from genmed.config import Config, parse_config

TABLE = {
    "diffusion_steps": 50,
    "latent_spread": 0.3,
    "autoencoder": {"latent_channels": 2, "widths": [8], "blocks": 1, "patch": 4},
    "denoiser": {"latent_channels": 2, "latent_size": 16, "patch": 8, "width": 32, "depth": 1, "heads": 2,
                 "text_dim": 8, "modes": 4},
    "text": {"dim": 8, "width": 8, "layers": 1, "heads": 2, "context": 16},
    "train_autoencoder": {"steps": 6, "restart": 4, "batch": 2, "learning_rate": 1e-3, "save_every": 2},
    "train_decoder": {"steps": 4, "batch": 2, "learning_rate": 1e-3, "save_every": 2},
    "train_denoiser": {"steps": 6, "restart": 3, "batch": 4, "learning_rate": 1e-3, "save_every": 2},
}  # fmt: skip


def tiny_config() -> Config:
    """See the module."""
    return parse_config(TABLE)


class Balls:
    """Balls and needles of different sizes, as training data (implements ``TrainingData``)."""

    revision = "balls"

    def __init__(self, count: int = 6) -> None:
        self.spaces = {"shape": SDF}
        self.ids: Sequence[str] = [f"ball_{index}" for index in range(count)]
        self.subjects: Sequence[str] = self.ids
        self.categories: Sequence[str] = ["ball" if index % 2 else "needle" for index in range(count)]
        self.origins: Sequence[str] = ["real_subject"] * count
        self.texts: Sequence[Sequence[str]] = [[f"a {name}", f"one {name}"] for name in self.categories]

    def __len__(self) -> int:
        return len(self.ids)

    def sdf(self, index: int) -> NDArray[np.float32]:
        """(64, 64, 64)."""
        grid = (np.stack(np.meshgrid(*[np.arange(64)] * 3, indexing="ij")) - 31.5) / 32
        axes = 3 if self.categories[index] == "ball" else 2
        distance = np.linalg.norm(grid[:axes], axis=0) - (0.3 + 0.05 * index)
        return np.clip(distance, -0.2, 0.2).astype(np.float32)

    def part(self, index: int, name: str) -> NDArray[np.float32]:
        """The only part."""
        assert name == "shape"
        return self.sdf(index)

    def mesh(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Not needed here."""
        raise NotImplementedError


def request_of(observation: Observation, seed: int = 7) -> Request:
    """A ball is asked for."""
    return Request("case", "ball", "a ball", CANONICAL, (observation,), {"shape": SDF}, seed)
