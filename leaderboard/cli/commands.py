"""What the verbs of the leaderboard do: ``submit``, ``verify`` and ``leaderboard build | serve | check | ...``."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from benchmark.cli.reporting import Steps, progress_bars
from benchmark.data.catalogue import DATASETS, cache_folder, resolve
from benchmark.errors import BenchError, DataError, UsageError
from leaderboard.data_sets import describe
from leaderboard.model import Table, Verification, refuses
from leaderboard.rank.board import board_of
from leaderboard.rank.check import check as check_results
from leaderboard.rank.check import passes
from leaderboard.rank.exports import eval_results as hub_text
from leaderboard.rank.exports import table_csv, table_json
from leaderboard.rank.results import Results, is_folder, names_in, read_results
from leaderboard.site import build_site
from leaderboard.site import serve as serve_site
from leaderboard.submission import ModelCard, read_card, to_folder
from leaderboard.submission.elsewhere import from_predictions
from leaderboard.submission.hub import push_submission
from leaderboard.submission.layout import SUBMISSIONS
from leaderboard.submission.making import make_submission
from leaderboard.verify import Verifier, write_verification
from leaderboard.views import ResultViews
from medshape_text.console import make_console

HUB = "hf://datasets/"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class Elsewhere:
    """Predictions that were made elsewhere: ``folder`` of them, the ``task`` and ``split`` they are of."""

    folder: Path | None
    task: str | None
    split: str
    allow_missing: bool


def submit(run: Path | None, card_path: Path, to: str, data: str, elsewhere: Elsewhere, dry_run: bool) -> None:
    """Make a submission and put it where it was asked for.

    Raises:
        UsageError, SubmissionError, DataError: in one sentence.
    """
    if (run is None) == (elsewhere.folder is None):
        raise UsageError("give either a run folder or --from-folder PREDICTIONS --task TASK")
    hub = to.removeprefix(HUB) if to.startswith(HUB) else None
    if hub is not None and not _REPOSITORY.fullmatch(hub):
        raise UsageError(f"{to} names no data set of the Hub; say {HUB}ORG/NAME")
    if dry_run and hub is None:
        raise UsageError("--dry-run is for hf://datasets/ORG/NAME; a folder can be looked at")
    card = read_card(card_path)
    folder = resolve(data)
    with tempfile.TemporaryDirectory(prefix="genmed-bench-") as temporary:
        made = _made(run, card, folder, elsewhere, Path(temporary))
        if hub is None:
            _print(str(to_folder(made, Path(to))))
            return
        pushed = push_submission(made, hub, dry_run=dry_run)
        _print(f"{pushed.state}: {pushed.url}")
        for name, size in pushed.files.items():
            _print(f"{size:12d} {name}")
        if dry_run:
            _print(f"\nThe pull request would say:\n\n{pushed.title}\n\n{pushed.description}")


def _print(text: str) -> None:
    make_console().print(text, highlight=False, markup=False, soft_wrap=True)


def _made(run: Path | None, card: ModelCard, data: Path, elsewhere: Elsewhere, to: Path) -> Path:
    if run is not None:
        return make_submission(run, to, card, data)
    if elsewhere.folder is None or elsewhere.task is None:
        raise UsageError("--from-folder needs --task")
    with progress_bars() as bars:
        return from_predictions(
            elsewhere.folder, elsewhere.task, data, card, to, split=elsewhere.split,
            allow_missing=elsewhere.allow_missing, progress=Steps(bars),
        )  # fmt: skip


_VERDICTS = {"differs": "its numbers are not what its predictions score", "cannot": "its numbers cannot be computed"}


class NotReproducedError(BenchError):
    """A verification said "differs" or "cannot", or refused the submission."""

    exit_code = 9


def verify(submissions: Sequence[Path], data: Sequence[str], write: bool) -> None:
    """Verify submissions, print what was found, and keep it if asked to.

    Raises:
        NotReproducedError: unless all were reproduced and none refused.
        DataError: if the data set is damaged or missing.
        UsageError: if one is no folder, or the record is to be kept and it lies in no results folder.
    """
    folders = [_named(submission, write) for submission in submissions]
    verifier = Verifier([resolve(name) for name in data])
    wrong = []
    for folder in folders:
        found = verifier.verify(folder, others=others_of(folder))
        _print_verification(found)
        if write:
            record = write_verification(folder.parent.parent, found)
            _print(str(record))
        refused = refuses(found.findings)
        if found.verdict != "reproduced" or refused:
            wrong.append(f"{found.submission}: {'refused' if refused else _VERDICTS[found.verdict]}")
    if wrong:
        raise NotReproducedError(f"{'; '.join(wrong)}; the reasons are above")


def _named(submission: Path, write: bool) -> Path:
    # Its name is part of what is verified, so "." and "x/.." have to become names; links are for verify to refuse.
    folder = Path(os.path.normpath(submission.absolute()))
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}; give that of a submission: RESULTS/submissions/ID")
    if write and folder.parent.name != SUBMISSIONS:
        raise UsageError(f"{folder} lies in no results folder, so there is no place to keep the record")
    return folder


def others_of(submission: Path) -> Sequence[Path]:
    """The other submissions in its results folder."""
    folder = submission.absolute().parent
    return [folder / name for name in names_in(folder) if name != submission.name and is_folder(folder / name)]


def _print_verification(found: Verification) -> None:
    size = found.largest_difference
    _print(found.verdict + (f" by {size:g}" if found.verdict == "differs" and size is not None else "")
           + f": {found.submission}")  # fmt: skip
    for finding in found.findings:
        _print(f"  {finding.severity:8} {finding.code}: {finding.detail}")


def build(results: Path, output: Path, data: Sequence[str], per_category: int) -> None:
    """Build the site.

    Raises:
        DataError, RunError, WriteError: in one sentence.
    """
    read = _read(results)
    board = board_of(read)
    say = make_console(stderr=True)
    found = {name: resolve(name) if per_category else _at_hand(name) for name in data}
    folders = [folder for folder in found.values() if folder is not None]
    views = ResultViews(read, folders, per_category) if folders and per_category else None
    for name in (name for name, folder in found.items() if folder is None):
        say.print(f"no data set {name} here: its page says no more than the revision", highlight=False, markup=False)
    verifications = {one.id: one.verification for one in read.submissions if one.verification is not None}
    written = build_site(
        board, output, cases=views, data_sets=[describe(folder) for folder in folders], verifications=verifications,
        export=_downloads, progress=lambda title: say.print(title, highlight=False, markup=False),
    )  # fmt: skip
    total = sum(written.values()) / 1e6
    _print(f"{len(written)} files, {total:.1f} MB: {(output / 'index.html').absolute().as_uri()}")


def serve(site: Path, port: int) -> None:
    """Serve until stopped."""
    _print(f"http://127.0.0.1:{port}/ shows {site}; Ctrl-C stops it")
    serve_site(site, port)


def check(results: Path, base: Path | None, data: Sequence[str]) -> None:
    """Print what is wrong with a results folder.

    Raises:
        NotReproducedError: if anything of it may not be merged.
    """
    verifier = Verifier([resolve(name) for name in data])
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
    return folder if folder.is_dir() else None


def _read(results: Path) -> Results:
    try:
        return read_results(results)
    except FileNotFoundError as error:
        raise DataError(str(error)) from error


def _downloads(table: Table) -> dict[str, str]:
    return {"csv": table_csv(table), "json": table_json(table)}
