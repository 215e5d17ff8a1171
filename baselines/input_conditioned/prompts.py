"""Prompts as input channels, at test time from an observation and in training drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.contract import Mask, Observation
from benchmark.observations import draw_spheres
from benchmark.observations.agreement import observed_inside
from benchmark.observations.spheres import CARVE_PROBABILITY
from benchmark.tasks.shape_completion.prompts import observe
from medshape_text.frame import RESOLUTION

CHANNELS = 2
"""One for what is exact, one for what may be damaged; +1 inside, -1 outside, 0 not observed."""

_PLANES = ("oneplane", "triplane", "multiplane")
_TRAINED_ON = (*_PLANES, "broken", "noisy")


def channels_of(observation: Observation) -> Tensor:
    """(1, 2, 64, 64, 64) input of one observation."""
    return torch.from_numpy(_fill(observed_inside(observation), observation.mask, observation.exact))[None]


class TrainingPrompts:
    """Random prompts of training shapes: one of the five tasks each, or none one time in ten.

    ``masks`` holds the packed bits of every shape (N, 32768). Callable as
    :data:`genmed.train_denoiser.Prompts`.
    """

    def __init__(self, masks: NDArray[np.uint8]) -> None:
        self._masks = masks
        blank = np.ones((RESOLUTION,) * 3, dtype=np.float32)
        self._observed = {name: observe(name, blank, seed=0).mask for name in _PLANES}

    def __call__(self, indices: Sequence[int], generator: torch.Generator) -> Tensor:
        """(B, 2, 64, 64, 64) prompts of the given shapes."""
        prompts = []
        for index in indices:
            mask = np.unpackbits(self._masks[index]).reshape((RESOLUTION,) * 3).astype(bool)
            seed = int(torch.randint(2**62, (1,), generator=generator))
            prompts.append(self._draw(mask, np.random.default_rng(seed)))
        return torch.from_numpy(np.stack(prompts))

    def _draw(self, mask: Mask, rng: np.random.Generator) -> NDArray[np.int8]:
        if rng.random() < 0.1:
            return np.zeros((CHANNELS, *mask.shape), dtype=np.int8)
        name = _TRAINED_ON[int(rng.integers(len(_TRAINED_ON)))]
        if name in self._observed:
            return _fill(mask, self._observed[name], exact=True)
        damaged = draw_spheres(mask, rng, CARVE_PROBABILITY if name == "broken" else 0.0).mask
        return _fill(damaged, np.ones_like(mask), exact=False)


def _fill(inside: Mask, observed: Mask, exact: bool) -> NDArray[np.int8]:
    channels = np.zeros((CHANNELS, *inside.shape), dtype=np.int8)
    channels[0 if exact else 1] = (2 * inside.view(np.int8) - 1) * observed.view(np.int8)
    return channels
