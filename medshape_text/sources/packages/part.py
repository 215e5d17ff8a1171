"""What a part of the mini data set offers, and what its shapes have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medshape_text import taxonomy
from medshape_text.hashing import canonical_json, sha256
from medshape_text.records import Repair, Shape
from medshape_text.stage import Drop


class _Mesh(Protocol):
    """(V, 3) float64 vertices and (F, 3) int64 faces."""

    @property
    def vertices(self) -> NDArray[np.float64]: ...

    @property
    def faces(self) -> NDArray[np.int64]: ...


class Part(Protocol):
    """The shapes of one package. It travels to worker processes: big inputs are read there, from the cached file."""

    def ids(self) -> Sequence[str]:
        """Ids of its shapes, in the order of the published rows."""
        ...

    def fingerprint(self, shape_id: str) -> str:
        """Hash of everything :meth:`read` makes this shape of."""
        ...

    def read(self, shape_id: str) -> Shape | Drop:
        """One raw shape, x to the subject's left, y backwards, z upwards."""
        ...

    def provenance(self) -> dict[str, Any]:
        """For the manifest: the files read, with sha256, licence and attribution, and how."""
        ...


def ids_of(subject: str, categories: Iterable[str]) -> list[str]:
    """Ids of a subject's shapes, where it has one of each category."""
    return [f"{subject}_{category}" for category in categories]


def category_of(subject: str, shape_id: str) -> str:
    """The category in such an id."""
    return shape_id.removeprefix(f"{subject}_")


def packaged_shape(
    category: str,
    mesh: _Mesh,
    *,
    id: str,  # noqa: A002 - the names are those of a Shape's fields
    subject: str,
    origin: str,
    source: str,
    licence: str,
    file_name: str,
    input_sha256: str,
    millimetres: bool = True,
    pathology: str = "",
    redistributable: bool = True,
    flags: tuple[str, ...] = (),
    repairs: tuple[Repair, ...] = (),
) -> Shape:
    """A shape whose side, super-class and level are what the taxonomy says of its category.

    Raises:
        UnknownStructureError: if there is no such category.
    """
    known = taxonomy.get(category)
    return Shape(
        id=id,
        subject=subject,
        category=category,
        side=known.side,
        super_class=known.super_class,
        origin=origin,
        source=source,
        licence=licence,
        template="",
        millimetres=millimetres,
        vertices=mesh.vertices,
        faces=mesh.faces,
        level=known.level,
        pathology=pathology,
        file_name=file_name,
        input_sha256=input_sha256,
        redistributable=redistributable,
        flags=flags,
        repairs=repairs,
    )


def fingerprint(shape_id: str, category: str, *inputs: object) -> str:
    """Hash of a shape's inputs and of what the taxonomy says about its category."""
    known = taxonomy.get(category)
    return sha256(canonical_json([shape_id, category, known.side, known.super_class, known.level, *inputs]))
