"""What the commands share: bars, errors that are one line, how many shapes may fail, and where things are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class Tolerance:
    """At most ``number`` shapes, or that percentage of all if ``percent``."""

    number: Decimal
    percent: bool

    def exceeded(self, failed: int, total: int) -> bool:
        """Whether that many of so many are too many; 0.57 % of 10,000 are 57, which is one too few in binary."""
        return failed * 100 > self.number * total if self.percent else failed > self.number

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.number}{'%' if self.percent else ''}"


def parse_tolerance(text: str) -> Tolerance:
    """Read "25" or "2.5%".

    >>> parse_tolerance("2.5%").exceeded(26, 1000)
    True

    Raises:
        ValueError: if it is neither.
    """
    percent = text.strip().endswith("%")
    digits = text.strip().removesuffix("%")
    try:
        number = Decimal(digits) if percent else Decimal(int(digits))
    except (ValueError, InvalidOperation):
        raise ValueError(f"{text!r} is neither a number of shapes nor a share such as 5%") from None
    if number.is_nan() or number < 0 or (percent and number > 100):
        raise ValueError(f"{text!r} is out of range")
    return Tolerance(number, percent)


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/genmed-bench``, by default ``~/.cache/genmed-bench``: the platform's place, not an option."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "genmed-bench"


def beside(folder: Path, ending: str) -> Path:
    """Where something about the folder goes: next to it, under its name and an ending; ``..`` has a name, too."""
    place = folder.absolute()
    place = place.resolve() if place.name in ("", "..") else place
    return place.parent / f"{place.name}{ending}"
