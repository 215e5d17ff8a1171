"""What a part of the mini data set offers, and what its shapes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from medshape_text import taxonomy
from medshape_text.hashing import canonical_json, sha256
from medshape_text.records import Shape
from medshape_text.stage import Drop


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


def fingerprint(shape_id: str, category: str, *inputs: object) -> str:
    """Hash of a shape's inputs and of what the taxonomy says about its category."""
    known = taxonomy.get(category)
    return sha256(canonical_json([shape_id, category, known.side, known.super_class, known.level, *inputs]))
