"""A prepared set of images and label maps, as every task reads it: all on grids of one shape, kept beside the original.

The folder holds ``manifest.json`` (what the set is, and the facts of every case) and ``cases/ID.npz`` with the arrays
``image_NAME``, ``labels`` and, where the case was resampled, its original labels as runs (`to_runs`). Nothing is packed by
zlib, so that the bytes and the revision do not depend on anyone's version of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Grid, Volume
from benchmark.data.recent import Recent
from benchmark.data.rows import check_file, identity_of, read_manifest
from benchmark.errors import DataError

KIND = "volumes"
"""What ``manifest.json`` says under ``kind``."""
CACHE_BYTES = 256 * 2**20
RUN_VALUES, RUN_LENGTHS = "original_run_values", "original_run_lengths"
"""Names of the arrays that hold the original labels, see `to_runs`."""

Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Modality:
    """A kind of image: its name, the unit of its values, and the window that methods may clamp to (None: by volume)."""

    name: str
    unit: str
    window: tuple[float, float] | None


@dataclass(frozen=True)
class VolumeSet:
    """What all cases of a set share.

    Attributes:
        name: what people type.
        title: one line.
        structures: label i + 1 is ``structures[i]``.
        modalities: the first is what tasks use unless they say otherwise.
        shape: voxels of the task's grid along (x, y, z).
        tolerance_mm: of the normalised surface Dice: about what the labels are worth.
        licence: SPDX expression.
        source: where it comes from, as JSON values.
    """

    name: str
    title: str
    structures: tuple[str, ...]
    modalities: tuple[Modality, ...]
    shape: tuple[int, int, int]
    tolerance_mm: float
    licence: str
    source: Mapping[str, Any] = field(default_factory=dict)

    def modality(self, name: str) -> Modality:
        """By name; an empty name is the first.

        Raises:
            DataError: if the set has none of this name.
        """
        for modality in self.modalities:
            if name in ("", modality.name):
                return modality
        known = ", ".join(each.name for each in self.modalities)
        raise DataError(f"the data set {self.name} has no images of modality {name!r}, only {known}")


@dataclass(frozen=True)
class Facts:
    """What is known of a case without reading its voxels.

    Attributes:
        id, subject, split, origin, text: as of any case.
        grid: the task's, with its affine.
        annotated: the structures somebody looked for; of others nobody knows whether they are there.
        modalities: of the images there are of it.
        original: the grid the labels came on, where it is another one.
    """

    id: str
    subject: str
    split: str
    origin: str
    text: str
    grid: Grid
    annotated: tuple[str, ...]
    modalities: tuple[str, ...]
    original: Grid | None = None

    @property
    def scored_on(self) -> Grid:
        """The grid that predictions are compared on."""
        return self.original or self.grid


@dataclass(frozen=True, eq=False)
class PreparedVolumes:
    """A folder of the format above; opened by `open_volumes`."""

    folder: Path
    described: VolumeSet
    cases: tuple[Facts, ...]
    revision: str
    manifest_sha256: str
    files: Mapping[str, Any]

    def split(self, name: str) -> tuple[Facts, ...]:
        """The cases of a split, in order.

        Raises:
            DataError: if there are none.
        """
        found = tuple(case for case in self.cases if case.split == name)
        if not found:
            raise DataError(f"the data set {self.folder} has no split {name!r}")
        return found

    def image(self, case_id: str, modality: str) -> Volume:
        """(X, Y, Z) float32 in the unit of the modality, the caller's own.

        Raises:
            DataError: if the case has no such image.
        """
        arrays = self._arrays(case_id)
        if f"image_{modality}" not in arrays:
            raise DataError(f"case {case_id} has no image of modality {modality!r}")
        return np.array(arrays[f"image_{modality}"], np.float32)

    def labels(self, case_id: str) -> Labels:
        """(X, Y, Z) uint8 on the task's grid, the caller's own."""
        return np.array(self._arrays(case_id)["labels"], np.uint8)

    def original_labels(self, case_id: str) -> Labels:
        """Labels on the grid they came on, which is `Facts.scored_on`."""
        arrays = self._arrays(case_id)
        if RUN_VALUES not in arrays:
            return np.array(arrays["labels"], np.uint8)
        facts = next(facts for facts in self.cases if facts.id == case_id)
        return from_runs(arrays[RUN_VALUES], arrays[RUN_LENGTHS], facts.scored_on.shape)

    def _arrays(self, case_id: str) -> dict[str, NDArray[Any]]:
        name = f"cases/{case_id}.npz"
        if name not in self.files:
            raise KeyError(case_id)
        return self._recent.get(name, lambda: self._read(name), int(self.files[name]["bytes"]))

    def _read(self, name: str) -> dict[str, NDArray[Any]]:
        check_file(self.folder / name, str(self.files[name]["sha256"]))
        try:
            with np.load(self.folder / name, allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"cannot read {self.folder / name}: {error}") from error

    @cached_property
    def _recent(self) -> Recent[dict[str, NDArray[Any]]]:
        return Recent(CACHE_BYTES)


def to_runs(labels: Labels) -> tuple[Labels, NDArray[np.uint32]]:
    """Label maps are long runs of few values: the value and the length of each, in C order.

    >>> to_runs(np.array([[0, 0], [0, 3]], np.uint8))
    (array([0, 3], dtype=uint8), array([3, 1], dtype=uint32))
    """
    flat = np.ravel(labels)
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    return flat[starts], np.diff(np.append(starts, flat.size)).astype(np.uint32)


def from_runs(values: NDArray[Any], lengths: NDArray[Any], shape: tuple[int, ...]) -> Labels:
    """The label map of `to_runs`.

    Raises:
        DataError: if the runs do not fill the shape.
    """
    if int(lengths.sum()) != int(np.prod(shape)):
        raise DataError(f"runs of {int(lengths.sum())} voxels do not fill a grid of {shape}")
    return np.repeat(values.astype(np.uint8), lengths).reshape(shape)


def open_volumes(folder: Path) -> PreparedVolumes:
    """Open a prepared folder.

    Raises:
        DataError: if it is none, in one sentence.
    """
    manifest = read_manifest(folder)
    if manifest.get("kind") != KIND:
        raise DataError(f"{folder} holds shapes, not images with labels; try --data hips")
    revision, digest = identity_of(folder)
    try:
        described = _described(manifest["set"])
        cases = tuple(_facts(entry) for entry in manifest["cases"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the manifest of {folder} is damaged ({error!r}); prepare the data set anew") from error
    return PreparedVolumes(folder, described, cases, revision, digest, manifest["files"])


def to_json(record: VolumeSet | Facts) -> dict[str, Any]:
    """A record as it stands in the manifest."""
    return asdict(record)


def _described(entry: Mapping[str, Any]) -> VolumeSet:
    modalities = tuple(
        Modality(str(m["name"]), str(m["unit"]), None if m["window"] is None else _pair(m["window"]))
        for m in entry["modalities"]
    )
    x, y, z = (int(side) for side in entry["shape"])
    return VolumeSet(
        name=str(entry["name"]),
        title=str(entry["title"]),
        structures=tuple(map(str, entry["structures"])),
        modalities=modalities,
        shape=(x, y, z),
        tolerance_mm=float(entry["tolerance_mm"]),
        licence=str(entry["licence"]),
        source=dict(entry["source"]),
    )


def _facts(entry: Mapping[str, Any]) -> Facts:
    original = entry["original"]
    return Facts(
        id=str(entry["id"]),
        subject=str(entry["subject"]),
        split=str(entry["split"]),
        origin=str(entry["origin"]),
        text=str(entry["text"]),
        grid=_grid(entry["grid"]),
        annotated=tuple(map(str, entry["annotated"])),
        modalities=tuple(map(str, entry["modalities"])),
        original=None if original is None else _grid(original),
    )


def _grid(entry: Mapping[str, Any]) -> Grid:
    affine = tuple(tuple(float(value) for value in row) for row in entry["affine"])
    if np.shape(affine) != (4, 4):
        raise ValueError(f"an affine of shape {np.shape(affine)}")
    return Grid(tuple(int(side) for side in entry["shape"]), affine)


def _pair(values: Any) -> tuple[float, float]:  # noqa: ANN401 - of a file
    low, high = values
    return float(low), float(high)
