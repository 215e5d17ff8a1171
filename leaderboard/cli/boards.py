"""``genmed-bench leaderboard …``."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from benchmark.data.catalogue import DATASETS, cache_folder, resolve
from benchmark.errors import DataError, UsageError
from leaderboard.cli.verifying import NotReproducedError, others_of
from leaderboard.data_sets import describe
from leaderboard.model import Table
from leaderboard.rank.board import board_of
from leaderboard.rank.check import check as check_results
from leaderboard.rank.check import passes
from leaderboard.rank.exports import eval_results as hub_text
from leaderboard.rank.exports import table_csv, table_json
from leaderboard.rank.results import Results, read_results
from leaderboard.site import build_site
from leaderboard.site import serve as serve_site
from leaderboard.verify import Verifier
from leaderboard.views import ResultViews
from medshape_text.manifest import MANIFEST


def build(results: Path, output: Path, data: str, per_category: int) -> None:
    """Build the site.

    Raises:
        DataError, RunError, WriteError: in one sentence.
    """
    read = _read(results)
    board = board_of(read)
    say = Console(stderr=True)
    folder = resolve(data) if per_category else _at_hand(data)
    views = ResultViews(read, folder, per_category) if folder and per_category else None
    if folder is None:
        say.print(f"no data set {data} here: its page says no more than the revision", highlight=False, markup=False)
    verifications = {one.id: one.verification for one in read.submissions if one.verification is not None}
    written = build_site(
        board, output, cases=views, data_sets=[describe(folder)] if folder else [], verifications=verifications,
        export=_downloads, progress=lambda title: say.print(title, highlight=False, markup=False),
    )  # fmt: skip
    total = sum(written.values()) / 1e6
    Console().print(f"{len(written)} files, {total:.1f} MB: {(output / 'index.html').absolute().as_uri()}",
                    highlight=False, soft_wrap=True)  # fmt: skip


def serve(site: Path, port: int) -> None:
    """Serve until stopped."""
    Console().print(f"http://127.0.0.1:{port}/ shows {site}; Ctrl-C stops it", highlight=False)
    serve_site(site, port)


def check(results: Path, base: Path | None, data: str) -> None:
    """Print what is wrong with a results folder.

    Raises:
        NotReproducedError: if anything of it may not be merged.
    """
    verifier = Verifier(resolve(data))
    found = check_results(results, lambda path: verifier.verify(path, others=others_of(path)), base)
    for finding in found:
        typer.echo(f"{finding.severity:8} {finding.code}: {finding.detail}")
    if not passes(found):
        raise NotReproducedError(f"{sum(one.severity == 'refused' for one in found)} findings refuse {results}")
    typer.echo(f"{results} may be merged: {len(found)} notes and flags")


def eval_results(results: Path, method: str, dataset: str) -> None:
    """Print the Hub's form of a method's results.

    Raises:
        UsageError: if there is nothing to print.
    """
    try:
        typer.echo(hub_text(board_of(_read(results)), method, dataset), nl=False)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _at_hand(data: str) -> Path | None:
    """The folder of a data set that is there: where no case is drawn, none is built for its page alone."""
    folder = cache_folder() / DATASETS[data].folder if data in DATASETS else Path(data)
    return folder if (folder / MANIFEST).is_file() else None


def _read(results: Path) -> Results:
    try:
        return read_results(results)
    except FileNotFoundError as error:
        raise DataError(str(error)) from error


def _downloads(table: Table) -> dict[str, str]:
    return {"csv": table_csv(table), "json": table_json(table)}
