"""A shape data set as cases: every shape of a split, observed through a prompt."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.contract import Case
from benchmark.errors import DataError
from medshape_text import DatasetError, decode_sdf, load, manifest
from medshape_text.records import HEAVY_COLUMNS
from medshape_text.seeds import seed_for

if TYPE_CHECKING:
    import datasets


def open_rows(folder: Path, config: str, split: str) -> datasets.Dataset:
    """Rows of one configuration and split, memory-mapped.

    Raises:
        DataError: if the folder is no data set of this schema version, or has no such split.
    """
    import datasets

    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        rows = load(folder, config, split)
    except (DatasetError, OSError, ValueError) as error:
        raise DataError(f"cannot read the data set {folder}: {error}") from error
    finally:
        if not bars:
            datasets.enable_progress_bars()
    if not isinstance(rows, datasets.Dataset):
        raise DataError(f"the data set {folder} did not load as a table")
    return rows


def light_rows(rows: datasets.Dataset) -> list[dict[str, Any]]:
    """Everything but the geometry."""
    heavy = {column for columns in HEAVY_COLUMNS.values() for column in columns}
    light: list[dict[str, Any]] = rows.remove_columns([name for name in rows.column_names if name in heavy]).to_list()
    return light


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
        return [str(row["id"]) for row in self._light]

    def case(self, index: int, prompt: str) -> Case:
        """One shape observed through a prompt.

        The observation's random damage depends on the shape and the prompt only, not on the seed of a
        run: every run of a task sees the same observations, whatever its own seed.
        """
        from benchmark.observations import observe  # brings torch, which listing data sets does not need

        row = self._light[index]
        truth = decode_sdf(self._rows[index])
        seed = seed_for(str(row["id"]), f"observation/{prompt}")
        return Case(
            id=str(row["id"]),
            subject=str(row["subject"]),
            category=str(row["category"]),
            origin=str(row["origin"]),
            text=prompt_texts(row)[0],
            observation=observe(prompt, truth, seed),
            truth=truth,
            millimetres_per_unit=None if row["scale"] is None else 1.0 / float(row["scale"]),
        )

    @cached_property
    def _rows(self) -> datasets.Dataset:
        return open_rows(self.folder, "sdf64", self.split)

    @cached_property
    def _light(self) -> list[dict[str, Any]]:
        return light_rows(self._rows)


def open_shapes(folder: Path, split: str) -> ShapeDataset:
    """Open a split, checking that the folder is a data set of this schema version.

    Raises:
        DataError: in one sentence.
    """
    try:
        revision = str(manifest.read(folder)["revision"])
        digest = hashlib.sha256((folder / manifest.MANIFEST).read_bytes()).hexdigest()
    except (DatasetError, OSError, KeyError) as error:
        raise DataError(f"cannot read the data set {folder}: {error}") from error
    return ShapeDataset(folder, split, revision, digest)
