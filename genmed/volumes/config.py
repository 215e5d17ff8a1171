"""Sizes and training of the joint model of image and structures: one TOML file, one frozen dataclass."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from genmed.config import LoopConfig, read_tables


@dataclass(frozen=True)
class Augmentation:
    """How much training images are varied.

    ``rotation`` in degrees about each axis, ``scale`` as a share, ``shift`` and ``bend`` (of a smooth deformation) in
    voxels: standard deviations, cut at two of them. ``contrast``, ``bias`` and ``noise`` in halves of the window.
    """

    rotation: float = 5.0
    scale: float = 0.06
    shift: float = 2.0
    bend: float = 1.5
    contrast: float = 0.1
    bias: float = 0.05
    noise: float = 0.03


@dataclass(frozen=True)
class VolumeConfig:
    """Everything that decides what is trained.

    Attributes:
        structures: names, in the order of the labels; taken from the data.
        modality: of the images; taken from the data.
        size: voxels along (x, y, z); taken from the data.
        window: values of the image that are told apart well; None is from 0 to the 99th percentile of each image.
        patch: edge in voxels of the cubes that the first layer puts together.
        widths, blocks: channels and residual blocks at each resolution, finest first.
        diffusion_steps: T.
    """

    structures: tuple[str, ...]
    modality: str
    size: tuple[int, int, int]
    window: tuple[float, float] | None
    patch: int
    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    diffusion_steps: int
    augmentation: Augmentation
    train: LoopConfig

    def to_json(self) -> str:
        """Canonical JSON: equal configurations give equal text."""
        return json.dumps(asdict(self), sort_keys=True)


def load_sizes(name: str) -> dict[str, Any]:
    """Tables of a configuration by name or path; see `genmed.config.read_tables`."""
    return read_tables(name, "volumes")


def parse_volume_config(table: dict[str, Any]) -> VolumeConfig:
    """Build a :class:`VolumeConfig` from nested tables; raises ValueError naming the bad setting."""
    try:
        window = table["window"]
        return VolumeConfig(
            structures=tuple(table["structures"]),
            modality=str(table["modality"]),
            size=tuple(table["size"]),
            window=None if window is None else (float(window[0]), float(window[1])),
            patch=int(table["patch"]),
            widths=tuple(table["widths"]),
            blocks=tuple(table["blocks"]),
            diffusion_steps=int(table["diffusion_steps"]),
            augmentation=Augmentation(**table["augmentation"]),
            train=LoopConfig(**table["train"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the configuration lacks or does not know a setting: {error}") from error
