"""``medshape-build``: make the data set."""

from __future__ import annotations

import difflib
import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})

SOURCES = ("mini",)


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/genmed-bench``, by default ``~/.cache/genmed-bench``: the platform's place, not an option."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "genmed-bench"


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Folder to write; must not hold anything else.", show_default=False)],
    source: Annotated[str, typer.Option(help=f"Where shapes come from: {', '.join(SOURCES)}.")] = "mini",
    synthetic: Annotated[int, typer.Option(min=0, help="Synthetic training shapes per category.")] = 64,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 1,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for downloads [default: ~/.cache/genmed-bench].", show_default=False)
    ] = None,
) -> None:
    """Build a data set of anatomical shapes with text: Parquet, loadable with datasets.load_dataset.

    Stopped at any moment, the same command continues and gives the same bytes.
    """
    console = Console(stderr=True)
    if source not in SOURCES:
        close = difflib.get_close_matches(source, SOURCES, 1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        _complain(console, f"unknown source {source!r}; there are {', '.join(SOURCES)}.{hint}")
        raise typer.Exit(2)
    # Imported here so that --help answers at once.
    from medshape_text.build import BuildError, build
    from medshape_text.sources.llp26 import SourceError
    from medshape_text.sources.mini import open_mini

    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as bars:
            steps: dict[str, TaskID] = {}

            def show(step: str, done: int, total: int) -> None:
                if step not in steps:
                    steps[step] = bars.add_task(step, total=total)
                bars.update(steps[step], completed=done)

            show("opening the source", 0, 1)
            opened = open_mini((cache or default_cache()) / "wheels", synthetic)
            show("opening the source", 1, 1)
            built = build(opened, out, workers=workers, progress=show)
    except (BuildError, SourceError, OSError) as error:
        _complain(console, str(error))
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("stopped; run the same command to continue where it was.")
        raise typer.Exit(130) from None
    state = "is up to date" if built.up_to_date else f"built in {time.monotonic() - started:.0f} s"
    rows = ", ".join(f"{number} {split}" for split, number in built.rows.items())
    console.print(f"{built.folder} {state}: {rows}; {built.dropped} dropped", soft_wrap=True, highlight=False)
    typer.echo(f"revision {built.revision}")


def _complain(console: Console, message: str) -> None:
    console.print(Text.assemble(("error: ", "red"), message), soft_wrap=True)
