"""Codecs: from a part of the pair, as people see it, into the space it is modelled in, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor
from torch.nn import functional as F

from genmed.autoencoder import Autoencoder
from genmed.text import TextEncoder


class Codec(Protocol):
    """Takes a part into model space and back; ``decode`` is differentiable, guidance goes through it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one code, without the batch."""
        ...

    def encode(self, part: Any) -> Tensor:  # noqa: ANN401 - volumes or texts
        """(B, ...) parts -> (B, *shape) codes of about unit size."""
        ...

    def decode(self, code: Tensor) -> Tensor:
        """(B, *shape) codes -> (B, ...) parts, not clipped."""
        ...


@dataclass(frozen=True)
class Identity:
    """The voxels themselves: code = (part - ``offset``) / ``scale``. ``shape`` is that of the part."""

    shape: tuple[int, ...]
    scale: float = 1.0
    offset: float = 0.0

    def encode(self, part: Tensor) -> Tensor:
        """See the class."""
        return (part - self.offset) / self.scale

    def decode(self, code: Tensor) -> Tensor:
        """See the class."""
        return code * self.scale + self.offset


@dataclass(frozen=True)
class Latent:
    """The latent of an autoencoder of SDFs: code (C, n, n, n) = encoder output / ``scale``; parts are (64, 64, 64)."""

    autoencoder: Autoencoder
    scale: float
    shape: tuple[int, ...]

    def encode(self, part: Tensor) -> Tensor:
        """(B, 64, 64, 64) SDFs -> (B, C, n, n, n)."""
        return self.autoencoder.encode(part[:, None]) / self.scale

    def decode(self, code: Tensor) -> Tensor:
        """(B, C, n, n, n) -> (B, 64, 64, 64) SDFs, not clipped."""
        if len(code) == 1 and code.device.type == "cpu":
            # torch 2.13 has a slow kernel for the convolution of one small volume and a fast one for several:
            # with a copy beside it, one takes a third of the time.
            return self.decode(code.expand(2, *code.shape[1:]))[:1]
        return self.autoencoder.decode(code * self.scale)[:, 0]


@dataclass(frozen=True)
class TextEmbedding:
    """The embedding of a caption (D,), root-mean-square 1. There is no way back to words but by choosing some."""

    encoder: TextEncoder

    @property
    def shape(self) -> tuple[int, ...]:
        """(D,)."""
        return (self.encoder.dim,)

    def encode(self, part: Sequence[str]) -> Tensor:
        """Captions -> (B, D)."""
        return self.encoder.encode(part)

    def decode(self, code: Tensor) -> Tensor:
        """The embedding itself."""
        return code

    def nearest(self, code: Tensor, captions: Sequence[str]) -> int:
        """Index of the caption whose embedding has the smallest angle to the mean of (B, D) codes."""
        return int(F.cosine_similarity(self.encode(captions), code.mean(dim=0, keepdim=True)).argmax())
