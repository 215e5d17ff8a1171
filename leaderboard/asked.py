"""What a task asks for on one split of a data set: its cases in their groups, and what an answer to each may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmark.contract import Case, Grid, Space
from benchmark.metrics.base import Metric
from benchmark.spaces import most_bytes
from benchmark.tasks import CaseSource, Family, Group, Task, family_of, outputs_of


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
