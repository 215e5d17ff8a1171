"""The joint variable the model is about: named parts, each with its own noise level.

GenMed models P(X, Y) over a pair instead of predicting Y from X. For shapes the parts are the shape
latent and the text embedding. Level 0 of a part means it is given (observed as it is), level T means
nothing is known about it; an observation of a part through an operator enters at sampling time, as
guidance (see ``guidance.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from genmed.denoiser import Denoiser
from genmed.diffusion import Schedule
from genmed.text import TextEncoder

GIVEN = -1
"""Time index of a part that is known exactly."""


@dataclass(frozen=True)
class Pair:
    """``shape`` (B, C, n, n, n) normalised latents and ``text`` (B, D) embeddings with unit root-mean-square."""

    shape: Tensor
    text: Tensor


class PairModel(nn.Module):
    """Denoiser and text tower, trained together; a pretrained tower stays frozen and outside."""

    def __init__(self, denoiser: Denoiser, text: TextEncoder) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.text = text

    def embed(self, texts: Sequence[str]) -> Tensor:
        """(B, D) embeddings."""
        return self.text.encode(texts)


def level_of(schedule: Schedule, step: int | Tensor, batch: int, device: torch.device | str) -> Tensor:
    """(B, 2) columns alpha and sigma at time ``step`` (an int, or (B,) ints); :data:`GIVEN` is (1, 0)."""
    steps = torch.as_tensor(step).expand(batch)
    alpha = torch.cat([schedule.alpha, torch.ones(1, dtype=schedule.alpha.dtype)])[steps]
    sigma = torch.cat([schedule.sigma, torch.zeros(1, dtype=schedule.sigma.dtype)])[steps]
    return torch.stack([alpha, sigma], dim=1).to(device, torch.float32)
