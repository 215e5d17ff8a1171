"""Folders that are whole or not there: written beside their place, synced, and moved in one step."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leaderboard.submission.layout import SUBMISSIONS, SubmissionError
from leaderboard.submission.reading import Submission, open_submission
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
        held = None
        while held is None:  # another process may sweep it before it is locked
            folder = parent / f"{PARTIAL}{secrets.token_hex(8)}"
            folder.mkdir(0o700)
            held = _lock(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)
    except OSError as error:
        place = error.filename or parent
        said = f"cannot write {place}: {error.strerror or error}. Nothing was submitted; run the same command again"
        raise SubmissionError("disk", said) from error


def place(folder: Path, parent: Path) -> Path:
    """Move a finished folder to ``parent/<id>``, unless the same submission is already there.

    Raises:
        SubmissionError: code ``damaged`` if what is there is not what its name says.
    """
    finished = open_submission(folder)
    target = parent / finished.id
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
    sync(parent)
    return target


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
        return _already(target, found)
    with partial(target.parent) as folder:
        for name in found.files.hashes:
            shutil.copyfile(submission / name, folder / name)
        return place(folder, target.parent)


def _already(target: Path, wanted: Submission) -> Path:
    found = open_submission(target)
    if found.files.hashes != wanted.files.hashes:
        raise SubmissionError("damaged", f"{target} holds submission {found.id}; remove it and run the same command")
    return target


def _lock(folder: Path) -> int | None:
    """A descriptor that holds a folder until it is closed or the process dies; None if it is gone or held already."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{PARTIAL}*"):
        if left.is_symlink():
            continue  # not ours
        if not left.is_dir():
            left.unlink(missing_ok=True)  # a lock beside a folder, as older versions made
        elif (held := _lock(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(held)
