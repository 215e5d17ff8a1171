"""What the engines agree on: a task, what one item of it may take, and one worker process under watch.

Parsers and geometry libraries are native code fed with files of strangers. They may run out of memory, loop or die
of a signal; that must cost one item and never the build. The worker takes batches from a pipe and says when it begins
an item, so a crash or a hang is blamed on one item: when the worker dies, takes too long or runs out of memory it is
replaced and the batch begun anew (something else may have killed the worker, or filled its memory), and the item is
given up when it fails again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

Begin = Callable[[str], None]
"""Called with the name of an item before anything is done for it, and with an empty one before what is for none."""
_STARTING_SECONDS = 600.0
"""To start a process, import libraries and receive the task, on a busy machine with a slow disk."""
_CRASHED = "crashed"
_MOST_LOSSES = 3
"""How often a worker may be lost in one batch while it is at no item: whose fault that is nobody can say."""


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


def work(pipe: Connection, task: Task, memory_bytes: int | None) -> None:
    """Do batches until the pipe ends, or memory does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    threading.Thread(target=_follow_parent, daemon=True).start()
    _limit_memory(memory_bytes)

    def begin(item: str) -> None:
        pipe.send(("begin", item))

    while True:
        try:
            batch, given_up = pipe.recv()
        except EOFError:
            return
        try:
            task(batch, given_up, begin)
        except OSError as error:
            pipe.send(("failed", error))
        except MemoryError:
            pipe.send(("greedy", batch))
        except Exception as error:  # whatever it was, the parent has to hear of it; an error itself may not pickle
            pipe.send(("failed", TaskError(f"{type(error).__name__}: {error}")))
        else:
            pipe.send(("done", batch))


def _limit_memory(limit: int | None) -> None:
    if limit is None:
        return
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _follow_parent() -> None:
    """End with the parent: one killed by SIGKILL cannot tell its workers, who would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Supervisor:
    """A worker process and the watch over it. ``close`` it in the end, so that no process is left."""

    def __init__(self, task: Task, limits: Limits) -> None:
        self._task, self._limits = task, limits
        self._lock = threading.Lock()  # close() comes from another thread than do()
        self._closed = False
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def do(self, batch: int) -> None:
        """Have the worker do a batch, whatever it takes.

        Raises:
            OSError: if the task could not read or write its own files.
            TaskError: if the task failed otherwise.
        """
        given_up: dict[str, Fault] = {}
        suspects: set[str] = set()
        losses = 0
        while True:
            failed = self._attempt(batch, given_up)
            if failed is None:
                return
            item, fault = failed
            if not item or item in given_up:  # nothing is done any more for what was given up
                losses += 1
                if losses == _MOST_LOSSES:
                    raise TaskError(f"a worker was lost {losses} times while it was at no item: {fault.detail}")
            elif item in suspects:
                twice = ", twice" if fault.reason == _CRASHED else ""
                given_up[item] = Fault(fault.reason, fault.detail + twice)
            suspects.add(item)

    def close(self) -> None:
        """End the worker at once, and start no other; ``do`` ends with an error if it is under way."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
                self._process.join()

    def _discard(self) -> None:
        """End the worker at once; the next batch gets a new one."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()
            if self._pipe is not None:
                self._pipe.close()
            self._process = self._pipe = None

    def _attempt(self, batch: int, given_up: Mapping[str, Fault]) -> tuple[str, Fault] | None:
        """Try a batch; None when it is done, else the item at which the worker was lost (empty: none), and how."""
        pipe = self._started()
        item = ""
        began = time.monotonic()
        try:
            pipe.send((batch, dict(given_up)))
            while True:
                seconds = self._limits.seconds if item else _STARTING_SECONDS
                if not pipe.poll(None if seconds is None else max(0.0, began + seconds - time.monotonic())):
                    self._discard()
                    return item, Fault("timeout", f"not done after {seconds:g} s")
                kind, value = pipe.recv()
                if kind == "done":
                    return None
                if kind != "begin":
                    break
                item, began = value, time.monotonic()
        except (EOFError, ConnectionError):
            return item, Fault(_CRASHED, f"the process that worked on it {self._death()}")
        self._discard()
        if kind == "greedy":
            return item, Fault("out-of-memory", "it needs more memory than a worker may take")
        raise value  # out of the try: a ConnectionError of the task is none of the pipe

    def _death(self) -> str:
        process = self._process
        if process is None:
            return "ended"
        process.join()
        code = process.exitcode or 0
        self._discard()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _started(self) -> Connection:
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        self._discard()
        with self._lock:
            if self._closed:
                raise TaskError("the work was stopped")
            # "spawn" because a forked copy of a process with threads may hang, and because it is the same everywhere
            context = multiprocessing.get_context("spawn")
            pipe, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, self._task, self._limits.memory_bytes))
            process.start()
            theirs.close()  # so that the end of the worker is seen as the end of the stream
            self._pipe, self._process = pipe, process
            return pipe
