"""The joint variable the model is about: named parts, each with a codec and its own noise level.

GenMed models P(X, Y) over a pair instead of predicting Y from X. Of every part one may know all (it is *given*),
something (it is *measured* through an operator, which guides the sampler; see ``guidance.py``) or nothing, and ask for
any part that is not given. A shape from planes, a shape from its name, the name of a shape: all are questions to the
same model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Protocol

import torch
from torch import Tensor

from genmed.codecs import Codec
from genmed.diffusion import Schedule
from genmed.guidance import Measurement

GIVEN = -1
"""Time index of a part that is known exactly."""

Codes = Mapping[str, Tensor]
"""Name of a part -> (B, *shape) in model space."""


@dataclass(frozen=True)
class Pair:
    """The parts by name, in order; two in the paper, but nothing here counts them."""

    codecs: Mapping[str, Codec]


class JointModel(Protocol):
    """A trained model of a pair."""

    @property
    def pair(self) -> Pair:
        """What it models."""
        ...

    @property
    def schedule(self) -> Schedule:
        """Its noise levels, the same for every part."""
        ...

    def estimate(self, noisy: Codes, levels: Codes) -> Codes:
        """Clean estimates of all parts.

        Args:
            noisy: every part, (B, *shape).
            levels: every part's noise level, (B, 2) columns alpha and sigma.
        """
        ...


@dataclass(frozen=True)
class Known:
    """What is known of a pair, and what is asked.

    Attributes:
        given: codes (1, *shape) of the parts that are known exactly.
        measured: what was read of other parts, through operators.
        wanted: names of the parts asked for.
    """

    given: Codes = field(default_factory=dict)
    measured: tuple[Measurement, ...] = ()
    wanted: tuple[str, ...] = ()

    def sampled(self, pair: Pair) -> tuple[str, ...]:
        """The parts that have to be sampled: asked for, or measured, and not given; in the order of the pair.

        Raises:
            ValueError: if a part is named that the pair does not have, or nothing is left to sample.
        """
        named = {*self.given, *self.wanted, *(each.part for each in self.measured)}
        unknown = sorted(named - set(pair.codecs))
        if unknown:
            raise ValueError(f"the model has no part {unknown[0]!r}; it has {', '.join(pair.codecs)}")
        left = tuple(name for name in pair.codecs if name in named and name not in self.given)
        if not left:
            raise ValueError("every part that was asked for is given")
        return left


class Sampled:
    """The sampled parts of a pair as one vector (B, N), the others held where they are.

    A part of which nothing is known and nothing is asked stays pure noise, drawn once.
    """

    def __init__(self, model: JointModel, known: Known, batch: int, generator: torch.Generator, device: str) -> None:
        """Draw the start: ``noise`` (B, N), on the CPU so that every device starts from the same numbers."""
        self._model, self._batch, self._device = model, batch, device
        codecs = model.pair.codecs
        self.names = known.sampled(model.pair)
        self._shapes = [codecs[name].shape for name in self.names]
        parts = [torch.randn(batch, *shape, generator=generator).flatten(1) for shape in self._shapes]
        self.noise = torch.cat(parts, dim=1).to(device)
        self._held = {name: code.expand(batch, *code.shape[1:]).to(device) for name, code in known.given.items()}
        self._levels = {name: self._level(GIVEN) for name in self._held}
        for name in codecs:
            if name not in self._held and name not in self.names:
                self._held[name] = torch.randn(batch, *codecs[name].shape, generator=generator).to(device)
                self._levels[name] = self._level(model.schedule.steps - 1)

    def estimate(self, noisy: Tensor, step: int) -> Tensor:
        """Clean estimate (B, N) of noisy codes (B, N) at a time index."""
        level = self._level(step)
        levels = self._levels | dict.fromkeys(self.names, level)
        clean = self._model.estimate(self._held | self.split(noisy), levels)
        return torch.cat([clean[name].flatten(1) for name in self.names], dim=1)

    def split(self, codes: Tensor) -> dict[str, Tensor]:
        """(B, N) -> the codes of every sampled part."""
        pieces = torch.split(codes, [prod(shape) for shape in self._shapes], dim=1)
        return {
            name: piece.reshape(-1, *shape) for name, piece, shape in zip(self.names, pieces, self._shapes, strict=True)
        }

    def decode(self, codes: Tensor) -> dict[str, Tensor]:
        """(B, N) -> the sampled parts themselves."""
        return {name: self._model.pair.codecs[name].decode(code) for name, code in self.split(codes).items()}

    def _level(self, step: int) -> Tensor:
        return level_of(self._model.schedule, step, self._batch, self._device)


def level_of(schedule: Schedule, step: int | Tensor, batch: int, device: torch.device | str) -> Tensor:
    """(B, 2) columns alpha and sigma at time ``step`` (an int, or (B,) ints); :data:`GIVEN` is (1, 0)."""
    steps = torch.as_tensor(step).expand(batch)
    alpha = torch.cat([schedule.alpha, torch.ones(1, dtype=schedule.alpha.dtype)])[steps]
    sigma = torch.cat([schedule.sigma, torch.zeros(1, dtype=schedule.sigma.dtype)])[steps]
    return torch.stack([alpha, sigma], dim=1).to(device, torch.float32)
