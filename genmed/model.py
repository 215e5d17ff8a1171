"""The model of shapes and their texts: a latent autoencoder, a text tower, and one denoiser of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from genmed.autoencoder import Autoencoder
from genmed.codecs import Latent, TextEmbedding
from genmed.config import Config
from genmed.denoiser import Denoiser, PairEstimate
from genmed.diffusion import Schedule, cosine_schedule
from genmed.pair import Codes, Pair
from genmed.text import SmallTextTower, TextEncoder

SHAPE = "shape"
"""The part that is an SDF, as requests name it."""
TEXT = "text"
"""The part that is a caption."""


class PairNetworks(nn.Module):
    """Denoiser and text tower, trained together; a pretrained tower stays frozen and outside."""

    def __init__(self, denoiser: Denoiser, text: TextEncoder) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.text = text

    def embed(self, texts: Sequence[str]) -> Tensor:
        """(B, D) embeddings."""
        return self.text.encode(texts)


@dataclass
class ShapeTextModel:
    """A model ready to sample from (implements `genmed.pair.JointModel`).

    Attributes:
        config: sizes and noise levels.
        autoencoder: of SDFs.
        networks: denoiser and text tower.
        latent_scale: code of a shape = encoder output / latent_scale.
        provenance: where the weights come from.
        sha256: of their file.
        prompt: (1, channels, 64, 64, 64) input of a denoiser that was trained with one.
    """

    config: Config
    autoencoder: Autoencoder
    networks: PairNetworks
    latent_scale: float
    provenance: dict[str, Any]
    sha256: str = ""
    prompt: Tensor | None = None

    @cached_property
    def schedule(self) -> Schedule:
        """The noise levels of the configuration."""
        return cosine_schedule(self.config.diffusion_steps)

    @cached_property
    def shape(self) -> Latent:
        """Codec of SDFs."""
        sizes = self.config.denoiser
        return Latent(self.autoencoder, self.latent_scale, (sizes.latent_channels, *[sizes.latent_size] * 3))

    @cached_property
    def text(self) -> TextEmbedding:
        """Codec of captions."""
        return TextEmbedding(self.networks.text)

    @cached_property
    def pair(self) -> Pair:
        """Shape and text."""
        return Pair({SHAPE: self.shape, TEXT: self.text})

    def estimate(self, noisy: Codes, levels: Codes) -> Codes:
        """See `genmed.pair.JointModel`."""
        shape = noisy[SHAPE]
        prompt = None if self.prompt is None else self.prompt.expand(len(shape), *self.prompt.shape[1:])
        clean: PairEstimate = self.networks.denoiser(shape, noisy[TEXT], levels[SHAPE], levels[TEXT], prompt)
        return {SHAPE: clean.shape, TEXT: clean.text}


def build_autoencoder(config: Config) -> Autoencoder:
    """An untrained autoencoder."""
    sizes = config.autoencoder
    return Autoencoder(sizes.latent_channels, sizes.widths, sizes.blocks, sizes.patch)


def build_networks(config: Config) -> PairNetworks:
    """An untrained denoiser with its text tower."""
    return PairNetworks(Denoiser(config.denoiser), SmallTextTower(config.text))
