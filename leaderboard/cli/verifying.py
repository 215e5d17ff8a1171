"""``genmed-bench verify``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmark.data.catalogue import resolve
from benchmark.errors import BenchError, UsageError
from leaderboard.model import Verification
from leaderboard.verify import Verifier, write_verification


class NotReproducedError(BenchError):
    """A verification said "differs" or "cannot", or refused the submission."""

    exit_code = 9


def verify(submission: Path, data: str, write: bool) -> None:
    """Verify a submission, print what was found, and keep it if asked to.

    Raises:
        NotReproducedError: unless it was reproduced and not refused.
        DataError: if the data set is damaged or missing.
        UsageError: if the record is to be kept and the submission lies in no results folder.
    """
    results = submission.absolute().parent.parent
    if write and submission.absolute().parent.name != "submissions":
        raise UsageError(f"{submission} lies in no results folder, so there is no place to keep the record")
    found = Verifier(resolve(data)).verify(submission, others=others_of(submission))
    _print(found)
    if write:
        Console().print(str(write_verification(results, found)), highlight=False, markup=False, soft_wrap=True)
    refused = any(finding.severity == "refused" for finding in found.findings)
    if found.verdict != "reproduced" or refused:
        raise NotReproducedError(f"{found.submission}: {'refused' if refused else found.verdict}")


def others_of(submission: Path) -> Sequence[Path]:
    """The other submissions in its results folder."""
    mine = submission.absolute()
    return sorted(
        path for path in mine.parent.iterdir() if path.is_dir() and path != mine and not path.name.startswith(".")
    )


def _print(found: Verification) -> None:
    console = Console()
    said = found.verdict
    if found.verdict == "differs" and found.largest_difference is not None:
        said += f" by {found.largest_difference:g}"
    console.print(f"{said}: {found.submission}", highlight=False, markup=False, soft_wrap=True)
    for finding in found.findings:
        console.print(f"  {finding.severity:8} {finding.code}: {finding.detail}", highlight=False, markup=False,
                      soft_wrap=True)  # fmt: skip
