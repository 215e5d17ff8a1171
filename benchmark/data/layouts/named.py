"""The named real data sets: which layout, which structures, which grid, which split."""

from __future__ import annotations

import dataclasses
import hashlib
import tarfile
import tempfile
from pathlib import Path

from benchmark.data.layouts.decathlon import paired, read_decathlon
from benchmark.data.layouts.openkbp import FIVE, read_openkbp
from benchmark.data.layouts.sts import read_sts
from benchmark.data.volumes.prepare import Progress, Wanted, prepare
from benchmark.data.volumes.prepared import Modality
from benchmark.data.volumes.record import Layout
from benchmark.errors import DataError

HIPPOCAMPUS = Wanted(shape=(48, 64, 48), spacing=(1.0, 1.0, 1.0), tolerance_mm=1.0)
"""Padded or cropped, never interpolated: all voxels are 1 mm."""
HIPPOCAMPUS_SPLIT = (200, 20)
"""Cases for training and validation by the number in their names; the rest, 40 of 260, is the test split."""
HIPPOCAMPUS_URL = "https://msd-for-monai.s3-us-west-2.amazonaws.com/Task04_Hippocampus.tar"
HIPPOCAMPUS_MD5 = "9d24dba78a72977dbd1d2e110310f31b"
OPENKBP = Wanted(shape=(64, 72, 96), spacing=(4.0, 4.0, 4.0), tolerance_mm=4.0, structures=FIVE, outside=0.0)
"""Holds every voxel of the five organs of the 60 patients that were looked at; shoulders are cut."""
STS = Wanted(shape=(64, 64, 64), spacing=(4.0, 4.0, 4.0), tolerance_mm=4.0)


def hippocampus_layout(root: Path) -> Layout:
    """The Decathlon's Task04 from its own folder, or from ``images`` and ``labels`` alone; split by file number."""
    if (root / "dataset.json").is_file():
        layout = read_decathlon(root)
        records = list(layout.records)
    else:
        records = paired(root, ("images", "labels"), "mri", {0: 0, 1: 1, 2: 2})
    records.sort(key=lambda record: int("".join(filter(str.isdigit, record.id)) or 0))
    train, validation = HIPPOCAMPUS_SPLIT
    names = ["train"] * train + ["validation"] * validation + ["test"] * max(0, len(records) - train - validation)
    return Layout(
        name="hippocampus",
        title="Hippocampus in MR (Decathlon Task04); several volumes may be of one person",
        licence="CC-BY-SA-4.0",
        structures=("anterior", "posterior"),
        modalities=(Modality("mri", "", None),),
        records=[dataclasses.replace(each, split=split, text="MR of a hippocampus")
                 for each, split in zip(records, names, strict=False)],
        source={"layout": "decathlon", "url": HIPPOCAMPUS_URL, "md5": HIPPOCAMPUS_MD5},
    )  # fmt: skip


def build_hippocampus(raw: Path, folder: Path, progress: Progress = lambda *_: None) -> None:
    """Prepare the set from ``raw``, downloading the archive (28 MB) into it first if there is nothing.

    Raises:
        DataError: if it cannot be had, is not what it should be, or cannot be read.
    """
    if not any((raw / name).is_dir() for name in ("imagesTr", "images")):
        progress("downloading", 0, 1)
        _download(raw)
        progress("downloading", 1, 1)
    prepare(hippocampus_layout(raw), HIPPOCAMPUS, folder, progress)


def build_openkbp(raw: Path, folder: Path, progress: Progress = lambda *_: None) -> None:
    """Prepare the five organs from ``raw``, which somebody has put there.

    Raises:
        DataError: if it is not there, or cannot be read.
    """
    _needs(raw, "github.com/ababier/open-kbp (provided-data)")
    prepare(read_openkbp(raw), OPENKBP, folder, progress)


def build_sts(raw: Path, folder: Path, progress: Progress = lambda *_: None) -> None:
    """Prepare the three patients from ``raw``.

    Raises:
        DataError: if it is not there, or cannot be read.
    """
    _needs(raw, "The Cancer Imaging Archive (Soft-tissue-Sarcoma)")
    prepare(read_sts(raw), STS, folder, progress)


def _needs(raw: Path, where: str) -> None:
    if not raw.is_dir():
        raise DataError(f"its files are not in {raw}; get them from {where} and put them, or a link to them, there")


def _download(raw: Path) -> None:
    import httpx2 as httpx

    raw.mkdir(parents=True, exist_ok=True)
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with tempfile.TemporaryFile(dir=raw) as archive:
            with httpx.stream("GET", HIPPOCAMPUS_URL, follow_redirects=True, timeout=60) as response:
                response.raise_for_status()
                for chunk in response.iter_bytes():
                    digest.update(chunk)
                    archive.write(chunk)
            if digest.hexdigest() != HIPPOCAMPUS_MD5:
                raise DataError(f"{HIPPOCAMPUS_URL} has md5 {digest.hexdigest()}, expected {HIPPOCAMPUS_MD5}")
            archive.seek(0)
            with tarfile.open(fileobj=archive) as files:
                members = [member for member in files.getmembers() if member.isfile() and "/" in member.name]
                for member in members:
                    member.name = member.name.partition("/")[2]
                files.extractall(raw, members, filter="data")  # noqa: S202 - checked by its md5, and filtered
    except (httpx.HTTPError, OSError, tarfile.TarError) as error:
        raise DataError(f"cannot download {HIPPOCAMPUS_URL}: {error}. Or put the files of Task04 in {raw}") from error
