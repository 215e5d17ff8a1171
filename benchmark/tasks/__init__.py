"""Task families and their tasks by name, found through the entry-point group ``genmed_bench.families``."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from benchmark.errors import MethodError, UsageError
from benchmark.metrics.base import Metric, unknown_metric
from benchmark.names import unknown
from benchmark.tasks.family import CaseSource, Draws, Family, Group, Task, TellsCopies, Weighs

GROUP = "genmed_bench.families"

__all__ = [
    "CaseSource",
    "Draws",
    "Family",
    "Group",
    "Task",
    "TellsCopies",
    "Weighs",
    "families",
    "family_of",
    "find_family",
    "find_metric",
    "find_task",
    "metric_order",
    "tasks",
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
