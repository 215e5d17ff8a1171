"""What may change in a results folder: files may come, none may go or change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from leaderboard.model import Finding
from leaderboard.rank import reading
from leaderboard.rank.reading import UnreadableError
from leaderboard.rank.results import WITHDRAWN
from leaderboard.submission.layout import SUBMISSIONS, VERIFICATIONS

KEPT = (SUBMISSIONS, VERIFICATIONS, WITHDRAWN)
_LINK = "link"


def changes(results: Path, base: Path) -> Iterator[Finding]:
    """What became of the files of an older state of a results folder.

    Args:
        results: as it is now.
        base: as it was: a work tree of the base branch.

    Yields:
        ``old-file-deleted`` and ``old-file-changed``, by path.
    """
    for path in sorted(plain_files(base)):
        now = results / path
        if not os.path.lexists(now):
            yield Finding("old-file-deleted", "refused", f"{path} is gone: withdraw by {WITHDRAWN}/ID.json")
        elif content(now) != content(base / path):
            yield Finding("old-file-changed", "refused", f"{path} is not what it was: submit anew instead")


def plain_files(results: Path) -> Iterator[str]:
    """Paths of all files, links and other entries that have to stay as they are; links are not followed."""
    for top in KEPT:
        if (results / top).is_symlink():
            yield top
            continue
        for folder, names, files in os.walk(results / top):
            links = [name for name in names if (Path(folder) / name).is_symlink()]
            for name in (*files, *links):
                yield (Path(folder) / name).relative_to(results).as_posix()


def content(path: Path) -> str:
    """SHA-256 of a plain file; something that no file has for anything else."""
    if path.is_symlink():
        return f"{_LINK} to {path.readlink()}"
    try:
        stream = reading.open_plain(path)
    except UnreadableError as error:
        return error.code
    digest = sha256()
    with stream:
        while piece := stream.read(2**20):
            digest.update(piece)
    return digest.hexdigest()
