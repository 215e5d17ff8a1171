"""A shape data set as cases: every shape of a split, observed through a prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.contract import Case
from benchmark.data.rows import Rows, read_manifest
from medshape_text import decode_sdf
from medshape_text.manifest import MANIFEST
from medshape_text.seeds import seed_for


def prompt_texts(row: Mapping[str, Any]) -> list[str]:
    """Captions that may be given to a method: not the measured ones, which tell facts of the hidden geometry."""
    texts = [str(caption["text"]) for caption in row["captions"] or [] if caption["provenance"] != "measured"]
    return texts or [str(row["category"]).replace("_", " ")]


@dataclass(frozen=True, eq=False)
class ShapeDataset:
    """One split of a shape data set, opened by `open_shapes`.

    Attributes:
        folder: where it lies.
        split: "train", "validation" or "test".
        revision: of the data set.
        manifest_sha256: hash of its manifest file.
    """

    folder: Path
    split: str
    revision: str
    manifest_sha256: str

    @property
    def ids(self) -> Sequence[str]:
        """Case ids in the order of the data set."""
        return [str(row["id"]) for row in self._rows.light]

    def case(self, index: int, prompt: str) -> Case:
        """One shape observed through a prompt.

        The observation's random damage depends on the shape and the prompt only, not on the seed of a
        run: every run of a task sees the same observations, whatever its own seed.
        """
        from benchmark.observations import observe  # brings torch, which listing data sets does not need

        row = self._rows.light[index]
        truth = decode_sdf(self._rows.heavy(index))
        seed = seed_for(str(row["id"]), f"observation/{prompt}")
        return Case(
            id=str(row["id"]),
            subject=str(row["subject"]),
            category=str(row["category"]),
            origin=str(row["origin"]),
            text=prompt_texts(row)[0],
            observation=observe(prompt, truth, seed),
            truth=truth,
            millimetres_per_unit=1.0 / float(row["scale"]) if row["unit"] == "mm" else None,
        )

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self.folder, "sdf64", self.split, ("sdf",))


def open_shapes(folder: Path, split: str) -> ShapeDataset:
    """Open a split, checking that the folder is a data set of this schema version.

    Raises:
        DataError: in one sentence.
    """
    revision = str(read_manifest(folder)["revision"])
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return ShapeDataset(folder, split, revision, digest)
