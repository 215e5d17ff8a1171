"""The joint model of an image and the signed distances of its structures, ready to sample from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmark.tasks.segmentation.tasks import IMAGE, SDF
from genmed.codecs import Codec, Identity
from genmed.diffusion import Schedule, cosine_schedule
from genmed.pair import Codes, Pair
from genmed.volumes.config import VolumeConfig
from genmed.volumes.denoiser import VolumeEstimate, VoxelDenoiser
from genmed.volumes.window import Window
from medshape_text.frame import TRUNCATION


@dataclass
class VolumeModel:
    """A trained denoiser and the codec of the images at hand (implements `genmed.pair.JointModel`).

    Attributes:
        config: sizes, structures and noise levels.
        denoiser: the network.
        image: codec of the images; of images without a fixed scale every case has its own.
        provenance: where the weights come from.
        sha256: of their file.
    """

    config: VolumeConfig
    denoiser: VoxelDenoiser
    image: Codec = field(default_factory=lambda: Window(-1.0, 1.0, ()))
    provenance: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""

    @cached_property
    def schedule(self) -> Schedule:
        """The noise levels of the configuration."""
        return cosine_schedule(self.config.diffusion_steps)

    @cached_property
    def pair(self) -> Pair:
        """Image and distances."""
        shape = (len(self.config.structures), *self.config.size)
        return Pair({IMAGE: self.image, SDF: Identity(shape, scale=TRUNCATION)})

    def estimate(self, noisy: Codes, levels: Codes) -> Codes:
        """See `genmed.pair.JointModel`."""
        clean: VolumeEstimate = self.denoiser(noisy[IMAGE], noisy[SDF], levels[IMAGE], levels[SDF])
        return {IMAGE: clean.image, SDF: clean.sdf}
