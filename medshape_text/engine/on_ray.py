"""The processes of a Ray cluster: one actor per worker, each watching over a process of its own.

The work folder has to lie on storage that all machines share: results are files, as they are on one machine,
so the same work gives the same bytes, and a build may go on with the other engine.
"""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from typing import Any

from medshape_text.engine.supervisor import Limits, Supervisor, Task, TaskError

_MAX_LOSSES = 3


class RayMissingError(RuntimeError):
    """Ray is not installed or its cluster cannot be reached."""


def run(task: Task, batches: Sequence[int], workers: int, limits: Limits, address: str | None = None) -> Iterator[int]:
    """Do all batches in ``workers`` actors; yields each when it is done, in any order.

    Args:
        task: as for the local engine; it is sent to each actor once.
        batches: numbers that ``task`` knows.
        workers: actors, one processor each.
        limits: of memory and time for one item.
        address: of a running cluster, as ``ray.init`` takes it; without one Ray is started on this machine.

    Raises:
        RayMissingError: as said.
        OSError: if the task could not read or write its own files.
        TaskError: if the task failed otherwise. Batches that are done stay done.
    """
    ray = _ray()
    ours = not ray.is_initialized()
    if ours:
        _knock(address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a build tells nobody about itself unless asked to
        try:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, configure_logging=False,
                     **({} if address else {"num_cpus": workers}))  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise RayMissingError(f"no Ray cluster at {address or 'this machine'}: {error}") from error
    try:
        yield from _run(ray, task, batches, workers, limits)
    finally:
        if ours:
            ray.shutdown()


def _run(ray: Any, task: Task, batches: Sequence[int], workers: int, limits: Limits) -> Iterator[int]:  # noqa: ANN401
    actor = ray.remote(num_cpus=1)(Supervisor)
    shared = ray.put(task)
    todo = deque(batches)
    running: dict[Any, tuple[Any, int]] = {}
    losses = Counter[int]()

    def give(one: Any) -> None:  # noqa: ANN401
        if todo:
            batch = todo.popleft()
            running[one.do.remote(batch)] = (one, batch)

    for _ in range(min(workers, len(batches))):
        give(actor.remote(shared, limits))
    try:
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            one, batch = running.pop(done[0])
            try:
                ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.RayActorError as error:  # its machine went away
                losses[batch] += 1
                if losses[batch] > _MAX_LOSSES:
                    raise TaskError(f"the Ray actor was lost {losses[batch]} times: {error}") from error
                todo.appendleft(batch)
                one = actor.remote(shared, limits)
            else:
                yield batch
            give(one)
    finally:
        for one, _ in running.values():
            ray.kill(one)


def _knock(address: str | None) -> None:
    """Ray itself waits many minutes for a cluster that is not there."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise RayMissingError(f"no Ray cluster at {address}: {error.strerror or error}") from error


def _ray() -> Any:  # noqa: ANN401 - an optional package
    try:
        import ray
    except ImportError as error:
        raise RayMissingError("Ray is not installed: pip install 'genmed-bench[ray]'") from error
    return ray
