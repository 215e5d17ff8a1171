"""Task families and their tasks by name, found through the entry-point group ``genmed_bench.families``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import MethodError, UsageError
from benchmark.metrics.base import Metric, unknown_metric
from benchmark.names import unknown
from benchmark.tasks.family import (
    AsksForItsOwn,
    CaseSource,
    Draws,
    Family,
    Group,
    Task,
    TellsCopies,
    TrainsByTask,
    Weighs,
)

if TYPE_CHECKING:
    from benchmark.contract import Space, TrainingData

GROUP = "genmed_bench.families"

__all__ = [
    "AsksForItsOwn",
    "CaseSource",
    "Draws",
    "Family",
    "Group",
    "Task",
    "TellsCopies",
    "TrainsByTask",
    "Weighs",
    "families",
    "family_of",
    "find_family",
    "find_metric",
    "find_task",
    "metric_order",
    "outputs_of",
    "tasks",
    "training_for",
]


def families() -> dict[str, Family]:
    """All installed families by name, sorted.

    Raises:
        MethodError: if one does not import, or two packages declare one name.
    """
    points = {(point.name, point.value): point for point in entry_points(group=GROUP)}
    names = [name for name, _ in points]
    for name in names:
        if names.count(name) > 1:
            raise MethodError(f"task family {name!r} is declared more than once; uninstall one of the packages")
    return {name: _load(name, value) for name, value in sorted(points)}


def find_family(name: str) -> Family:
    """A family by name.

    Raises:
        UnknownNameError: with a hint when there is none.
    """
    known = families()
    if name not in known:
        raise unknown("task family", name, known)
    return known[name]


def family_of(task: Task) -> Family:
    """The family of a task."""
    return find_family(task.family)


def tasks() -> dict[str, Task]:
    """All tasks of all families by name.

    Raises:
        UsageError: if two families have a task of one name.
    """
    found: dict[str, Task] = {}
    for family in families().values():
        for task in family.tasks:
            if task.name in found:
                raise UsageError(f"task {task.name!r} is of {found[task.name].family} and of {family.name}")
            found[task.name] = task
    return found


def find_task(name: str) -> Task:
    """A task by name.

    Raises:
        UnknownNameError: with a hint when there is none.
    """
    known = tasks()
    if name not in known:
        raise unknown("task", name, known)
    return known[name]


def outputs_of(task: Task, source: CaseSource) -> Mapping[str, Space]:
    """The parts that a task asks for on these cases: as they say, else as the family does."""
    return source.outputs if isinstance(source, AsksForItsOwn) else family_of(task).outputs(task)


def training_for(task: Task, folder: Path, split: str, seed: int = 0) -> TrainingData:
    """What methods may learn a task from: what the family has for it, or for all its tasks.

    Raises:
        DataError: if the folder is no data set the family can use, or has no such split.
    """
    family = family_of(task)
    if isinstance(family, TrainsByTask):
        return family.training_for(task, folder, split, seed)
    return family.training_data(folder, split)


def find_metric(signature: str) -> Metric:
    """The metric of a signature, from the tables of all families; one nobody has is what its signature says."""
    _, metric = _metric_table().get(signature, (0, None))
    return unknown_metric(signature) if metric is None else metric


def metric_order(signature: str) -> tuple[int, str]:
    """Where a metric stands among others: in the order of its family's table, unknown ones last."""
    table = _metric_table()
    place, _ = table.get(signature, (len(table), None))
    return place, signature


@cache
def _metric_table() -> dict[str, tuple[int, Metric]]:
    """Signature -> place and metric. Made once: tables of thousands of rows ask for every one of them."""
    table: dict[str, tuple[int, Metric]] = {}
    for family in families().values():
        for metric in family.metrics():
            table.setdefault(metric.signature, (len(table), metric))
    return table


@cache
def _load(name: str, value: str) -> Family:
    try:
        (point,) = {p for p in entry_points(group=GROUP, name=name) if p.value == value}
        family: Family = point.load()
    except (ImportError, AttributeError) as error:
        raise MethodError(f"task family {name!r} does not import: {error}") from error
    if family.name != name:
        raise MethodError(f"task family {name!r} calls itself {family.name!r}")
    return family
