"""Folders that are whole or not there: written beside their place, synced, and moved in one step."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from leaderboard.submission.errors import SubmissionError
from leaderboard.submission.layout import SUBMISSIONS, Submission, open_submission
from medshape_text.files import sync

PARTIAL = ".partial-"
"""What folders that are being written are called; readers of a results folder pass over them."""


@contextmanager
def partial(parent: Path) -> Iterator[Path]:
    """An empty folder in ``parent`` to write into; it goes away with the block, unless it was moved.

    What killed processes left is removed first: their folders are no longer locked.

    Raises:
        SubmissionError: code ``disk``, for any OSError in the block.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        folder, lock = _locked(parent)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    except OSError as error:
        place = error.filename or parent
        said = f"cannot write {place}: {error.strerror or error}. Nothing was submitted; run the same command again"
        raise SubmissionError("disk", said) from error


def place(folder: Path, target: Path) -> Submission:
    """Move a finished folder to its place, unless the same submission is already there.

    Raises:
        SubmissionError: code ``damaged`` if what is there is not what its name says.
    """
    finished = open_submission(folder)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
        sync(path)
    sync(folder)
    try:
        folder.rename(target)
    except OSError:
        if not target.exists():
            raise
        return _already(target, finished)
    sync(target.parent)
    return replace(finished, folder=target)


def to_folder(submission: Path, results: Path) -> Path:
    """Copy a submission into a results folder, whole or not at all; one that is already there is left alone.

    Args:
        submission: a folder that `leaderboard.submission.making.make_submission` made.
        results: folder of results; the copy is ``results/submissions/<id>``.

    Raises:
        SubmissionError: if the submission, or what is already there, is damaged, or the disk refuses.
    """
    found = open_submission(submission)
    target = results / SUBMISSIONS / found.id
    if target.exists():
        return _already(target, found).folder
    with partial(target.parent) as folder:
        for name in found.digests:
            shutil.copyfile(submission / name, folder / name)
        if open_submission(folder).id != found.id:
            raise SubmissionError("damaged", f"{submission} changed while it was copied; run the same command again")
        return place(folder, target).folder


def _already(target: Path, wanted: Submission) -> Submission:
    found = open_submission(target)
    if found.digests != wanted.digests:
        raise SubmissionError("damaged", f"{target} holds submission {found.id}; remove it and run the same command")
    return found


def _locked(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=parent))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # else another process swept it before it was locked
            return folder, lock
        os.close(lock)


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{PARTIAL}*"):
        try:
            lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            pass  # somebody is writing it
        finally:
            os.close(lock)
