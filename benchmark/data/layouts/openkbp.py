"""OpenKBP: head-and-neck CT with contours of organs at risk, as the challenge gave them (csv) or as kept here (npz).

Organs that were not contoured may well be there: they are not `annotated`, and neither learnt nor scored as absent. CT is
HU plus about 1000, and 0 outside of the region the challenge kept. Axes run to the back, the left and down.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Grid
from benchmark.data.volumes.geometry import grid_of
from benchmark.data.volumes.prepared import Modality
from benchmark.data.volumes.record import Imaged, Labelled, Layout, VolumeRecord
from benchmark.errors import DataError

ORGANS = {"brainstem": ("Brainstem", 1), "spinal_cord": ("SpinalCord", 2), "parotid_right": ("RightParotid", 3),
          "parotid_left": ("LeftParotid", 4), "mandible": ("Mandible", 7), "esophagus": ("Esophagus", 5),
          "larynx": ("Larynx", 6)}  # fmt: skip
"""Name here -> name of its csv file, value in the npz files. The first five are the data set ``openkbp``."""
FIVE = tuple(ORGANS)[:5]
SIDE = 128
_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}
_MERGED = ("Brainstem", "SpinalCord", "RightParotid", "LeftParotid", "Esophagus", "Larynx", "Mandible")
"""Order in which masks are written; a later organ is written over an earlier one."""
_MOST_CSV = 2**26


def read_openkbp(root: Path) -> Layout:
    """All patients with a CT, by number.

    Raises:
        DataError: if the folder holds neither form.
    """
    kept = sorted(root.glob("pt_*.npz"), key=lambda path: int(path.stem.removeprefix("pt_")))
    folders = sorted(root.rglob("pt_*/ct.csv"), key=lambda path: int(path.parent.name.removeprefix("pt_")))
    records = [_kept(path) for path in kept] or [_given(path.parent) for path in folders]
    if not records:
        raise DataError(f"{root} holds no pt_N.npz and no pt_N/ct.csv")
    return Layout(
        name="openkbp",
        title="OpenKBP head-and-neck CT",
        licence="MIT",
        structures=tuple(ORGANS),
        modalities=(Modality("ct", "HU+1000", (700.0, 1500.0)),),
        records=records,
        source={"layout": "openkbp"},
    )


def _kept(path: Path) -> VolumeRecord:
    try:
        with np.load(path, allow_pickle=False) as stored:
            split, labels = str(stored["split"]), stored["label"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    there = set(np.unique(labels).tolist())

    def image() -> Imaged:
        with np.load(path, allow_pickle=False) as stored:
            return Imaged(stored["ct"].astype(np.float32), _grid(stored["ct"].shape, stored["voxel_mm"], stored["offset"]))

    def labelled() -> Labelled:
        with np.load(path, allow_pickle=False) as stored:
            values = stored["label"]
            lut = np.zeros(256, np.uint8)
            for index, (_, value) in enumerate(ORGANS.values()):
                lut[value] = index + 1
            return Labelled(lut[values], _grid(values.shape, stored["voxel_mm"], stored["offset"]))

    annotated = tuple(name for name, (_, value) in ORGANS.items() if value in there)
    return VolumeRecord(path.stem, path.stem, {"ct": image}, labelled, _SPLITS.get(split, ""), _TEXT, annotated)


def _given(folder: Path) -> VolumeRecord:
    spacing = _numbers(folder / "voxel_dimensions.csv")
    if spacing.shape != (3,):
        raise DataError(f"{folder / 'voxel_dimensions.csv'} holds {spacing.size} numbers, not three")
    grid = _grid((SIDE,) * 3, spacing, np.zeros(3))
    contoured = {name: folder / f"{own}.csv" for name, (own, _) in ORGANS.items() if (folder / f"{own}.csv").is_file()}

    def image() -> Imaged:
        table = _table(folder / "ct.csv")
        values = np.zeros(SIDE**3, np.float32)
        values[_checked(table[:, 0], folder / "ct.csv")] = table[:, 1]
        return Imaged(values.reshape((SIDE,) * 3), grid)

    def labelled() -> Labelled:
        values = np.zeros(SIDE**3, np.uint8)
        for own in _MERGED:
            name = next(each for each, (other, _) in ORGANS.items() if other == own)
            if name in contoured:
                indices = _checked(_table(contoured[name])[:, 0], contoured[name])
                values[indices] = tuple(ORGANS).index(name) + 1
        return Labelled(values.reshape((SIDE,) * 3), grid)

    split = _SPLITS.get(folder.parent.name.removesuffix("-pats"), "")
    return VolumeRecord(folder.name, folder.name, {"ct": image}, labelled, split, _TEXT, tuple(contoured))


_TEXT = "planning CT of head and neck"


def _grid(shape: tuple[int, ...], voxel_mm: NDArray[np.floating], offset: NDArray[np.number]) -> Grid:
    """Index order is back, left, down; in RAS+ these are -y, -x, -z."""
    steps = np.asarray(voxel_mm, np.float64)
    affine = np.zeros((4, 4))
    affine[1, 0], affine[0, 1], affine[2, 2], affine[3, 3] = -steps[0], -steps[1], -steps[2], 1.0
    affine[:3, 3] = affine[:3, :3] @ np.asarray(offset, np.float64)
    return grid_of(shape, affine)


def _table(path: Path) -> NDArray[np.float64]:
    """(N, 2): flat indices, and data (NaN in masks)."""
    if path.stat().st_size > _MOST_CSV:
        raise DataError(f"{path} is larger than {_MOST_CSV} bytes, which no file of the challenge is")
    try:
        table = np.genfromtxt(path, delimiter=",", skip_header=1, ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    if table.shape[1] < 2:
        raise DataError(f"{path} has no columns of indices and data")
    return np.asarray(table[:, :2], np.float64)


def _checked(indices: NDArray[np.float64], path: Path) -> NDArray[np.int64]:
    if not np.isfinite(indices).all() or (indices != np.rint(indices)).any():
        raise DataError(f"{path} holds indices that are no whole numbers")
    if indices.size and (indices.min() < 0 or indices.max() >= SIDE**3):
        raise DataError(f"{path} holds indices outside of {SIDE}^3 voxels")
    return indices.astype(np.int64)


def _numbers(path: Path) -> NDArray[np.float64]:
    try:
        return np.loadtxt(path, delimiter=",", ndmin=1).ravel()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


