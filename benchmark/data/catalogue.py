"""Data sets by name, and where they lie; the ones that can be built are built when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmark.cores import available_cores, threads
from benchmark.errors import DataError
from benchmark.names import unknown

Progress = Callable[[str, int, int], None]
"""Told a step, how much of it is done and how much there is."""


@dataclass(frozen=True)
class DatasetInfo:
    """A data set people can ask for by name."""

    name: str
    folder: str
    description: str


DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo(
            "mini",
            "mini-v1",
            "7 bones of 26 real adults (musculoskeletal-models, MPL-2.0) and synthetic training shapes",
        ),
        DatasetInfo(
            "hips",
            "hips-v1",
            "images rendered from 4 bones of the same 26 adults, CT-like and MR-like, 64^3 at 5 mm (origin: rendered)",
        ),
        DatasetInfo(
            "hippocampus",
            "hippocampus-v1",
            "260 real MR of one hippocampus each, 2 parts (Decathlon Task04, CC BY-SA 4.0), 48 x 64 x 48 at 1 mm",
        ),
        DatasetInfo(
            "openkbp",
            "openkbp-v1",
            "real head-and-neck CT, 5 organs (OpenKBP, MIT), 64 x 72 x 96 at 4 mm, from files you have in the cache's raw/openkbp",
        ),
        DatasetInfo(
            "sts",
            "sts-v1",
            "3 patients in CT, MR and PET, one tumour: a smoke test, never ranked; files in the cache's raw/sts",
        ),
    )
}

MINI_SYNTHETIC = 64
"""Synthetic training shapes per category; the default of ``medshape-build``, so that both build the same data."""

_MOST_WORKERS = 4
"""Processes that build it; each takes up to half a gigabyte, and the result does not depend on how many there are."""


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/genmed-bench``, by default ``~/.cache/genmed-bench``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "genmed-bench"


def raw_folder(name: str) -> Path:
    """Where the original files of a data set are looked for: a folder, or a link to one."""
    return cache_folder() / "raw" / name


def resolve(name: str, progress: Progress = lambda *_: None) -> Path:
    """The folder of a data set: a folder as it is, a name from the catalogue in the cache, built when absent.

    Raises:
        UnknownNameError: if it is neither a folder nor a name.
        DataError: if building it fails; the message says what to do.
    """
    if name in DATASETS:
        folder = cache_folder() / DATASETS[name].folder
        if not (folder / "manifest.json").exists():
            _build(name, folder, progress)
        return folder
    if Path(name).is_dir():
        return Path(name)
    if os.sep in name:
        raise DataError(f"there is no folder {name}. Build one with: medshape-build --source mini --out {name}")
    raise unknown("data set (and there is no such folder)", name, DATASETS)


def _build_mini(folder: Path, progress: Progress) -> None:
    from medshape_text.build import BuildError, build
    from medshape_text.sources.shared import SourceError
    from medshape_text.sources.mini import open_mini

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        workers = threads(min(_MOST_WORKERS, available_cores()))
        build(open_mini(cache_folder() / "wheels", MINI_SYNTHETIC), folder, workers=workers, progress=progress)
    except (BuildError, SourceError, OSError) as error:
        raise DataError(f"the data set mini could not be built in {folder}: {error}") from error


def _build_hips(folder: Path, progress: Progress) -> None:
    from benchmark.data.hips import build_hips
    from medshape_text.sources.shared import SourceError

    try:
        build_hips(cache_folder() / "wheels", folder, progress)
    except (SourceError, OSError) as error:
        raise DataError(f"the data set hips could not be built in {folder}: {error}") from error


def _build_real(name: str, folder: Path, progress: Progress) -> None:
    from benchmark.data.layouts import named

    builders = {"hippocampus": named.build_hippocampus, "openkbp": named.build_openkbp, "sts": named.build_sts}
    try:
        builders[name](raw_folder(name), folder, progress)
    except (DataError, OSError) as error:
        raise DataError(f"the data set {name} could not be built in {folder}: {error}") from error


def _build(name: str, folder: Path, progress: Progress) -> None:
    if name == "mini":
        _build_mini(folder, progress)
    elif name == "hips":
        _build_hips(folder, progress)
    else:
        _build_real(name, folder, progress)
