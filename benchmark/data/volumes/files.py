"""Images and label maps from files, checked before anyone works with them: one clear message for each thing that is wrong.

``.nii`` and ``.nii.gz`` through nibabel, ``.mha .mhd .nrrd .seg.nrrd`` through SimpleITK. Headers are read first, so that
a volume larger than memory is refused before it is unpacked. Affines map indices to millimetres, RAS+.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Grid, Volume
from benchmark.data.volumes.geometry import apart, check_affine, grid_of
from benchmark.errors import DataError

NIFTI, ITK = (".nii", ".nii.gz"), (".seg.nrrd", ".nrrd", ".mha", ".mhd")
SUFFIXES = (".nii.gz", ".seg.nrrd", ".nii", ".nrrd", ".mha", ".mhd")
"""Longer ones first, so that the first that fits is the right one."""
MOST_VOXELS = 2**28
"""Of one volume: a gigabyte of float32, and twice that while it is read."""
_NEARLY_WHOLE = 0.05
_NEARLY_SAME_MM = 0.01
_MILLIMETRES = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From ITK's left, back, up to right, front, up."""


@dataclass(frozen=True, eq=False)
class ImageFile:
    """``values`` (I, J, K) float32 as the file scales them, and their grid."""

    values: Volume
    grid: Grid


@dataclass(frozen=True, eq=False)
class LabelFile:
    """``values`` (I, J, K) int32, their grid, and what the file calls them if it does."""

    values: NDArray[np.int32]
    grid: Grid
    names: Mapping[int, str] = field(default_factory=dict)


