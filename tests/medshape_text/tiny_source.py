"""A source of a few ellipsoids, some of them broken: the real pipeline in a second. Also a program that builds it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from medshape_text.build import build
from medshape_text.curate.normalise import SURFACE
from medshape_text.curate.split import CountSplit, SplitRule
from medshape_text.pipeline import standard_stages
from medshape_text.records import Shape
from medshape_text.stage import Drop, Stage

SUBJECTS = tuple(f"tiny_{index:02d}" for index in range(12))
BROKEN = {"tiny_02": "non-finite", "tiny_05": "too-few-faces", "tiny_07": "unreadable"}


def ellipsoid(radii: Sequence[float], subdivisions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Closed triangle mesh of an ellipsoid about the origin."""
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=1.0)
    return np.asarray(mesh.vertices) * np.asarray(radii), np.asarray(mesh.faces, dtype=np.int64)


def deadly_surface(shape: Shape) -> Shape | Drop:
    """A stage that for one shape kills its process, as the system does when memory runs out."""
    if shape.id == "tiny_03_femur_left":
        os.kill(os.getpid(), signal.SIGKILL)
    return SURFACE(shape)


_hoarded: list[str] = []


def hoard(shape: Shape) -> Shape | Drop:
    """A stage that fills memory as caches do: what comes late in a worker's life finds none left, unless it is new."""
    if shape.id == "tiny_03_femur_left" or (shape.id == "tiny_09_femur_left" and "tiny_00_femur_left" in _hoarded):
        raise MemoryError
    _hoarded.append(shape.id)
    return shape


def divide_by_zero(shape: Shape) -> Shape | Drop:
    """A stage with a mistake that shows for one shape."""
    return replace(shape, level=str(1 / (shape.id != "tiny_04_femur_left")))


@dataclass(frozen=True)
class TinySource:
    """Twelve subjects with a "femur" each, three of them broken; ``stretch`` changes the input, ``delay`` only time.

    ``twins``: subject to the one whose femur it has, turned by 30 degrees and from another source.
    """

    stretch: float = 1.0
    delay: float = 0.0
    twins: Mapping[str, str] = field(default_factory=dict)
    name: str = "tiny"
    stages: Sequence[Stage] = field(default_factory=standard_stages)
    split_rule: SplitRule = field(default_factory=lambda: CountSplit(SUBJECTS))
    declared_splits: Mapping[str, str] = field(default_factory=dict)
    attribution: Mapping[str, str] = field(default_factory=dict)

    def ids(self) -> Sequence[str]:
        """All ids."""
        return [f"{subject}_femur_left" for subject in SUBJECTS]

    def fingerprint(self, shape_id: str) -> str:
        """Follows the input, not the delay."""
        return sha256(f"{shape_id} {self.stretch}".encode()).hexdigest()

    def read(self, shape_id: str) -> Shape | Drop:
        """One ellipsoid, or a planted fault."""
        time.sleep(self.delay)
        subject = shape_id.removesuffix("_femur_left")
        index = SUBJECTS.index(self.twins.get(subject, subject))
        vertices, faces = ellipsoid((20 + index, 25, 60 * self.stretch))
        if subject in self.twins:
            vertices = vertices @ np.array([[0.75**0.5, -0.5, 0], [0.5, 0.75**0.5, 0], [0, 0, 1]])
        vertices += (5, -7, 100)
        if BROKEN.get(subject) == "unreadable":
            return Drop("unreadable", "planted")
        if BROKEN.get(subject) == "non-finite":
            vertices[3, 1] = np.nan
        if BROKEN.get(subject) == "too-few-faces":
            faces = faces[:9]
        return Shape(shape_id, subject, "femur_left", "left", "bone", "real_subject",
                     "tiny-twin" if subject in self.twins else "tiny", "CC0-1.0", "ellipsoid",
                     True, vertices, faces)  # fmt: skip

    def provenance(self) -> dict[str, Any]:
        """What changes the shapes."""
        return {"name": self.name, "stretch": self.stretch}

    def card(self) -> str:
        """Hardly any."""
        return "# tiny"

    def notice(self) -> str:
        """None."""
        return "nothing to note"


if __name__ == "__main__":
    build(TinySource(delay=float(sys.argv[3])), Path(sys.argv[1]), workers=int(sys.argv[2]), batch=2)
