"""Predictions on disk: checked, rounded to float16, and the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from urllib.parse import quote

import numpy as np

from benchmark.contract import Prediction, Volume
from benchmark.records.files import write_whole
from medshape_text.frame import RESOLUTION, TRUNCATION

_GRID = (RESOLUTION,) * 3
_SMALLEST_HALF = np.float16(2.0**-24)
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def check_prediction(prediction: object) -> str | None:
    """Why a prediction cannot be scored, as a reason code; None when it can.

    Codes: ``wrong_type`` (no `Prediction` of a floating array), ``wrong_shape``, ``not_finite``, ``empty``
    (no voxel inside).
    """
    if not isinstance(prediction, Prediction) or not isinstance(prediction.sdf, np.ndarray):
        return "wrong_type"
    sdf = prediction.sdf
    if not np.issubdtype(sdf.dtype, np.floating):
        return "wrong_type"
    if sdf.shape != _GRID:
        return "wrong_shape"
    if not np.isfinite(sdf).all():
        return "not_finite"
    if not (sdf < 0).any():
        return "empty"
    return None


def stored_form(sdf: Volume) -> Volume:
    """The (64, 64, 64) float32 volume that scores are computed on: truncated, and rounded to float16.

    Scoring what is stored lets anyone recompute a run from its predictions bit for bit. The sign of no
    voxel changes.
    """
    return _half(sdf).astype(np.float32)


def prediction_path(folder: Path, case_id: str) -> Path:
    """Where the prediction of a case lies in a run folder; ids are percent-encoded where a file name needs it."""
    return folder / "predictions" / f"{quote(case_id, safe=' ')}.npz"


def write_prediction(folder: Path, case_id: str, sdf: Volume) -> None:
    """Write a prediction as an npz with one float16 array ``sdf``, whole or not at all, always the same bytes.

    Raises:
        WriteError: when the disk refuses.
    """
    array = io.BytesIO()
    np.lib.format.write_array(array, _half(sdf), allow_pickle=False)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        member = zipfile.ZipInfo("sdf.npy", date_time=_ZIP_EPOCH)  # numpy would stamp the current time
        member.create_system, member.external_attr = 3, 0o600 << 16
        writer.writestr(member, array.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=6)
    write_whole(prediction_path(folder, case_id), archive.getvalue())


def read_prediction(folder: Path, case_id: str) -> Volume:
    """The stored prediction of a case: (64, 64, 64) float32.

    Raises:
        FileNotFoundError: if there is none (the case failed).
        ValueError: if the file holds something else.
    """
    with np.load(prediction_path(folder, case_id), allow_pickle=False) as archive:
        sdf = archive["sdf"]
    if sdf.shape != _GRID or sdf.dtype != np.float16:
        raise ValueError(f"prediction of {case_id} holds {sdf.dtype} {sdf.shape}")
    return np.asarray(sdf, dtype=np.float32)


def _half(sdf: Volume) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    half = np.clip(sdf, -TRUNCATION, TRUNCATION).astype("<f2")
    half[(sdf < 0) & ~(half < 0)] = -_SMALLEST_HALF  # else a voxel just inside would round to zero, i.e. outside
    half[half == 0] = 0.0  # one zero, not two
    return half
