"""Tasks: what is observed, what is scored, which number is the headline. One file per family."""

from __future__ import annotations

from benchmark.names import unknown
from benchmark.tasks.base import Task
from benchmark.tasks.shape_completion import SHAPE_COMPLETION

TASKS: dict[str, Task] = {task.name: task for task in SHAPE_COMPLETION}

__all__ = ["TASKS", "Task", "find_task"]


def find_task(name: str) -> Task:
    """A task by name.

    Raises:
        UnknownNameError: with a hint when there is none.
    """
    if name not in TASKS:
        raise unknown("task", name, TASKS)
    return TASKS[name]
