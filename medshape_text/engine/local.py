"""The processes of this machine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence

from medshape_text.engine.supervisor import Limits, Supervisor, Task


def run(task: Task, batches: Sequence[int], workers: int, limits: Limits) -> Iterator[int]:
    """Do all batches in ``workers`` processes; yields each when it is done, in any order.

    Raises:
        OSError: if the task could not read or write its own files.
        TaskError: if the task failed otherwise. Batches that are done stay done.
    """
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for batch in batches:
        todo.put(batch)
    results: queue.SimpleQueue[int | BaseException] = queue.SimpleQueue()
    stopping = threading.Event()
    supervisors = [Supervisor(task, limits) for _ in range(min(workers, len(batches)))]
    threads = [threading.Thread(target=_serve, args=(one, todo, results, stopping), daemon=True) for one in supervisors]
    for thread in threads:
        thread.start()
    try:
        for _ in batches:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stopping.set()
        for supervisor in supervisors:
            supervisor.close()
        for thread in threads:
            thread.join()


def _serve(
    supervisor: Supervisor, todo: queue.SimpleQueue[int], results: queue.SimpleQueue[int | BaseException],
    stopping: threading.Event,
) -> None:  # fmt: skip
    while not stopping.is_set():
        try:
            batch = todo.get_nowait()
        except queue.Empty:
            break
        try:
            supervisor.do(batch)
        except BaseException as error:  # the thread that consumes the results raises it
            results.put(error)
            break
        results.put(batch)
    supervisor.close()  # its memory may be wanted by the others
