"""From an official layout to a prepared set: every case on the task's grid, its original labels kept for scoring."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.contract import Array
from benchmark.data.volumes.geometry import check_same_grid, task_grid
from benchmark.data.volumes.prepared import Facts, VolumeSet
from benchmark.data.volumes.record import Layout, VolumeRecord
from benchmark.data.volumes.resampling import image_onto, labels_onto
from benchmark.data.volumes.writing import PreparedCase, write_volume_set
from benchmark.errors import DataError
from medshape_text.curate.split import split_subjects

Progress = Callable[[str, int, int], None]
_LOG = logging.getLogger("genmed_bench.data")
_SPLIT_RULE = "volumes-v1"


@dataclass(frozen=True)
class Wanted:
    """How a layout is prepared.

    Attributes:
        shape: voxels of the task's grid.
        spacing: mm of its voxels; None is cubes just large enough for each image.
        tolerance_mm: of the normalised surface Dice.
        structures: of the layout's, in the order wanted; None is all.
        outside: value beyond the image; None is its smallest.
    """

    shape: tuple[int, int, int] = (64, 64, 64)
    spacing: tuple[float, float, float] | None = None
    tolerance_mm: float = 2.0
    structures: tuple[str, ...] | None = None
    outside: float | None = None


def prepare(layout: Layout, wanted: Wanted, folder: Path, progress: Progress = lambda *_: None) -> None:
    """Write a prepared set; cases without labels are left out.

    Layouts without a split get one: a fifth of the subjects is the test split, a tenth validation, by hash.

    Raises:
        DataError: if something is wrong with a case, or a structure is asked for that the layout has not.
        OSError: if the disk refuses.
    """
    structures = wanted.structures or layout.structures
    if unknown := [name for name in structures if name not in layout.structures]:
        raise DataError(f"{layout.name} has no structure {unknown[0]!r}; it has {', '.join(layout.structures)}")
    records = [record for record in layout.records if record.labels is not None]
    if not records:
        raise DataError(f"{layout.name} has no case with labels")
    described = VolumeSet(
        name=layout.name,
        title=layout.title,
        structures=tuple(structures),
        modalities=layout.modalities,
        shape=wanted.shape,
        tolerance_mm=wanted.tolerance_mm,
        licence=layout.licence,
        source=dict(layout.source),
    )
    write_volume_set(described, _cases(layout, records, described, wanted, progress), folder)


def splits_of(records: Sequence[VolumeRecord]) -> dict[str, str]:
    """Split of every case: the layout's where it has one for all of them, else by subject."""
    if all(record.split for record in records):
        return {record.id: record.split for record in records}
    subjects = sorted({record.subject for record in records})
    test, validation = max(1, len(subjects) // 5), max(1, len(subjects) // 10)
    try:
        by_subject = split_subjects(subjects, rule=_SPLIT_RULE, test=test, validation=validation)
    except ValueError as error:
        raise DataError(f"too few subjects to split: {error}") from error
    return {record.id: by_subject[record.subject] for record in records}


def _cases(
    layout: Layout, records: Sequence[VolumeRecord], described: VolumeSet, wanted: Wanted, progress: Progress
) -> Iterator[PreparedCase]:
    splits = splits_of(records)
    renamed = np.zeros(256, np.uint8)
    for index, name in enumerate(described.structures):
        renamed[layout.structures.index(name) + 1] = index + 1
    for done, record in enumerate(records):
        progress("preparing", done, len(records))
        yield _prepared(record, splits[record.id], layout.origin, renamed, described, wanted)
    progress("preparing", len(records), len(records))


def _prepared(
    record: VolumeRecord, split: str, origin: str, renamed: Array, described: VolumeSet, wanted: Wanted
) -> PreparedCase:
    if record.labels is None or not record.images:
        raise DataError(f"{record.id}: there is no image, or there are no labels")
    labelled = record.labels()
    original, labels = labelled.grid, renamed[labelled.values]
    images: dict[str, Array] = {}
    first = next(iter(record.images))
    grid = task_grid(original, wanted.shape, wanted.spacing)
    for name, read in record.images.items():
        image = read()
        if name == first and (note := check_same_grid(image.grid, original, record.id)):
            _LOG.warning(note)
        outside = float(image.values.min()) if wanted.outside is None else wanted.outside
        images[name] = image_onto(image.values, image.grid, grid, outside)
    annotated = described.structures if record.annotated is None else record.annotated
    same = original == grid
    facts = Facts(
        id=record.id,
        subject=record.subject,
        split=split,
        origin=origin,
        text=record.text or described.title,
        grid=grid,
        annotated=tuple(name for name in described.structures if name in annotated),
        modalities=tuple(images),
        original=None if same else original,
    )
    there = labels_onto(labels, original, grid, len(described.structures))
    return PreparedCase(facts, images, there, None if same else labels)
