"""From names to a plan: find the method and the data, fit what has to be fitted, pin the configuration."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.contract import MethodContext, TrainingData
from benchmark.data.catalogue import Progress, resolve
from benchmark.determinism import make_deterministic
from benchmark.errors import DataError, UsageError
from benchmark.external.method import ExternalMethod
from benchmark.fitting import fit_key, fit_on_run
from benchmark.methods import MethodEntry, find_method
from benchmark.provenance import code_hash, numerical_versions, toolkit_version
from benchmark.runner import Plan
from benchmark.tasks import CaseSource, Family, Task, family_of, find_task, outputs_of, training_for
from benchmark.tasks.family import TrainsByTask

ANY_FAMILY = "any"
"""What controls say that do whatever is asked (the oracle)."""


@dataclass(frozen=True)
class Request:
    """What somebody asked ``genmed-bench run`` for."""

    method: str
    task: str
    data: str = "mini"
    split: str = "test"
    limit: int | None = None
    seed: int = 0
    device: str = "auto"
    out: Path | None = None
    checkpoint: Path | None = None
    fit_dir: Path | None = None


def prepare(request: Request, progress: Progress = lambda *_: None) -> Plan:
    """Everything up to the first case. Names are checked before anything slow happens.

    Raises:
        BenchError: of the kind that fits, with one clear message.
    """
    task, entry = find_task(request.task), find_method(request.method)
    if not {task.family, ANY_FAMILY} & set(entry.spec.task_families):
        able = ", ".join(entry.spec.task_families)
        raise UsageError(f"method {entry.spec.name!r} does not do {task.family} (task {task.name!r}); it does {able}")
    family = family_of(task)
    folder = resolve(request.data, progress)
    source = family.cases(task, folder, request.split)
    if not len(source.groups):
        raise DataError(f"split {request.split!r} of {folder} has no cases of {task.name}")
    device = resolve_device(request.device)
    make_deterministic()
    if request.checkpoint is not None and not request.checkpoint.exists():
        raise UsageError(f"there is no checkpoint {request.checkpoint}")
    training = training_for(task, folder, "train", request.seed) if is_learnt(entry, family) else None
    revision = source.revision if training is None else training.revision
    method = entry.build(MethodContext(device, request.checkpoint, outputs_of(task, source), revision))
    if isinstance(method, ExternalMethod):
        method.progress = progress  # building its environment takes minutes, and its command may tell how far it is
    progress("fitting", 0, 1)
    learnt = training if entry.spec.fit == "on-run" else None
    fit_on_run(method, entry, learnt, request.fit_dir)
    progress("fitting", 1, 1)
    return Plan(
        method=method,
        family=family,
        task=task,
        source=source,
        out=request.out or default_out(request, entry),
        configuration=configuration(request, family, task, entry, source, method, device, learnt),
        seed=request.seed,
        limit=request.limit,
        device=device,
        sees_truth=entry.spec.sees_truth,
        method_facts=method.provenance if isinstance(method, ExternalMethod) else dict,
    )


def is_learnt(entry: MethodEntry, family: Family) -> bool:
    """Whether the training data has to be opened: to fit the method, or to know which of its weights may be used."""
    return entry.spec.fit == "on-run" or (entry.spec.fit == "weights" and isinstance(family, TrainsByTask))


def signatures(family: Family, task: Task) -> dict[str, str]:
    """``profile/metric`` -> signature of everything a task scores; of several units the first."""
    found: dict[str, str] = {}
    for metric in family.metrics(task):
        found.setdefault(f"{metric.profile}/{metric.name}", str(metric.signature))
    return found


def scored_by(family: Family, task: Task) -> dict[str, Any]:
    """What decides the numbers of a task whatever the method, as plain JSON values: a part of every configuration."""
    return {
        "task": json.loads(json.dumps(dataclasses.asdict(task))),
        "signatures": signatures(family, task),
        "toolkit": {"version": toolkit_version(), "code_sha256": code_hash(family)},
        "libraries": numerical_versions(),
    }


def scored_on(source: CaseSource) -> dict[str, str]:
    """Which cases a configuration is about."""
    return {"revision": source.revision, "manifest_sha256": source.manifest_sha256, "split": source.split}


def configuration(
    request: Request,
    family: Family,
    task: Task,
    entry: MethodEntry,
    source: CaseSource,
    method: object,
    device: str,
    learnt: TrainingData | None = None,
) -> dict[str, Any]:
    """All that the numbers of a run depend on, as plain JSON values."""
    weights = getattr(method, "weights_sha256", None)
    if weights is None and request.checkpoint is not None and request.checkpoint.is_file():
        weights = hashlib.sha256(request.checkpoint.read_bytes()).hexdigest()
    scoring = scored_by(family, task)
    return {
        "task": scoring["task"],
        "method": {
            "name": entry.spec.name,
            "spec_sha256": entry.spec_hash,
            "code_sha256": entry.code_hash,
            "weights_sha256": weights,
            "fit": None if learnt is None else fit_key(entry, learnt.revision),
            "samples": entry.spec.samples,
        },
        "data": scored_on(source),
        "signatures": scoring["signatures"],
        "seed": request.seed,
        "limit": request.limit,
        "device": device.split(":")[0],
        "toolkit": scoring["toolkit"],
        "libraries": scoring["libraries"],
    }


def default_out(request: Request, entry: MethodEntry) -> Path:
    """``runs/<task>/<method>`` with what differs from the defaults appended.

    The method is called by the name in its spec: it may have been asked for by the path of its folder.
    """
    parts = [entry.spec.name]
    if request.data != "mini":
        parts.append(Path(request.data).name)
    if request.split != "test":
        parts.append(request.split)
    if request.limit is not None:
        parts.append(f"first{request.limit}")
    if request.seed:
        parts.append(f"seed{request.seed}")
    return Path("runs") / request.task / "-".join(parts)


def resolve_device(name: str) -> str:
    """The device to use; "auto" is CUDA where there is one, else the CPU.

    Raises:
        UsageError: if the device is unknown or not there.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}") from error
    return name
