"""What a task asks for on one split of a data set, and the data set itself, pinned by its revision.

A data set of ours has a manifest, which says its revision and the hash of every file. What lies in any other folder
only families know: the revision of a task's cases is then what the family says of them (`CaseSource.revision`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from benchmark.contract import Case, Grid, Space, TrainingData
from benchmark.data.rows import identity_of, read_manifest
from benchmark.errors import BenchError, DataError
from benchmark.metrics.base import Metric
from benchmark.spaces import most_bytes
from benchmark.tasks import CaseSource, Family, Group, Task, family_of, find_task, outputs_of, tasks
from medshape_text import manifest
from medshape_text.records import SPLITS

TRAINING = "train"
"""The split that methods learn from."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A task on a split; opened by `ask`."""

    family: Family
    task: Task
    source: CaseSource
    outputs: Mapping[str, Space]

    @cached_property
    def groups(self) -> list[Group]:
        """All groups in order."""
        return list(self.source.groups)

    @cached_property
    def cases(self) -> list[str]:
        """Ids of all cases in order."""
        return [case for group in self.groups for case in group.cases]

    @property
    def sets(self) -> dict[str, list[str]]:
        """Group id -> ids of its cases, of groups that are more than a case of the same id."""
        return {group.id: list(group.cases) for group in self.groups if group.cases != (group.id,)}

    @cached_property
    def grids(self) -> Mapping[str, Grid | None]:
        """The voxels of every case."""
        return {case: self.source.case(case).grid for case in self.cases}

    @cached_property
    def part_bytes(self) -> dict[str, int]:
        """Part -> the most that it takes on disk, of any case."""
        grids = set(self.grids.values())
        return {name: max(most_bytes(space, grid) for grid in grids) for name, space in self.outputs.items()}

    def members(self, group: Group) -> list[Case]:
        """The cases of a group, with their truth."""
        return [self.source.case(case) for case in group.cases]

    def headline(self, signatures: set[str]) -> Metric | None:
        """The metric that the task is compared by, under the first of its signatures that is among these."""
        metrics = self.family.metrics(self.task)
        return next((m for m in metrics if m.name == self.task.headline and m.signature in signatures), None)


def ask(task: Task, folder: Path, split: str) -> Asked:
    """Open a task's cases.

    Raises:
        BenchError: if the data set has no such split, or none that the family of the task can use.
    """
    family = family_of(task)
    source = family.cases(task, folder, split)
    asked = Asked(family, task, source, outputs_of(task, source))
    _ = asked.groups  # families open a split when it is first looked at
    return asked


class About(NamedTuple):
    """What a submission is about: task, split and revision of the data."""

    task: str
    split: str
    revision: str


@dataclass(eq=False)
class Truth:
    """A data set that trusted code scores on; opened by `open_truth`. ``identity`` is None where families say it."""

    folder: Path
    identity: tuple[str, str] | None

    def identity_of(self, task: str, split: str) -> tuple[str, str]:
        """Revision of the cases of a task, and hash of the manifest; empty texts where there are none."""
        if self.identity is not None:
            return self.identity
        try:
            source = self.asked(find_task(task), split).source
        except BenchError:
            return "", ""
        return source.revision, source.manifest_sha256

    def has(self, about: About) -> bool:
        """Whether something is about the data here."""
        return bool(about.revision) and self.identity_of(about.task, about.split)[0] == about.revision

    def asked(self, task: Task, split: str) -> Asked:
        """The cases of a task on a split.

        Raises:
            BenchError: if the data set has no such split, or none that the family of the task can use.
        """
        key = task.name, split
        if key not in self._asked:
            self._asked[key] = ask(task, self.folder, split)
        return self._asked[key]

    def split_of(self, task: Task, case: str) -> str | None:
        """The split in which a task has a case, or None."""
        for split in SPLITS:
            try:
                if case in self.asked(task, split).cases:
                    return split
            except BenchError:
                continue
        return None

    def training(self, task: Task) -> TrainingData | None:
        """What methods may learn the task from; None if the data set has nothing."""
        if task.family not in self._training:
            try:
                self._training[task.family] = family_of(task).training_data(self.folder, TRAINING)
            except DataError:
                self._training[task.family] = None
        return self._training[task.family]

    @cached_property
    def _asked(self) -> dict[tuple[str, str], Asked]:
        return {}

    @cached_property
    def _training(self) -> dict[str, TrainingData | None]:
        return {}


def open_truth(folder: Path, *, checked: bool = True) -> Truth:
    """Open a data set; ``checked``: read every file that its manifest lists once to compare its hash.

    Raises:
        DataError: if it has no manifest of this schema version and no family finds cases in it, or a file is missing or
            differs.
    """
    try:
        truth = Truth(folder, identity_of(folder))
    except DataError:
        truth = Truth(folder, None)
        if not any(all(truth.identity_of(task, split)) for task in tasks() for split in SPLITS):
            raise
        return truth
    wrong = manifest.verify(folder) if checked else ()
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise DataError(f"{folder / wrong[0]} differs from the manifest{more}; nothing can be verified with it")
    return truth


def data_name(folder: Path) -> str:
    """What a data set is called: as its manifest says, else as its folder."""
    try:
        return str(read_manifest(folder)["name"])
    except DataError:
        return folder.absolute().name
