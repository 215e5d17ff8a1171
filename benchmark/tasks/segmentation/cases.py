"""The images of a data set as cases: every one of a split that has the modality, seen as the task has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.contract import Case, Grid, Space
from benchmark.data.volumes.prepared import Facts, PreparedVolumes, open_volumes
from benchmark.errors import DataError
from benchmark.tasks.family import Group
from benchmark.tasks.segmentation.spaces import image_space, label_space
from benchmark.tasks.segmentation.tasks import LABELS, SegmentationTask
from medshape_text.seeds import seed_for


@dataclass(frozen=True, eq=False)
class SegmentationCase(Case):
    """A case with what scoring it takes.

    Attributes:
        annotated: structures that are scored; nobody looked for the others.
        structures: of the data set, in the order of the labels.
        scored_on: the grid the labels came on.
        scored_labels: (I, J, K) uint8 on it.
        tolerance_mm: of the normalised surface Dice.
    """

    annotated: tuple[str, ...]
    structures: tuple[str, ...]
    scored_on: Grid
    scored_labels: NDArray[np.uint8]
    tolerance_mm: float


@dataclass(frozen=True, eq=False)
class SegmentationCases:
    """One split of a set of images with labels; opened by `open_cases`."""

    volumes: PreparedVolumes
    task: SegmentationTask
    split: str

    @property
    def revision(self) -> str:
        """Of the data set."""
        return self.volumes.revision

    @property
    def manifest_sha256(self) -> str:
        """Hash of its manifest."""
        return self.volumes.manifest_sha256

    @property
    def outputs(self) -> Mapping[str, Space]:
        """Labels of the structures of this data set."""
        return {LABELS: label_space(self.volumes.described)}

    @cached_property
    def groups(self) -> Sequence[Group]:
        """Every case is a group of its own, in the order of the data set."""
        return [Group(case_id, (case_id,)) for case_id in self._facts]

    def case(self, case_id: str) -> SegmentationCase:
        """One image as the task shows it. Its noise depends on the case and the task only, not on a run's seed."""
        from benchmark.tasks.segmentation.degradations import observe  # brings torch, which listing does not need

        facts, described = self._facts[case_id], self.volumes.described
        modality = described.modality(self.task.modality)
        image = self.volumes.image(case_id, modality.name)
        seed = seed_for(case_id, f"observation/{self.task.observed}/{modality.name}")
        return SegmentationCase(
            id=case_id,
            subject=facts.subject,
            category=described.name,
            origin=facts.origin,
            text=facts.text,
            grid=facts.grid,
            observations=(observe(self.task.observed, image, image_space(modality), seed),),
            truth={LABELS: self.volumes.labels(case_id)},
            annotated=facts.annotated,
            structures=described.structures,
            scored_on=facts.scored_on,
            scored_labels=self.volumes.original_labels(case_id),
            tolerance_mm=described.tolerance_mm,
        )

    @cached_property
    def _facts(self) -> dict[str, Facts]:
        return {facts.id: facts for facts in imaged(self.volumes, self.split, self.task.modality)}


def imaged(volumes: PreparedVolumes, split: str, modality: str) -> list[Facts]:
    """The cases of a split that have an image of a modality.

    Raises:
        DataError: if there are none.
    """
    name = volumes.described.modality(modality).name
    found = [facts for facts in volumes.split(split) if name in facts.modalities]
    if not found:
        raise DataError(f"no case of split {split!r} of {volumes.folder} has an image of modality {name!r}")
    return found


def open_cases(folder: Path, split: str, task: SegmentationTask) -> SegmentationCases:
    """Open a split.

    Raises:
        DataError: if the folder holds no images with labels, has no such split, or lacks the modality of the task.
    """
    volumes = open_volumes(folder)
    volumes.described.modality(task.modality)
    if task.trained_on:
        volumes.described.modality(task.trained_on)
    return SegmentationCases(volumes, task, split)
