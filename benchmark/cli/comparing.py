"""``genmed-bench compare``."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmark.cli.reporting import write_json
from benchmark.cli.tables import interval, number
from benchmark.errors import UsageError
from benchmark.metrics.base import Signature
from benchmark.records import load_run
from benchmark.statistics import Comparison
from benchmark.statistics import compare as compare_runs
from medshape_text.console import make_console


def compare(paths: list[Path], json_path: Path | None) -> None:
    """Print the paired differences of the first run to every other one."""
    if len(paths) < 2:
        raise UsageError("compare needs at least two run folders")
    first, *others = [load_run(path) for path in paths]
    comparisons = [(other, compare_runs(first, other)) for other in others]
    console = make_console()
    for other, results in comparisons:
        title = f"{first.method} minus {other.method} on {first.task}"
        if first.method == other.method:
            title = f"{first.path} minus {other.path}"
        console.print(_table(title, results))
    figures = [
        {
            "runs": [str(first.path), str(other.path)],
            "separated": result.separated,
            **dataclasses.asdict(result),
        }
        for other, results in comparisons
        for result in results
    ]
    write_json(json_path, {"task": first.task, "comparisons": figures})


def _table(title: str, results: list[Comparison]) -> Table:
    table = Table(title=title, caption="class-macro difference, paired bootstrap over subjects", box=SIMPLE_HEAD)
    table.add_column("metric", no_wrap=True)
    for column in ("difference", "95 % interval", "excludes 0", "cases"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        table.add_row(
            Signature(result.signature).label,
            number(result.difference.value),
            interval(result.difference),
            "yes" if result.separated else "no",
            str(result.cases),
        )
    return table
