"""What the engines agree on: a task, what one item of it may take, and why one is given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

Begin = Callable[[str], None]
"""Called with the name of an item before anything is done for it, and with an empty one before what is for none."""


@dataclass(frozen=True)
class Fault:
    """Why an item was given up: a reason code and a sentence."""

    reason: str
    detail: str


class Task(Protocol):
    """Does one batch of items and leaves the result on disk; must pickle, and is sent to each worker once.

    A ``MemoryError`` is for the supervisor: a worker that has done much may have less left than a new one.
    """

    def __call__(self, batch: int, given_up: Mapping[str, Fault], begin: Begin) -> None:
        """Do a batch. ``given_up`` names items of it that must not be tried again, and why."""
        ...


@dataclass(frozen=True)
class Limits:
    """What one item may take: bytes of the worker's memory and seconds; None is no limit.

    The memory limit is that of the operating system on private data (``RLIMIT_DATA``), where it has one. It counts
    what is reserved, used or not: of the default 2.5 GiB Arrow reserves one for itself.
    """

    memory_bytes: int | None = 5 * 2**29
    seconds: float | None = 300.0


class TaskError(RuntimeError):
    """The task itself failed (not an item of it): writing was impossible, or there is an error in the program."""
