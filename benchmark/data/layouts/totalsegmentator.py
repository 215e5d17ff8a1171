"""TotalSegmentator: ``s####/ct.nii.gz`` with one mask a structure in ``segmentations/``, and ``meta.csv``.

Version 1 (104 structures) has the chambers of the heart, which the paper's task needs; version 2 has only ``heart``.
The table is separated by semicolons and has the columns ``image_id`` and ``split``.
"""

from __future__ import annotations

import csv
from pathlib import Path

from benchmark.data.layouts.reading import folder_of, image_of, masks_of, required
from benchmark.data.volumes.files import without_suffix
from benchmark.data.volumes.prepared import Modality
from benchmark.data.volumes.record import Layout, VolumeRecord
from benchmark.errors import DataError

CHAMBERS = ("heart_myocardium", "heart_atrium_left", "heart_ventricle_left", "heart_atrium_right",
            "heart_ventricle_right")  # fmt: skip
"""Of version 1 alone: the five structures of the paper's cardiac tasks."""
WINDOW = (-250.0, 450.0)
"""HU that DiffAtlas clamps these images to."""
_SPLITS = {"train": "train", "val": "validation", "test": "test"}
_MOST = 250


def read_totalsegmentator(root: Path, structures: tuple[str, ...] | None = None) -> Layout:
    """All subjects; structures are those of the first subject, in alphabetical order, unless they are named.

    Raises:
        DataError: if a file is missing, or a structure that was asked for (chambers in version 2, for one).
    """
    subjects = sorted(path.parent for path in root.glob("s[0-9]*/ct.nii.gz"))
    if not subjects:
        raise DataError(f"{root} holds no s####/ct.nii.gz")
    there = {without_suffix(path.name) for path in folder_of(subjects[0], "segmentations").glob("*.nii.gz")}
    chosen = tuple(sorted(there)) if structures is None else structures
    for name in chosen:
        if name not in there:
            why = "; version 2 has no chambers of the heart, version 1 has" if name in CHAMBERS else ""
            raise DataError(f"{root} has no structure {name!r}{why}")
    if len(chosen) > _MOST:
        raise DataError(f"{len(chosen)} structures are too many; name those that are wanted")
    version = "1" if "heart_myocardium" in there else "2"
    splits = _splits(root / "meta.csv")
    return Layout(
        name=f"totalsegmentator-v{version}",
        title=f"TotalSegmentator CT, version {version}",
        licence="CC-BY-4.0",
        structures=chosen,
        modalities=(Modality("ct", "HU", WINDOW),),
        records=[_record(path, chosen, splits.get(path.name, "")) for path in subjects],
        source={"layout": "totalsegmentator", "version": version},
    )


def _record(subject: Path, structures: tuple[str, ...], split: str) -> VolumeRecord:
    folder = folder_of(subject, "segmentations")
    paths = {
        index + 1: required(folder / f"{name}.nii.gz", subject.name, f"structure {name}")
        for index, name in enumerate(structures)
    }
    images = {"ct": image_of(subject / "ct.nii.gz")}
    return VolumeRecord(subject.name, subject.name, images, masks_of(paths, subject.name), split, "CT")


def _splits(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    if rows and not {"image_id", "split"} <= rows[0].keys():
        raise DataError(f"{path} has no columns image_id and split, separated by semicolons")
    return {row["image_id"]: _SPLITS.get((row["split"] or "").strip().lower(), "") for row in rows}
