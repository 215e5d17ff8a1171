"""What every command shares: errors as one message, the progress display, and handing over to the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmark.errors import BenchError
from medshape_text.console import make_console


@contextmanager
def errors_reported() -> Iterator[None]:
    """Print errors a person can act on as one line and leave with their exit code; others keep their traceback."""
    console = make_console(stderr=True)
    try:
        yield
    except BenchError as error:
        console.print("[red]error:[/red]", end=" ")
        console.print(str(error), soft_wrap=True, highlight=False, markup=False)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        raise typer.Exit(130) from None


def check_names(method: str, task: str | None = None) -> None:
    """Refuse a misspelt name at once, before the seconds that importing torch takes."""
    from benchmark.methods import find_method
    from benchmark.tasks import find_task

    if task is not None:
        find_task(task)
    find_method(method)


class Steps:
    """A progress display with one bar a step; call it with a step, how much is done and how much there is."""

    def __init__(self, bars: Progress) -> None:
        """Show steps on ``bars``."""
        self._bars = bars
        self._steps: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` of a step is done."""
        if step not in self._steps:
            self._steps[step] = self._bars.add_task(step, total=total)
        # The total, too: a command that died on one of its cases is asked again, for fewer.
        self._bars.update(self._steps[step], completed=done, total=total)


def progress_bars(only_live: bool = False) -> Progress:
    """Bars on standard error, so that tables on standard output can be piped; ``only_live``: not into files."""
    console = make_console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=only_live and not console.is_terminal)


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write figures for machines, if asked to."""
    if path is not None:
        from benchmark.records.files import write_whole

        write_whole(path, json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def build(runs: list[Path], data: str, output: Path, cases: list[str] | None, limit_cases: int) -> None:
    """Build the HTML report of runs."""
    from benchmark.data.catalogue import resolve
    from benchmark.records import load_run
    from benchmark.report.build import build_report

    for path in runs:
        load_run(path)  # a folder that is no run is refused before anything is drawn
    build_report(runs, resolve(data), output, cases, limit_cases)
    make_console(stderr=True).print(f"report: {output}", soft_wrap=True, highlight=False)
