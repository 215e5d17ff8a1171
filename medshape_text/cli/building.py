"""``medshape-build``: a source into a data set."""

from __future__ import annotations

import time
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medshape_text.cli.console import Tolerance, bars, complain, default_cache, one_line_errors, parse_tolerance
from medshape_text.console import make_console

TOO_MANY_FAILED = 3
"""Exit code when the data set was written, but more shapes failed than was allowed."""


class EngineName(StrEnum):
    """Who does the work."""

    LOCAL = "local"
    RAY = "ray"


Out = Annotated[Path, typer.Option(help="Folder to write; must not hold anything else.", show_default=False)]


def build(
    out: Out,
    folder: Annotated[
        Path | None, typer.Argument(help="With --source folder: where the meshes or masks lie.", show_default=False)
    ] = None,
    source: Annotated[str, typer.Option(help="Where shapes come from: mini, medshapenet, folder.")] = "mini",
    urls: Annotated[
        str | None, typer.Option(help="With medshapenet: file or address of the list of links.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="With medshapenet: only the first links.", show_default=False)
    ] = None,
    meta: Annotated[
        Path | None, typer.Option(help="TotalSegmentator's meta.csv: age and sex of subjects.", show_default=False)
    ] = None,
    connections: Annotated[int, typer.Option(min=1, help="With medshapenet: downloads at a time.")] = 8,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="With medshapenet: requests a second at most.", show_default=False)
    ] = None,
    licence: Annotated[str, typer.Option(help="With folder: of shapes whose licence no table gives.")] = "unknown",
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network; use what was kept.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try links again that failed for good in an earlier run.")
    ] = False,
    synthetic: Annotated[int, typer.Option(min=0, help="With mini: synthetic training shapes per bone.")] = 64,
    brain: Annotated[
        Path | None,
        typer.Option(help="With mini: Debian's mricron-data (.deb or folder), adds brain regions.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the result does not depend on it.")] = 1,
    engine: Annotated[EngineName, typer.Option(help="Who does the work; the result does not depend on it.")] = (
        EngineName.LOCAL
    ),
    address: Annotated[str | None, typer.Option(help="With ray: of a running cluster.", show_default=False)] = None,
    memory: Annotated[float, typer.Option(min=0.25, help="GiB a worker may take; a shape that needs more fails.")] = (
        2.5
    ),
    seconds: Annotated[float, typer.Option(min=1, help="Time a shape may take; one that needs more fails.")] = 300,
    max_failed: Annotated[
        str,
        typer.Option(help="Shapes that may fail, a number or a share such as 5%; above it the exit code is 3."),
    ] = "10%",
    cache: Annotated[
        Path | None, typer.Option(help="Folder for downloads [default: ~/.cache/genmed-bench].", show_default=False)
    ] = None,
) -> None:
    """Build a data set of anatomical shapes with text: Parquet, loadable with datasets.load_dataset.

    Stopped at any moment, the same command continues and gives the same bytes. Shapes that cannot be used are
    listed with their reasons in dropped.parquet.
    """
    console = make_console(stderr=True)
    from medshape_text.build import BuildError, Engine
    from medshape_text.build import build as build_data_set
    from medshape_text.engine import Limits, run_local
    from medshape_text.engine.on_ray import RayMissingError
    from medshape_text.engine.on_ray import run as run_on_ray
    from medshape_text.sources.catalogue import Request, SourceError, UsageError, open_source

    try:
        tolerance = parse_tolerance(max_failed)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--max-failed'") from error
    request = Request(
        source, cache or default_cache(), folder=folder, urls=urls, limit=limit, meta=meta, connections=connections,
        offline=offline, retry_failed=retry_failed, rate=rate, licence=licence, synthetic=synthetic, brain=brain,
    )  # fmt: skip
    run: Engine = run_local if engine is EngineName.LOCAL else partial(run_on_ray, address=address)
    started = time.monotonic()
    with one_line_errors(console, BuildError, SourceError, RayMissingError), bars(console) as show:
        try:
            opened = open_source(request, show)
        except UsageError as error:
            complain(console, str(error))
            raise typer.Exit(2) from error
        built = build_data_set(
            opened, out, workers=workers, engine=run, limits=Limits(int(memory * 2**30), seconds), progress=show
        )
    state = "is up to date" if built.up_to_date else f"built in {time.monotonic() - started:.0f} s"
    rows = ", ".join(f"{number} {split}" for split, number in built.rows.items() if number)
    console.print(f"{built.folder} {state}: {rows}; {built.dropped} dropped", soft_wrap=True, highlight=False,
                  markup=False)  # fmt: skip
    for reason, number in sorted(built.reasons.items(), key=lambda item: (-item[1], item[0])):
        console.print(f"  {number:6d} {reason}", highlight=False)
    typer.echo(f"revision {built.revision}")
    _judge(console, tolerance, built.failed, sum(built.rows.values()) + built.dropped)


def _judge(console: Console, tolerance: Tolerance, failed: int, total: int) -> None:
    if tolerance.exceeded(failed, total):
        complain(
            console,
            f"{failed} of {total} shapes failed, --max-failed allows {tolerance}. The data set was written without "
            "them; dropped.parquet has the reasons.",
        )
        raise typer.Exit(TOO_MANY_FAILED)
