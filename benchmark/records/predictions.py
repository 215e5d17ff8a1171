"""Predictions on disk: one npz a case, one array a part, as it is scored, and the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np

from benchmark.contract import Grid, Prediction, Space
from benchmark.records.files import write_whole
from benchmark.spaces import from_stored, shape_of, stored_type, to_stored

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def prediction_path(folder: Path, case_id: str) -> Path:
    """Where the prediction of a case lies in a run folder; ids are percent-encoded where a file name needs it."""
    return folder / "predictions" / f"{quote(case_id, safe=' ')}.npz"


def write_prediction(folder: Path, case_id: str, prediction: Prediction, outputs: Mapping[str, Space]) -> None:
    """Write a checked prediction, whole or not at all, always the same bytes.

    Raises:
        WriteError: when the disk refuses.
    """
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, space in outputs.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, to_stored(prediction.parts[name], space), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_ZIP_EPOCH)  # numpy would stamp the current time
            member.create_system, member.external_attr = 3, 0o600 << 16
            writer.writestr(member, array.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=6)
    write_whole(prediction_path(folder, case_id), archive.getvalue())


def read_prediction(folder: Path, case_id: str, outputs: Mapping[str, Space], grid: Grid | None) -> Prediction:
    """The stored prediction of a case.

    Raises:
        FileNotFoundError: if there is none (the case failed).
        ValueError: if the file holds something else.
    """
    parts = {}
    with np.load(prediction_path(folder, case_id), allow_pickle=False) as archive:
        for name, space in outputs.items():
            if name not in archive:
                raise ValueError(f"prediction of {case_id} has no part {name!r}, only {', '.join(archive) or 'none'}")
            stored = archive[name]
            wanted = shape_of(space, grid)
            fits = stored.ndim == len(wanted) and all(w in (None, s) for w, s in zip(wanted, stored.shape, strict=True))
            if not fits or stored.dtype != stored_type(space):
                raise ValueError(f"prediction of {case_id} holds {stored.dtype} {stored.shape} for {name!r}")
            parts[name] = from_stored(stored, space)
    return Prediction(parts)
