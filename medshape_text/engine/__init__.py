"""Who does the work: processes here or on a Ray cluster, each watched, so that no shape can take a build down."""

from medshape_text.engine.local import run as run_local
from medshape_text.engine.supervisor import Begin, Fault, Limits, Task, TaskError

__all__ = ["Begin", "Fault", "Limits", "Task", "TaskError", "run_local"]
