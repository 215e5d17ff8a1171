"""Requests (and training data) as a folder that a program in any language can read; the truth is never in it.

``requests.json`` lists the cases; the arrays lie beside it, ``.npz`` or, for images and labels that fill a grid with
an affine, ``.nii.gz``. `docs/external_methods.md` is the documentation for authors of methods.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from benchmark import spaces
from benchmark.contract import (
    Array,
    Grid,
    KnowsGrids,
    Observation,
    PartlyAnnotated,
    Request,
    Space,
    TrainingData,
)
from medshape_text.files import replacing
from medshape_text.hashing import canonical_json, sha256

FORMAT = "genmed-requests/1"
TRAINING_FORMAT = "genmed-training/1"
REQUESTS = "requests.json"
TRAINING = "training.json"

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_LONGEST_NAME = 120
_ENDINGS = (".npz", ".npy", ".nii", ".gz", ".done", ".tmp", ".txt", ".json")


def safe_name(identity: str) -> str:
    """A file name of an id: percent-encoded, never hidden, never the name of another kind of file, never too long.

    >>> safe_name("CT/s 7"), safe_name(".."), safe_name("a.npz")
    ('CT%2Fs%207', '%2E%2E', 'a%2Enpz')
    """
    name = quote(identity, safe="")
    if name.startswith(".") or name.lower().endswith(_ENDINGS):
        name = name.replace(".", "%2E")
    if not name or len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 20]}~{sha256(identity.encode())[:16]}"
    return name


def request_hash(request: Request) -> str:
    """SHA-256 of everything that is told of a request, arrays included."""
    digest = hashlib.sha256(canonical_json(_described(request)))
    for observation in request.observations:
        for array in (observation.value, observation.mask):
            whole = np.ascontiguousarray(array)
            digest.update(whole.astype(whole.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()


def write_requests(folder: Path, requests: Iterable[Request]) -> None:
    """Write a folder of requests, instead of any that is there, and make it read-only.

    Raises:
        OSError: when the disk refuses.
    """
    remove(folder)
    folder.mkdir(parents=True)
    described = []
    for request in requests:
        place = folder / safe_name(request.case_id)
        place.mkdir()
        for observation, names in zip(request.observations, _files(request), strict=True):
            _write_observation(place, observation, names, request.grid)
        described.append(_described(request))
    _write_json(folder / REQUESTS, {"format": FORMAT, "cases": described})
    _protect(folder)


def write_training(folder: Path, data: TrainingData) -> None:
    """Write the training split: ``training.json`` and one ``.npz`` an example, an array a part, in stored types.

    Raises:
        OSError: when the disk refuses.
    """
    remove(folder)
    folder.mkdir(parents=True)
    examples = []
    for index in range(len(data)):
        name = f"{index:06d}.npz"
        parts = {part: spaces.to_stored(data.part(index, part), space) for part, space in data.spaces.items()}
        (folder / name).write_bytes(packed(parts))
        examples.append(
            {
                "id": data.ids[index],
                "subject": data.subjects[index],
                "category": data.categories[index],
                "origin": data.origins[index],
                "texts": list(data.texts[index]),
                "grid": dataclasses.asdict(data.grid(index)) if isinstance(data, KnowsGrids) else None,
                "annotated": _annotated(data, index),
                "file": name,
            }
        )
    told = {name: _space(space) for name, space in data.spaces.items()}
    whole = {"format": TRAINING_FORMAT, "revision": data.revision, "spaces": told, "examples": examples}
    _write_json(folder / TRAINING, whole)  # last: it is there when everything is
    _protect(folder)


def _annotated(data: TrainingData, index: int) -> list[str] | None:
    """Names of the labels that somebody looked for; None where all were."""
    labels = [space.names for space in data.spaces.values() if space.kind == "labels"]
    if len(labels) != 1 or not isinstance(data, PartlyAnnotated):
        return None
    return [name for name, told in zip(labels[0], data.annotated(index), strict=True) if told]


def packed(arrays: Mapping[str, Array]) -> bytes:
    """An ``.npz`` of some arrays, always the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", date_time=_ZIP_EPOCH)  # numpy would stamp the current time
            member.create_system, member.external_attr = 3, 0o600 << 16
            encoded = io.BytesIO()
            np.lib.format.write_array(encoded, np.asarray(array, order="C"), allow_pickle=False)
            writer.writestr(member, encoded.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=1)
    return archive.getvalue()


def remove(folder: Path) -> None:
    """Remove a folder of ours, read-only or not, or whatever is in its place; a link is not followed."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


def _described(request: Request) -> dict[str, Any]:
    observed = zip(request.observations, _files(request), strict=True)
    outputs = {
        name: _space(space) | {"shape": list(spaces.shape_of(space, request.grid))}
        for name, space in request.outputs.items()
    }
    return {
        "id": request.case_id,
        "folder": safe_name(request.case_id),
        "category": request.category,
        "text": request.text,
        "seed": request.seed,
        "grid": None if request.grid is None else dataclasses.asdict(request.grid),
        "observations": [
            {
                "part": observation.part,
                "operator": observation.operator.declared(),
                "exact": observation.exact,
                "empty": observation.empty,
                "space": _space(observation.space),
                "parameters": observation.parameters,
                "shape": list(observation.value.shape),
                **names,
            }
            for observation, names in observed
        ],
        "outputs": outputs,
    }


def _space(space: Space) -> dict[str, Any]:
    return dataclasses.asdict(space)


def _files(request: Request) -> list[dict[str, str]]:
    """Format and file names of every observation, relative to the folder of the case."""
    told = []
    for index, observation in enumerate(request.observations):
        stem = f"{index}-{safe_name(observation.part)}"
        if fills_affine_grid(observation.value.shape, observation.space, request.grid):
            told.append({"format": "nifti", "value": f"{stem}.nii.gz", "mask": f"{stem}.mask.nii.gz"})
        else:
            told.append({"format": "npz", "value": f"{stem}.npz", "mask": f"{stem}.npz"})
    return told


def fills_affine_grid(shape: tuple[int | None, ...], space: Space, grid: Grid | None) -> bool:
    """Whether an array is an image or labels on all voxels of a grid that has an affine: what NIfTI is for."""
    if space.kind not in ("image", "labels") or grid is None or grid.affine is None or len(grid.shape) != 3:
        return False
    return shape[-3:] == grid.shape and len(shape) in (3, 4)


def _write_observation(place: Path, observation: Observation, names: Mapping[str, str], grid: Grid | None) -> None:
    if names["format"] == "npz":
        (place / names["value"]).write_bytes(packed({"value": observation.value, "mask": observation.mask}))
        return
    import nibabel

    affine = np.array(grid.affine if grid is not None else None, dtype=np.float64)
    for name, array in ((names["value"], observation.value), (names["mask"], observation.mask.astype(np.uint8))):
        channels_last = np.moveaxis(array, 0, -1) if array.ndim == 4 else array
        kind = np.int32 if channels_last.dtype == np.int64 else channels_last.dtype  # NIfTI readers dislike int64
        nibabel.Nifti1Image(channels_last.astype(kind), affine).to_filename(place / name)  # type: ignore[no-untyped-call]


def _write_json(path: Path, value: object) -> None:
    with replacing(path) as stream:
        stream.write(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def _protect(folder: Path) -> None:
    """Against accidents; a program of the same user could undo it, and all that is read again is ours in memory."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)
