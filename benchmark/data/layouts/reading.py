"""What the readers of layouts share: lazy images and label maps from files, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.volumes.files import read_image, read_labels
from benchmark.data.volumes.geometry import check_same_grid
from benchmark.data.volumes.record import Imaged, Labelled, renumbered
from benchmark.errors import DataError


def image_of(path: Path) -> Callable[[], Imaged]:
    """What reads an image file."""

    def read() -> Imaged:
        found = read_image(path)
        return Imaged(found.values, found.grid)

    return read


def labels_of(path: Path, table: Mapping[int, int], case: str) -> Callable[[], Labelled]:
    """What reads a label map whose values mean what the table says (see `renumbered`)."""

    def read() -> Labelled:
        found = read_labels(path)
        return Labelled(renumbered(found.values, table, case), found.grid)

    return read


def masks_of(paths: Mapping[int, Path], case: str) -> Callable[[], Labelled]:
    """What reads one mask file for each label; where two overlap the later label is kept.

    All must be on the grid of the first.
    """

    def read() -> Labelled:
        first: Labelled | None = None
        for label, path in paths.items():
            found = read_labels(path)
            if first is None:
                first = Labelled(np.zeros(found.values.shape, np.uint8), found.grid)
            check_same_grid(first.grid, found.grid, f"{case}, {path.name}")
            first.values[found.values > 0] = label
        if first is None:
            raise DataError(f"{case}: there are no masks")
        return first

    return read


def folder_of(root: Path, *parts: str) -> Path:
    """A folder that has to be there.

    Raises:
        DataError: if it is not.
    """
    path = root.joinpath(*parts)
    if not path.is_dir():
        raise DataError(f"there is no folder {path}")
    return path


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        DataError: if there is none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds no JSON object")
    return content


def required(path: Path, case: str, what: str) -> Path:
    """A file that has to be there.

    Raises:
        DataError: that names the case and what is missing of it.
    """
    if not path.is_file():
        raise DataError(f"{case}: {what} is missing ({path})")
    return path
