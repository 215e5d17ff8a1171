"""What methods may learn from: images, labels and distances of the training cases of a task."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmark.contract import Array, Grid, Space
from benchmark.data.volumes.distances import distances_of_labels
from benchmark.data.volumes.prepared import Facts, Modality, VolumeSet, open_volumes
from benchmark.tasks.segmentation.cases import imaged
from benchmark.tasks.segmentation.shots import few
from benchmark.tasks.segmentation.spaces import distance_space, image_space, label_space
from benchmark.tasks.segmentation.tasks import IMAGE, LABELS, SDF, SegmentationTask


class SegmentationTrainingData:
    """Images with labels to learn from (implements `benchmark.contract.TrainingData`).

    The parts are ``image`` (X, Y, Z) float32 in the unit of its modality, ``labels`` (X, Y, Z) uint8, and ``sdf``
    (structures, X, Y, Z) float32 in the published form. A structure that is not `annotated` is background in
    ``labels`` and absent in ``sdf`` though it may well be there: mask its loss.
    """

    def __init__(self, folder: Path, split: str, task: SegmentationTask | None = None, seed: int = 0) -> None:
        """Open a split as a task has it.

        Args:
            folder: of the data set.
            split: "train", "validation" or "test". Few shots are of "train" only; others are whole.
            task: None is all cases in the first modality.
            seed: which few cases.

        Raises:
            DataError: if the folder holds no images with labels, or lacks the split or the modality.
        """
        self._volumes = open_volumes(folder)
        self.described: VolumeSet = self._volumes.described
        self.modality: Modality = self.described.modality(task.trained_on if task else "")
        facts: Sequence[Facts] = imaged(self._volumes, split, self.modality.name)
        if task is not None and task.shots and split == "train":
            facts = few(facts, task.shots, self.described.name, seed)
        self.facts: Sequence[Facts] = facts
        self.ids: Sequence[str] = [each.id for each in facts]
        self.subjects: Sequence[str] = [each.subject for each in facts]
        self.categories: Sequence[str] = [self.described.name] * len(facts)
        self.origins: Sequence[str] = [each.origin for each in facts]
        self.texts: Sequence[Sequence[str]] = [[each.text] for each in facts]
        self.spaces: Mapping[str, Space] = {
            IMAGE: image_space(self.modality),
            LABELS: label_space(self.described),
            SDF: distance_space(self.described),
        }
        first = self.modality.name == self.described.modalities[0].name
        self._everything = first and not (task and task.shots)

    @cached_property
    def revision(self) -> str:
        """That of the data set; of a part of it (few cases, another modality) a hash that says which."""
        if self._everything:
            return self._volumes.revision
        text = "\0".join([self._volumes.revision, self.modality.name, *self.ids])
        return hashlib.sha256(text.encode()).hexdigest()

    def __len__(self) -> int:
        """Number of cases."""
        return len(self.ids)

    def part(self, index: int, name: str) -> Array:
        """One part of one case, the caller's own.

        Raises:
            KeyError: for another name.
        """
        if name == IMAGE:
            return self._volumes.image(self.ids[index], self.modality.name)
        labels = self._volumes.labels(self.ids[index])
        if name == LABELS:
            return labels
        if name == SDF:
            return distances_of_labels(labels, len(self.described.structures))
        raise KeyError(name)

    def grid(self, index: int) -> Grid:
        """The voxels of one case."""
        return self.facts[index].grid

    def annotated(self, index: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(structures,) bool: which of them somebody looked for in one case."""
        return np.array([name in self.facts[index].annotated for name in self.described.structures])
