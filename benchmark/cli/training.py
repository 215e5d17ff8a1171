"""``genmed-bench fit``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from benchmark.cli.reporting import Steps, progress_bars
from benchmark.cores import available_cores, threads
from benchmark.data.catalogue import resolve
from benchmark.errors import MethodError, UsageError
from benchmark.methods import find_method
from benchmark.planning import resolve_device
from benchmark.tasks import find_family, find_task, training_for


def fit(
    method: str, config: str, out: Path, data: str, device: str, resume: bool, task: str | None = None, seed: int = 0
) -> None:
    """Hand over to the method's own ``fit_command``; how it trains is its business.

    Raises:
        UsageError: for a task of another family.
        MethodError: if it has none, or it refuses (an unknown configuration, a checkpoint of another one).
    """
    import torch

    entry = find_method(method)
    bars = progress_bars()
    command = entry.fit_command(Steps(bars))
    family = find_family(entry.spec.task_families[0])
    learnt = find_task(task) if task else None
    if learnt and learnt.family not in entry.spec.task_families:
        raise UsageError(f"method {method!r} does not do {learnt.family} (task {learnt.name!r})")
    torch.set_num_threads(threads(available_cores()))  # training is worth all of them
    with progress_bars() as shown:
        folder = resolve(data, Steps(shown))
    training, validation = (
        training_for(learnt, folder, split, seed) if learnt else family.training_data(folder, split)
        for split in ("train", "validation")
    )
    try:
        with bars if entry.external else nullcontext():  # others print as they like, which bars would tear
            command(config, training, validation, out, resolve_device(device), resume)
    except (ValueError, LookupError, OSError) as error:
        raise MethodError(f"training {method!r} stopped: {error}") from error
