"""What the commands share: bars, and errors that are one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from medshape_text.build import Progress as Report

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


def complain(console: Console, message: str) -> None:
    """One line that begins with ``error:``; names in it may come from strangers and control no terminal."""
    from medshape_text.web.plain import plain

    console.print(Text.assemble(("error: ", "red"), plain(message)), soft_wrap=True)


@contextmanager
def one_line_errors(console: Console, *kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds, and Ctrl-C, into one line and an exit code."""
    expected: tuple[type[Exception], ...] = (*kinds, OSError)
    try:
        yield
    except expected as error:
        complain(console, str(error))
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped; run the same command to continue where it was.")
        raise typer.Exit(STOPPED) from None


@contextmanager
def bars(console: Console) -> Iterator[Report]:
    """A function that shows progress, a bar for each step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as shown:
        steps: dict[str, TaskID] = {}

        def show(step: str, done: int, total: int) -> None:
            if step not in steps:
                steps[step] = shown.add_task(step, total=total)
            shown.update(steps[step], completed=done, total=total)

        yield show
