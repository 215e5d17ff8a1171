"""Anybody's images and label maps: ``images/CASE.nii.gz``, ``labels/CASE.nii.gz`` and ``labels.csv``.

With several modalities, images lie in folders of their own: ``images/ct/CASE.nii.gz``. The table has the columns ``value``
and ``name``. An optional ``subjects.csv`` has ``case``, ``subject`` and perhaps ``split``; without it every case is a
subject of its own.
"""

from __future__ import annotations

import csv
from pathlib import Path

from benchmark.data.layouts.nnunet import modality_of
from benchmark.data.layouts.reading import folder_of, image_of, labels_of
from benchmark.data.volumes.files import suffix_of, without_suffix
from benchmark.data.volumes.record import Layout, VolumeRecord
from benchmark.errors import DataError
from medshape_text.records import SPLITS


def read_folder(root: Path) -> Layout:
    """All label maps with at least one image.

    Raises:
        DataError: if a table is missing or wrong, or a label map has no image.
    """
    structures, table = _label_table(root / "labels.csv")
    subjects = _subjects(root / "subjects.csv")
    images = folder_of(root, "images")
    folders = {path.name: path for path in sorted(images.iterdir()) if path.is_dir()} or {"image": images}
    records = []
    for path in sorted(folder_of(root, "labels").iterdir()):
        if not suffix_of(path.name) or path.name.startswith("."):
            continue
        case = without_suffix(path.name)
        found = {name: image for name, folder in folders.items() if (image := _named(folder, case)) is not None}
        if not found:
            raise DataError(f"{case}: there is no image for its labels in {images}")
        subject, split = subjects.get(case, (case, ""))
        readers = {name: image_of(image) for name, image in found.items()}
        records.append(VolumeRecord(case, subject, readers, labels_of(path, table, case), split))
    return Layout(
        name=root.resolve().name,
        title=root.resolve().name,
        licence="unknown",
        structures=structures,
        modalities=tuple(modality_of(name) for name in folders),
        records=records,
        source={"layout": "folder"},
    )


def _named(folder: Path, case: str) -> Path | None:
    return next((path for path in sorted(folder.glob(f"{case}.*")) if without_suffix(path.name) == case), None)


def _label_table(path: Path) -> tuple[tuple[str, ...], dict[int, int]]:
    rows = _rows(path, {"value", "name"})
    names: dict[str, int] = {}
    for row in rows:
        try:
            value = int(row["value"])
        except ValueError:
            raise DataError(f"{path}: {row['value']!r} is no whole number") from None
        if value and (row["name"] in names or value in names.values()):
            raise DataError(f"{path}: {row['name']!r} or {value} is there twice")
        if value:
            names[row["name"]] = value
    if not names:
        raise DataError(f"{path} names no structure")
    return tuple(names), {0: 0, **{value: index + 1 for index, value in enumerate(names.values())}}


def _subjects(path: Path) -> dict[str, tuple[str, str]]:
    if not path.is_file():
        return {}
    found = {}
    for row in _rows(path, {"case", "subject"}):
        split = (row.get("split") or "").strip()
        if split not in ("", *SPLITS):
            raise DataError(f"{path}: the split of {row['case']!r} is {split!r}, none of {', '.join(SPLITS)}")
        found[row["case"]] = row["subject"], split
    return found


def _rows(path: Path, columns: set[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if not rows or not columns <= rows[0].keys():
        raise DataError(f"{path} needs a first line with the columns {', '.join(sorted(columns))}, and rows")
    return rows
