"""The process that does the work: takes batches from a pipe, says which item it begins, and how a batch ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection

from medshape_text.engine.task import Task, TaskError


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
