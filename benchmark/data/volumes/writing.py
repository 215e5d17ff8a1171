"""Writing a prepared set of images and labels: the folder is whole or absent, and the same bytes for the same arrays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock

from benchmark.contract import Array
from benchmark.data.volumes.prepared import KIND, RUN_LENGTHS, RUN_VALUES, Facts, Labels, VolumeSet, to_json, to_runs
from benchmark.errors import DataError
from medshape_text import manifest
from medshape_text.files import replacing, sync
from medshape_text.hashing import file_sha256


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """A case on its task grid: images by modality, labels, and the original labels where the grid is another one."""

    facts: Facts
    images: Mapping[str, Array]
    labels: Labels
    original_labels: Labels | None = None


def write_volume_set(described: VolumeSet, cases: Iterable[PreparedCase], folder: Path) -> None:
    """Write a set. If the folder is there already, nothing happens; a process that is writing it is waited for.

    Raises:
        DataError: if an array is not of the set's shape, or a case is given twice.
        OSError: if the disk refuses.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if (folder / manifest.MANIFEST).exists():
            return
        building = folder.with_name(f".{folder.name}.building")
        shutil.rmtree(building, ignore_errors=True)
        (building / "cases").mkdir(parents=True)
        facts: list[Facts] = []
        files: dict[str, dict[str, object]] = {}
        for case in cases:
            name = f"cases/{case.facts.id}.npz"
            if name in files:
                raise DataError(f"the case {case.facts.id!r} is there twice")
            _write_case(described, case, building / name)
            files[name] = {"sha256": file_sha256(building / name), "bytes": (building / name).stat().st_size}
            facts.append(case.facts)
        _write_manifest(described, facts, files, building)
        sync(building / "cases")
        sync(building)
        building.rename(folder)
        sync(folder.parent)


def _write_case(described: VolumeSet, case: PreparedCase, path: Path) -> None:
    arrays: dict[str, Array] = {f"image_{name}": image for name, image in case.images.items()}
    arrays["labels"] = case.labels
    for name, array in arrays.items():
        if array.shape != described.shape:
            raise DataError(f"{name} of {case.facts.id} has shape {array.shape}, the set {described.shape}")
    if case.original_labels is not None:
        arrays[RUN_VALUES], arrays[RUN_LENGTHS] = to_runs(case.original_labels)
    with replacing(path) as stream:
        np.savez(stream, allow_pickle=False, **{name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _write_manifest(
    described: VolumeSet, facts: list[Facts], files: Mapping[str, Mapping[str, object]], folder: Path
) -> None:
    content: dict[str, object] = {
        "schema_version": manifest.SCHEMA_VERSION,
        "kind": KIND,
        "builder": {"package": manifest.PACKAGE, "version": manifest.release()},
        "set": to_json(described),
        "cases": [to_json(case) for case in facts],
        "files": dict(files),
    }
    content = json.loads(json.dumps(content))  # tuples become lists, as whoever reads it sees them
    content["revision"] = manifest.revision(content)
    with replacing(folder / manifest.MANIFEST) as stream:
        stream.write(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n")
