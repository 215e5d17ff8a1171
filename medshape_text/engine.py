"""Who does the work: this process, or several local ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

Task = Callable[[str], None]
"""Does one piece of work, leaves its result on disk; must pickle, and is sent to each worker once."""


class WorkerDiedError(RuntimeError):
    """A worker process was killed, for instance for memory."""


def run(task: Task, items: Iterable[str], workers: int) -> Iterator[str]:
    """Do ``task(item)`` for all items and yield each item when it is done, in any order.

    Raises:
        WorkerDiedError: if a worker was killed; other errors of ``task`` pass through.
    """
    if workers == 1:
        for item in items:
            task(item)
            yield item
        return
    # "spawn" because a forked copy of a process with threads may hang, and because it is the same everywhere
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(task,))
    try:
        futures = {pool.submit(_work, item): item for item in items}
        for future in as_completed(futures):
            future.result()
            yield futures[future]
    except BrokenProcessPool as error:
        raise WorkerDiedError("a worker process died (out of memory?)") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_TASK: list[Task] = []
"""The task of this worker process; empty everywhere else."""


def _start_worker(task: Task) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    threading.Thread(target=_follow_parent, daemon=True).start()
    _TASK.append(task)


def _follow_parent() -> None:
    """End with the parent: one killed by SIGKILL cannot tell its workers, who would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(item: str) -> None:
    _TASK[0](item)
