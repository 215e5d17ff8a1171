"""``medshape-build report``: a data set as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medshape_text.cli.console import bars, one_line_errors
from medshape_text.cli.places import beside
from medshape_text.console import make_console


def report(
    folder: Annotated[Path, typer.Argument(help="A data set.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write [default: DIR.report.html].", show_default=False)
    ] = None,
) -> None:
    """Write one HTML page: what was kept and why not, counts, pictures, duplicates, leaks, times."""
    console = make_console(stderr=True)
    from medshape_text import manifest
    from medshape_text.report import write_report

    target = out or beside(folder, ".report.html")
    with one_line_errors(console, manifest.DatasetError), bars(console) as show:
        write_report(folder, target, progress=show)
    typer.echo(target.absolute().as_uri())
