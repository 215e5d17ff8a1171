"""From a folder to claims and predictions; everything that can be refused without the truth is refused here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from leaderboard.submission.layout import compose_id
from leaderboard.verify.claims import Claims, read_claims
from leaderboard.verify.document import read_files_list, read_submission
from leaderboard.verify.folder import SubmittedFiles, read_folder
from leaderboard.verify.limits import Limits
from leaderboard.verify.refusal import RefusedError, shown

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")


@dataclass(frozen=True, eq=False)
class Submitted:
    """A submission that is in order as far as it can be told without the truth and without its predictions."""

    id: str
    files: SubmittedFiles
    claims: Claims


def read_submitted(folder: Path, limits: Limits) -> Submitted:
    """Read a submission.

    Raises:
        RefusedError: with the first fault.
    """
    files = read_folder(folder, limits)
    return check_submitted(files, limits)


def check_submitted(files: SubmittedFiles, limits: Limits) -> Submitted:
    """Check files that were read.

    Raises:
        RefusedError: with the first fault.
    """
    digest = read_files_list(files, limits)
    document = read_submission(files, limits)
    should = compose_id(document["task"], document["method"]["name"], digest)
    if files.name != should:
        raise RefusedError("wrong-id", f"the folder is called {shown(files.name, 200)}, its content {should}")
    return Submitted(should, files, read_claims(files, document, limits))


def safe_id(folder: Path) -> str:
    """What to call a folder in a record: its name, or a fixed word if that is not what a submission is called."""
    return folder.name if _NAME.fullmatch(folder.name) and ".." not in folder.name else "unnamed"
