"""What images, labels and distances of a data set may be."""

from __future__ import annotations

from benchmark.contract import Space
from benchmark.data.volumes.prepared import Modality, VolumeSet
from medshape_text.frame import TRUNCATION

MOST_STRUCTURES = 250
"""That a data set may have; their labels fit a byte."""


def image_space(modality: Modality) -> Space:
    """One channel on the case's grid, in the unit of the modality; its name is the channel's."""
    return Space("image", "float32", names=(modality.name,), unit=modality.unit)


def label_space(described: VolumeSet) -> Space:
    """0 is background, i + 1 the structure i."""
    return Space("labels", "uint8", names=described.structures)


def distance_space(described: VolumeSet) -> Space:
    """(structures, X, Y, Z) in the published form: 32 voxels are one unit, truncated at 0.2."""
    shape = (len(described.structures), *described.shape)
    return Space("sdf", "float32", shape, described.structures, "canonical", (-TRUNCATION, TRUNCATION))


def any_labels() -> Space:
    """Before it is known which data set is meant: as many structures as there can be."""
    return Space("labels", "uint8", names=tuple(f"structure {index + 1}" for index in range(MOST_STRUCTURES)))
