"""What the parts made of a label map have in common: one closed surface of each label that has a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from medshape_text.sources.packages.label_surface import RECIPE, Box, Surface, label_boxes, label_surface
from medshape_text.sources.packages.nifti import LabelMap, read_label_map
from medshape_text.sources.packages.part import category_of, fingerprint, ids_of
from medshape_text.stage import Drop


@dataclass(frozen=True, eq=False)
class Labelled:
    """A label map, and the bounding box of every label that occurs in it, in ascending order of the labels."""

    volume: LabelMap
    boxes: dict[int, Box]

    def surface(self, value: int, category: str) -> Surface | Drop:
        """Surface of one label in millimetres; reason code ``too-few-voxels`` if it is too small to mesh."""
        surface = label_surface(self.volume, value, self.boxes[value])
        if surface is None:
            return Drop("too-few-voxels", f"fewer than {RECIPE['min_voxels']} voxels bear the label {category}")
        return surface


def read_labelled(data: bytes, name: str) -> Labelled:
    """The label map in the bytes of a ``.nii.gz`` file; ``name`` is for messages.

    Raises:
        SourceError: as `read_label_map`.
    """
    volume = read_label_map(data, name)
    return Labelled(volume, label_boxes(volume))


class LabelPart:
    """Base of a part with the field ``labels``, the value of each category, all of one ``subject``."""

    subject: ClassVar[str]
    labels: Mapping[str, int]

    def ids(self) -> Sequence[str]:
        """In the order of the label values."""
        return ids_of(self.subject, self.labels)

    def _category(self, shape_id: str) -> str:
        return category_of(self.subject, shape_id)

    def _fingerprint(self, shape_id: str, pinned: object, version: str) -> str:
        """Hash of the pinned input, the label, the recipe and the version of the reader."""
        category = self._category(shape_id)
        return fingerprint(shape_id, category, pinned, self.labels[category], RECIPE, version)
