"""Bones of a composite skeleton, from the wheel ``myo-sim``: hands, spine, skull, chest, arm, leg and foot.

It is nobody's skeleton: the meshes come from several musculoskeletal models (Rajagopal's, MoBL, 2nd-Hand, the
constrained lumbar spine). Each file has a frame of its own, that of the model's body segment: only bones of one file
lie where they belong to each other. The forearm and hand hang down, the palm facing the thigh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from medshape_text.hashing import sha256
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.meshes import Cloud, parse_mesh
from medshape_text.records import Repair, Shape
from medshape_text.sources.packages.meshes import face_components, is_closed, renumber, sheets, weld
from medshape_text.sources.packages.part import fingerprint, packaged_shape
from medshape_text.sources.packages.pinned_wheel import PinnedWheel, read_member
from medshape_text.sources.packages.skeleton_bodies import LEFT_IN_FILE, SKIPPED, Body, bodies
from medshape_text.sources.shared import SourceError
from medshape_text.stage import Drop

WHEEL = PinnedWheel(
    "myo-sim",
    "0.2.4",
    "myo_sim-0.2.4-py3-none-any.whl",
    "d7a121c5a8623ba6663b6645e8f9e78300b2b1f214f485f6f65e0020fab51a97",
)
SUBJECT = "myo-sim-composite"
LICENCE = "Apache-2.0"
FOLDER = "myo_sim/models/meshes"
_READ_VERSION = "1"
_MAX_BYTES = 4 * 2**20
# The files are in metres, x forwards, y upwards, z to the right (OpenSim's axes); we: x left, y backwards, z upwards.
_TO_OURS = 1000.0 * np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_FOUND_WITHIN_MM = 1.0
_MIRRORED_WITHIN_MM = 0.01
_STRAY_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Mesh:
    """(V, 3) float64 vertices in millimetres, our axes, (F, 3) faces, and how many faces were left out as what."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True)
class CompositeSkeleton:
    """150 bones; a left one is ``mirrored`` if it is its right twin's mirror image, any other is ``template``."""

    wheel: Path
    bodies: tuple[Body, ...] = field(default_factory=bodies)

    @cached_property
    def _by_id(self) -> dict[str, Body]:
        return {body.id: body for body in self.bodies}

    def ids(self) -> Sequence[str]:
        """In the order of :func:`skeleton_bodies.bodies`."""
        return list(self._by_id)

    def fingerprint(self, shape_id: str) -> str:
        """Hash of the wheel, where the bone is in it and our version."""
        body = self._by_id[shape_id]
        return fingerprint(shape_id, body.category, WHEEL.sha256, body.stem, body.middle, body.twin, _READ_VERSION)

    def read(self, shape_id: str) -> Shape | Drop:
        """One bone in millimetres."""
        body = self._by_id[shape_id]
        mesh = self._mesh(body)
        mirrored = bool(body.twin) and is_mirror_image(mesh.vertices, self._mesh(self._by_id[body.twin]).vertices)
        return packaged_shape(
            body.category,
            mesh,
            id=shape_id,
            subject=SUBJECT,
            origin="mirrored" if mirrored else "template",
            source=WHEEL.requirement,
            licence=LICENCE,
            file_name=f"{body.stem}.stl" + (f"#{body.category}" if body.middle else ""),
            input_sha256=_file(self.wheel, body.stem)[1],
            repairs=mesh.repairs,
        )

    def _mesh(self, body: Body) -> Mesh:
        mesh, _ = _file(self.wheel, body.stem)
        return without_strays(mesh) if body.middle is None else _find(mesh, body, np.array(body.middle))

    def provenance(self) -> dict[str, Any]:
        """The wheel, its files, what was left out and whom to name."""
        return {
            "package": WHEEL.requirement,
            "file": WHEEL.file,
            "members": sorted({f"{FOLDER}/{body.stem}.stl" for body in self.bodies}),
            "sha256": WHEEL.sha256,
            "licence": LICENCE,
            "attribution": "MyoSim, V. Caggiano, H. Wang and contributors, Apache-2.0; bones of OpenSim models: "
            "Rajagopal et al. 2016, Holzbaur et al. 2005 (MoBL), 2nd-Hand, constrained lumbar spine",
            "version": _READ_VERSION,
            "skipped": SKIPPED,
            "left_in_file": LEFT_IN_FILE,
        }


def open_composite_skeleton(cache: Path) -> CompositeSkeleton:
    """Fetch the wheel.

    Raises:
        SourceError: if the wheel cannot be had or is not what was pinned.
    """
    return CompositeSkeleton(WHEEL.fetch(cache))


def is_mirror_image(vertices: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether (V, 3) vertices are those of ``other`` with x reversed, each within 0.01 mm, in whatever order."""
    if len(vertices) != len(other):
        return False
    reflected = other * np.array([-1.0, 1.0, 1.0])
    there, back = KDTree(reflected).query(vertices)[0], KDTree(vertices).query(reflected)[0]
    return bool(max(np.max(there), np.max(back)) <= _MIRRORED_WITHIN_MM)


def without_strays(mesh: Mesh) -> Mesh:
    """The largest sheet alone if it is closed and has at least 95 % of the faces; else the mesh as it is.

    Some files carry a few loose triangles on a closed bone. Where the bone itself is in pieces, all are kept.
    """
    piece = sheets(mesh.faces)
    counts = np.bincount(piece)
    strays = len(mesh.faces) - int(counts.max())
    if not strays or strays > _STRAY_SHARE * len(mesh.faces):
        return mesh
    vertices, faces = renumber(mesh.vertices, mesh.faces[piece == counts.argmax()])
    if not is_closed(faces):
        return mesh
    return Mesh(vertices, faces, (*mesh.repairs, Repair("removed-stray-faces", strays)))


def _find(mesh: Mesh, body: Body, middle: NDArray[np.float64]) -> Mesh:
    """The connected piece whose bounding box has its middle there.

    Raises:
        SourceError: if there is not exactly one.
    """
    piece = face_components(mesh.faces, len(mesh.vertices))
    parts = [renumber(mesh.vertices, mesh.faces[piece == number]) for number in range(piece.max() + 1)]
    found = [part for part in parts if np.abs(_middle(part[0]) - middle).max() <= _FOUND_WITHIN_MM]
    if len(found) != 1:
        raise SourceError(f"{body.stem}.stl has {len(found)} pieces where the {body.category} should be.")
    return Mesh(*found[0])


def _middle(vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((vertices.min(axis=0) + vertices.max(axis=0)) / 2)


@lru_cache(maxsize=4)
def _file(wheel: Path, stem: str) -> tuple[Mesh, str]:
    """A mesh file, welded, and its sha256; cached because the bones of one file are read one after the other."""
    name = f"{FOLDER}/{stem}.stl"
    data = read_member(wheel, name, _MAX_BYTES)
    try:
        soup = parse_mesh(".stl", data)
    except BadShapeError as error:
        raise SourceError(f"{name} in {wheel.name} was refused: {error}.") from error
    if isinstance(soup, Cloud):
        raise SourceError(f"{name} in {wheel.name} has no triangles.")
    vertices, faces, removed = weld(soup.vertices, soup.faces)
    repairs = (Repair("removed-degenerate-or-repeated-faces", removed),) if removed else ()
    return Mesh(vertices @ _TO_OURS.T, faces, repairs), sha256(data)
