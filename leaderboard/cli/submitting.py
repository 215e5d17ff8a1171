"""``genmed-bench submit``."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmark.cli.reporting import Steps, progress_bars
from benchmark.data.catalogue import resolve
from benchmark.errors import UsageError
from leaderboard.submission import ModelCard, read_card, to_folder
from leaderboard.submission.elsewhere import from_predictions
from leaderboard.submission.hub import push_submission
from leaderboard.submission.making import make_submission
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