def suffix_of(name: str) -> str:
    """One of `SUFFIXES`, or empty."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def without_suffix(name: str) -> str:
    """A file name less its volume suffix."""
    return name[: len(name) - len(suffix_of(name))]


def read_image(path: Path) -> ImageFile:
    """Read an image.

    Raises:
        DataError: if it cannot be read, is no single 3-D volume, is too large, does not say where its voxels are or says
            it twice differently, or its values are not finite, or all the same.
    """
    values, grid, _ = _read(path)
    with np.errstate(over="ignore"):
        image = np.asarray(values, np.float32)
    if not np.isfinite(image).all():
        raise DataError(f"{path}: {int((~np.isfinite(image)).sum())} of its values are NaN or infinite")
    if image.min() == image.max():
        raise DataError(f"{path}: every voxel is {image.flat[0]:g}, so there is no image in it")
    return ImageFile(image, grid)


def read_labels(path: Path) -> LabelFile:
    """Read a label map; values within 0.05 of whole numbers are rounded (files that scale labels are off by that).

    Raises:
        DataError: as `read_image`, and for values that are no whole numbers or negative. Nothing but background is
            allowed here.
    """
    values, grid, names = _read(path)
    numbers = np.asarray(values, np.float64)
    whole = np.rint(numbers)
    if not np.isfinite(numbers).all() or np.abs(numbers - whole).max() > _NEARLY_WHOLE:
        odd = numbers[~(np.abs(numbers - whole) <= _NEARLY_WHOLE)][0]
        raise DataError(f"{path}: it holds {odd:g}, which is no label; labels are whole numbers")
    if whole.min() < 0 or whole.max() >= 2**31:
        raise DataError(f"{path}: labels go from {whole.min():g} to {whole.max():g}; they start at 0")
    return LabelFile(whole.astype(np.int32), grid, names)


Read = tuple[NDArray[Any], Grid, dict[int, str]]


def _read(path: Path) -> Read:
    suffix = suffix_of(path.name)
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    if suffix in NIFTI:
        return _nifti(path)
    if suffix in ITK:
        return _itk(path, suffix)
    raise DataError(f"{path} is none of the volume files that are read: {', '.join(sorted(SUFFIXES))}")


def _check_shape(shape: tuple[int, ...], path: Path) -> tuple[int, ...]:
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    sides = " x ".join(map(str, shape))
    if len(shape) > 3:
        raise DataError(f"{path}: {sides} voxels are {len(shape)}-D; split it into volumes of three dimensions")
    if len(shape) < 3 or min(shape) < 2:
        raise DataError(f"{path}: {sides} voxels are a slice, not a volume")
    if math.prod(shape) > MOST_VOXELS:
        raise DataError(f"{path}: {sides} voxels are more than the {MOST_VOXELS} that are read; crop or resample it")
    return shape


def _nifti(path: Path) -> Read:
    import nibabel

    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # what is wrong is raised
    try:
        image: Any = nibabel.load(path)
        header = image.header
        shape = _check_shape(tuple(int(side) for side in image.shape), path)
        grid = grid_of(shape, _nifti_affine(header, path))
        if header.get_data_dtype().kind not in "uifb":
            raise DataError(f"{path}: it holds {header.get_data_dtype()}, not one number a voxel")
        values = np.asarray(image.dataobj).reshape(shape)
    except DataError:
        raise
    except Exception as error:  # the library raises several kinds of its own on damaged files
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from error
    return values, grid, {}


def _nifti_affine(header: Any, path: Path) -> NDArray[np.float64]:  # noqa: ANN401 - nibabel has no types
    shape = tuple(int(side) for side in header.get_data_shape()[:3])
    qform, qcode = header.get_qform(coded=True)
    sform, scode = header.get_sform(coded=True)
    unit = header.get_xyzt_units()[0]
    if not qcode and not scode:
        raise DataError(
            f"{path}: it does not say where its voxels are (qform and sform code are 0), and programs guess differently; "
            "save it with an affine"
        )
    if unit not in _MILLIMETRES:
        raise DataError(f"{path}: its unit of length is {unit!r}")
    scale = np.diag([_MILLIMETRES[unit]] * 3 + [1.0])
    affine = np.asarray(sform if scode else qform, np.float64)
    check_affine(scale @ affine, path)
    if qcode and scode and qform is not None:
        distance = apart(grid_of(shape, scale @ affine), grid_of(shape, scale @ np.asarray(qform, np.float64)))
        if distance > _NEARLY_SAME_MM:
            raise DataError(
                f"{path}: qform and sform disagree by {distance:.3g} mm, and programs choose differently; keep one of them"
            )
    return scale @ affine


def _itk(path: Path, suffix: str) -> Read:
    import SimpleITK

    sitk: Any = SimpleITK  # typed in part only
    try:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        components = reader.GetNumberOfComponents()
        fields = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
        shape = _check_shape(tuple(int(side) for side in reader.GetSize()), path)
        if components > 1 and suffix != ".seg.nrrd":
            raise DataError(f"{path}: it holds {components} numbers a voxel, not one")
        if "nrrd" in suffix and not fields.get("NRRD_space"):
            raise DataError(f"{path}: it does not say in which space of a patient it is")
        size = len(shape)
        affine = np.eye(4)
        directions = np.array(reader.GetDirection()).reshape(reader.GetDimension(), -1)[:size, :size]
        affine[:3, :3] = directions[:3, :3] * np.array(reader.GetSpacing()[:3])
        affine[:3, 3] = reader.GetOrigin()[:3]
        affine = _FLIP @ affine
        check_affine(affine, path)
        values = sitk.GetArrayFromImage(reader.Execute())
    except DataError:
        raise
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise DataError(f"cannot read {path}: {lines[-1].strip()[:200] if lines else 'SimpleITK does not say why'}") from error
    layers = np.moveaxis(values, -1, 0) if components > 1 else values.reshape(1, *shape[::-1])
    merged, names = _segments(layers, fields)
    return merged.transpose(2, 1, 0), grid_of(shape, affine), names


def _segments(layers: NDArray[Any], fields: Mapping[str, str]) -> tuple[NDArray[Any], dict[int, str]]:
    """One label map of the layers of a segmentation, (layer, value) being the key; a later segment is written over."""
    segments = []
    number = 0
    while f"Segment{number}_LabelValue" in fields or f"Segment{number}_Name" in fields:
        layer = int(fields.get(f"Segment{number}_Layer", "0") or 0)
        value = int(fields.get(f"Segment{number}_LabelValue", str(number + 1)) or 0)
        segments.append((layer, value, fields.get(f"Segment{number}_Name", f"segment {number}")))
        number += 1
    if len(layers) == 1:
        return layers[0], {value: name for _, value, name in segments}
    merged = np.zeros(layers.shape[1:], np.int32)
    names: dict[int, str] = {}
    for index, (layer, value, name) in enumerate(segments):
        merged[layers[layer] == value] = index + 1
        names[index + 1] = name
    return merged, names
