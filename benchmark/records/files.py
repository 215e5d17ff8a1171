"""Writing that survives being killed: whole files by rename, lines by append and fsync, one writer at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmark.errors import RunError, WriteError
from medshape_text.files import locked, replacing


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating-system error of a write into one clear message.

    Raises:
        WriteError: for any OSError in the block.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"cannot write {path}: {error.strerror or error}. Finished cases are kept; "
            "make room and run the same command again to go on"
        ) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is whole or absent: temporary file, fsync, rename.

    Raises:
        WriteError: when the disk refuses.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as stream:
            stream.write(data)


def append(path: Path, text: str) -> None:
    """Append lines and make them durable before returning.

    Raises:
        WriteError: when the disk refuses; a torn last line may remain and is dropped on resume.
    """
    with writing(path), path.open("ab") as stream:
        stream.write(text.encode("utf-8"))
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; the lock dies with the process, however it ends.

    Raises:
        RunError: if another process holds it.
    """
    with ExitStack() as held:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(folder / ".lock", RunError(f"{folder} is in use by another process")))
        yield
