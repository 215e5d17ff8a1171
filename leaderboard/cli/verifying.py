"""``genmed-bench verify``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmark.data.catalogue import resolve
from benchmark.errors import BenchError, UsageError
from leaderboard.model import Verification, refuses
from leaderboard.rank.results import is_folder, names_in
from leaderboard.submission.layout import SUBMISSIONS
from leaderboard.verify import Verifier, write_verification

_VERDICTS = {"differs": "its numbers are not what its predictions score", "cannot": "its numbers cannot be computed"}


class NotReproducedError(BenchError):
    """A verification said "differs" or "cannot", or refused the submission."""

    exit_code = 9


def verify(submissions: Sequence[Path], data: str, write: bool) -> None:
    """Verify submissions, print what was found, and keep it if asked to.

    Raises:
        NotReproducedError: unless all were reproduced and none refused.
        DataError: if the data set is damaged or missing.
        UsageError: if one is no folder, or the record is to be kept and it lies in no results folder.
    """
    folders = [_named(submission, write) for submission in submissions]
    verifier = Verifier(resolve(data))
    wrong = []
    for folder in folders:
        found = verifier.verify(folder, others=others_of(folder))
        _print(found)
        if write:
            record = write_verification(folder.parent.parent, found)
            Console().print(str(record), highlight=False, markup=False, soft_wrap=True)
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


def _print(found: Verification) -> None:
    console = Console()
    said = found.verdict
    if found.verdict == "differs" and found.largest_difference is not None:
        said += f" by {found.largest_difference:g}"
    console.print(f"{said}: {found.submission}", highlight=False, markup=False, soft_wrap=True)
    for finding in found.findings:
        console.print(f"  {finding.severity:8} {finding.code}: {finding.detail}", highlight=False, markup=False,
                      soft_wrap=True)  # fmt: skip
