"""A case as linked slices: images of 8 bits and label maps on one grid, packed for `static/slices.js`.

Images keep the grid they were read on (few slices, large voxels), so that a page shows what a method saw; ``places``
say which of their voxels covers which voxel of the case. Zero is "not observed", 1 to 255 are grey levels.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:  # it brings torch
    from benchmark.contract import Mask
    from benchmark.observations.places import Places

Bytes = NDArray[np.uint8]

LEVELS = 254
"""Steps between the darkest and the brightest grey."""
_STORED = (0.1, 99.9)
_SHOWN = (1.0, 99.0)


@dataclass(frozen=True)
class Window:
    """Values that are shown from black to white."""

    name: str
    low: float
    high: float


HOUNSFIELD = (Window("bone", -500.0, 1300.0), Window("soft tissue", -160.0, 240.0), Window("lung", -1350.0, 150.0))
"""Windows of computed tomography, in HU."""


@dataclass(frozen=True, eq=False)
class Raster:
    """An image as it was read.

    Attributes:
        values: (A, B, C), 0 where nothing was observed.
        low, high: values of grey levels 1 and 255.
        places: by axis, which of these voxels covers each voxel of the case, -1 for none.
        windows: those to choose from, the first at first.
        unit: of the values.
    """

    values: Bytes
    low: float
    high: float
    places: Places
    windows: tuple[Window, ...]
    unit: str = ""

    def data(self, text: Callable[[str], str] = str) -> dict[str, object]:
        """What the page's script reads."""
        return {
            "shape": list(self.values.shape), "low": self.low, "high": self.high, "unit": self.unit,
            "places": [list(each) for each in self.places],
            "windows": [{"name": each.name, "low": each.low, "high": each.high} for each in self.windows],
            "data": text(pack_image(self.values)),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Slices:
    """What is seen of a case in slices. All arrays run to the subject's right, front and top (RAS+).

    Attributes:
        shape: (X, Y, Z) of the case's grid, on which label maps are.
        spacing: millimetres between its voxels.
        structures: names of the labels 1, 2, ...
        start: the voxel that is shown first.
        image: what was observed; None if it cannot be drawn.
        truth: label map.
        predictions: label maps by method.
        note: one line about the picture.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    structures: tuple[str, ...]
    start: tuple[int, ...]
    image: Raster | None
    truth: Bytes
    predictions: Mapping[str, Bytes] = field(default_factory=dict)
    note: str = ""

    def data(self, text: Callable[[str], str] = str) -> dict[str, object]:
        """What the page's script reads, without the predictions."""
        return {
            "shape": list(self.shape), "spacing": list(self.spacing), "structures": list(self.structures),
            "start": list(self.start), "note": self.note,
            "image": None if self.image is None else self.image.data(text),
            "truth": text(pack_labels(self.truth)),
        }  # fmt: skip


def raster(
    values: ArrayLike, mask: Mask, places: Places, unit: str = "", declared: tuple[float, float] | None = None
) -> Raster:
    """An image in 8 bits.

    Args:
        values: (A, B, C); what is beyond the 0.1st and 99.9th percentile and the declared window is clipped.
        mask: the same shape, what was observed.
        places: see `Raster`.
        unit: of the values; "HU" brings the windows of computed tomography.
        declared: the window to begin with; None: the 1st to 99th percentile.
    """
    given = np.asarray(values, np.float64)
    known = np.asarray(mask, bool) & np.isfinite(given)
    seen = given[known] if known.any() else np.zeros(1)
    low, high = (float(each) for each in np.percentile(seen, _STORED))
    windows = [Window("percentiles", *(float(each) for each in np.percentile(seen, _SHOWN)))]
    if declared is not None:
        windows.insert(0, Window("declared", *declared))
        low, high = max(min(low, declared[0]), float(seen.min())), min(max(high, declared[1]), float(seen.max()))
    windows += [*(HOUNSFIELD if unit == "HU" else ()), Window("everything", low, high)]
    high = high if high > low else low + 1.0
    grey = np.rint((np.where(known, given, low) - low) * (LEVELS / (high - low)))
    stored = np.where(known, np.clip(grey, 0, LEVELS) + 1, 0).astype(np.uint8)
    wide = tuple(Window(w.name, w.low, w.high if w.high > w.low else w.low + 1.0) for w in windows)
    return Raster(stored, low, high, places, wide, unit)


def start_of(labels: Bytes, places: Sequence[Sequence[int]] | None) -> tuple[int, ...]:
    """A voxel in the middle of what is labelled, moved to the nearest one that was observed."""
    inside = np.argwhere(labels > 0)
    middle = inside.mean(axis=0) if len(inside) else (np.array(labels.shape) - 1) / 2
    found = []
    for axis, place in enumerate(middle):
        observed = np.arange(labels.shape[axis]) if places is None else np.flatnonzero(np.array(places[axis]) >= 0)
        found.append(int(observed[np.abs(observed - place).argmin()]) if len(observed) else int(place))
    return tuple(found)


def pack_image(values: Bytes) -> str:
    """Differences to the mean of the previous voxel along each axis (0 beyond the border), gzipped, base64."""
    wide = np.pad(values.astype(np.int32), ((1, 0),) * 3)
    mean = (wide[:-1, 1:, 1:] + wide[1:, :-1, 1:] + wide[1:, 1:, :-1]) // 3
    return _text((values - mean).astype(np.uint8).tobytes())


def pack_labels(labels: Bytes) -> str:
    """Runs of equal labels in C order: all lengths (uint32, their lowest bytes first of all), then all labels."""
    flat = np.ascontiguousarray(labels, np.uint8).ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    lengths = np.diff(np.concatenate([starts, [flat.size]])).astype("<u4")
    return _text(lengths.view(np.uint8).reshape(-1, 4).T.tobytes() + flat[starts].tobytes())


def unpack_labels(text: str, shape: Sequence[int]) -> Bytes:
    """The label map of a packed text; for tests and other readers."""
    raw = np.frombuffer(gzip.decompress(base64.b64decode(text)), np.uint8)
    count = len(raw) // 5
    lengths = np.ascontiguousarray(raw[: 4 * count].reshape(4, count).T).view("<u4").ravel()
    return np.repeat(raw[4 * count :], lengths).reshape(tuple(shape))


def unpack_image(text: str, shape: Sequence[int]) -> Bytes:
    """The image of a packed text; for tests and other readers, voxel by voxel."""
    change = np.frombuffer(gzip.decompress(base64.b64decode(text)), np.uint8).reshape(tuple(shape)).astype(int)
    wide = np.zeros([side + 1 for side in shape], int)
    for x, y, z in np.ndindex(*shape):
        mean = (wide[x, y + 1, z + 1] + wide[x + 1, y, z + 1] + wide[x + 1, y + 1, z]) // 3
        wide[x + 1, y + 1, z + 1] = (change[x, y, z] + mean) & 255
    return wide[1:, 1:, 1:].astype(np.uint8)


def _text(raw: bytes) -> str:
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii")
