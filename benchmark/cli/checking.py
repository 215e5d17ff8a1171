"""``genmed-bench check-method``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmark.cli.reporting import Steps, progress_bars
from benchmark.conformance import Checks, Trial
from benchmark.contract import MethodContext, Request
from benchmark.data.catalogue import Progress, resolve
from benchmark.errors import DataError, MethodError
from benchmark.methods import find_method
from benchmark.planning import resolve_device
from benchmark.tasks import Task, find_family, find_task, outputs_of, training_for
from medshape_text.console import make_console

_COUNT = 3
_SPLIT = "validation"
_MARKS = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: "-"}


def check_method(method: str, task: str, data: str, device: str) -> None:
    """Print a line for every check.

    Raises:
        MethodError: last, if any failed.
    """
    chosen = find_task(task)
    with progress_bars(only_live=True) as bars:
        folder = resolve(data, Steps(bars))
        _build_environment(method, resolve_device(device), Steps(bars))
    requests = sample_requests(chosen, folder, _COUNT)
    training = training_for(chosen, folder, "train")
    console, failed = make_console(), []
    for check in Checks(Trial(method, requests, training, resolve_device(device))):
        console.print(_MARKS[check.passed], end=" ")
        console.print(f"{check.name}: {check.detail}", soft_wrap=True, highlight=False, markup=False)
        if check.passed is False:
            failed.append(check.name)
    if failed:
        raise MethodError(f"method {method!r} fails {len(failed)} of the checks: {', '.join(failed)}")


def _build_environment(method: str, device: str, progress: Progress) -> None:
    """Build the environment of an external method where it can be seen; what is wrong with it the checks say."""
    from benchmark.external.method import ExternalMethod

    with suppress(MethodError):
        built = find_method(method).build(MethodContext(device)) if find_method(method).external else None
        if isinstance(built, ExternalMethod):
            built.progress = progress
            built.prepare()


def sample_requests(task: Task, data_folder: Path, count: int) -> Sequence[Request]:
    """The first requests of a task, never of its test split.

    Raises:
        DataError: if the folder is no data set of the family, or has no cases of the task.
    """
    from benchmark.runner import prediction_seed, request_of

    family = find_family(task.family)
    source = family.cases(task, data_folder, _SPLIT)
    case_ids = [case_id for group in source.groups for case_id in group.cases][:count]
    if not case_ids:
        raise DataError(f"split {_SPLIT!r} of {data_folder} has no cases of {task.name}")
    outputs = outputs_of(task, source)
    return [request_of(source.case(each), outputs, prediction_seed(each, task, 0)) for each in case_ids]
