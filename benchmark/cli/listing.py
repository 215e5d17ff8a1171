"""``genmed-bench list``."""

from __future__ import annotations

from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from medshape_text.console import make_console


def show(what: str) -> None:
    """Print one of the lists."""
    make_console().print(_LISTS[what]())


def _table(name: str) -> Table:
    """Two columns: the name, and everything about it, which folds and is never cut."""
    table = Table(box=SIMPLE_HEAD, show_lines=False, pad_edge=False)
    table.add_column(name, style="bold", no_wrap=True)
    table.add_column("", overflow="fold")
    return table


def _about(title: str, *facts: str) -> Text:
    return Text.assemble(title, *(("\n" + fact, "dim") for fact in facts if fact))


def _tasks() -> Table:
    from benchmark.tasks import tasks

    table = _table("task")
    for task in tasks().values():
        scored = f"{task.family}; headline {task.headline}"
        table.add_row(task.name, _about(task.description, scored, task.source))
    return table


def _methods() -> Table:
    from benchmark.errors import MethodError
    from benchmark.methods import find_method, method_names

    table = _table("method")
    for name in method_names():
        try:
            spec = find_method(name).spec
        except MethodError as error:  # one broken package must not hide the others
            table.add_row(name, Text(f"cannot be used: {error}", style="red"))
            continue
        facts = [*spec.task_families, spec.implementation, f"trained on {spec.training_data}", spec.licence]
        if spec.samples > 1:
            facts.append(f"{spec.samples} samples per case")
        if spec.sees_truth:
            facts.append("sees the truth")
        table.add_row(name, _about(spec.title, "; ".join(facts)))
    return table


def _metrics() -> Table:
    from benchmark.tasks import families

    table = _table("metric")
    for family in families().values():
        for metric in family.metrics():
            better = "higher is better" if metric.higher_is_better else "lower is better"
            about = _about(metric.description, f"{family.name}; profile {metric.profile}; {better}", metric.signature)
            table.add_row(metric.name, about)
    return table


def _datasets() -> Table:
    from benchmark.data.catalogue import DATASETS, cache_folder

    table = _table("data set")
    for info in DATASETS.values():
        folder = cache_folder() / info.folder
        state = "built" if (folder / "manifest.json").exists() else "built when first used"
        table.add_row(info.name, _about(info.description, f"{folder} ({state})"))
    return table


_LISTS: dict[str, Callable[[], Table]] = {
    "tasks": _tasks,
    "methods": _methods,
    "metrics": _metrics,
    "datasets": _datasets,
}
