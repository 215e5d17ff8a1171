"""Running a method over the cases of a task: predict, check, store, score, record; resume where it stopped."""

from __future__ import annotations

import copy
import dataclasses
import random
import resource
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch

from benchmark.contract import Case, Method, Prediction, TruthControl
from benchmark.determinism import make_deterministic
from benchmark.errors import RunError
from benchmark.metrics.base import OK, Score
from benchmark.observations import observation_hash
from benchmark.provenance import describe
from benchmark.records.files import exclusive
from benchmark.records.predictions import check_prediction, prediction_path, stored_form, write_prediction
from benchmark.records.reader import Run, load_run
from benchmark.records.rows import Row
from benchmark.records.writer import RunWriter
from benchmark.scoring import expected_scores, score_failure, score_floor, score_prediction
from benchmark.tasks import Task
from medshape_text.seeds import seed_for


class CaseSource(Protocol):
    """Where cases come from (`benchmark.data.ShapeDataset` is one)."""

    @property
    def ids(self) -> Sequence[str]:
        """Ids of all cases, in order."""
        ...

    def case(self, index: int, prompt: str) -> Case:
        """One case, observed through a prompt."""
        ...


@dataclass(frozen=True)
class Plan:
    """What to run. ``configuration`` is what the numbers depend on; a folder holds one configuration only."""

    method: Method | TruthControl
    task: Task
    source: CaseSource
    out: Path
    configuration: Mapping[str, Any]
    seed: int = 0
    limit: int | None = None
    device: str = "cpu"
    sees_truth: bool = False
    """Whether the method's spec declares it a control that may see the truth; its having ``reveal`` is not enough."""

    @property
    def case_ids(self) -> list[str]:
        """Ids of the cases to run."""
        return list(self.source.ids)[: self.limit]


@dataclass(frozen=True)
class Outcome:
    """A finished case, for progress displays. ``status`` is "ok" or the reason why the prediction failed."""

    case: str
    status: str
    seconds: float


def execute(plan: Plan, on_case: Callable[[Outcome], None] = lambda _: None) -> Run:
    """Run what is not yet finished of a plan.

    Results depend on the configuration only: not on the order of cases, nor on how often the run was
    killed and started again. A method that raises loses its case, not the run.

    Args:
        plan: what to run.
        on_case: called after every finished case.

    Returns:
        The complete run.

    Raises:
        RunError: if the folder holds another configuration, is damaged or in use.
        WriteError: if the disk refuses a write.
    """
    make_deterministic()
    with exclusive(plan.out):
        writer = RunWriter(plan.out)
        writer.open(plan.configuration, {"cases": plan.case_ids, **describe(plan.configuration, plan.device)})
        for index in range(_resume(writer, plan), len(plan.case_ids)):
            on_case(_run_case(writer, plan, index))
    return load_run(plan.out)


def predict(method: Method | TruthControl, case: Case, seed: int, sees_truth: bool = False) -> Prediction:
    """Ask a method for one case; it gets copies, so nothing it does can reach the truth kept for scoring."""
    # A method must draw from request.seed only. Seeding the global generators as well keeps one that
    # forgets from depending on which cases came before.
    random.seed(seed)
    torch.manual_seed(seed)
    observation = dataclasses.replace(
        case.observation,
        value=case.observation.value.copy(),
        observed=case.observation.observed.copy(),
        parameters=copy.deepcopy(case.observation.parameters),
    )
    shown = dataclasses.replace(case, observation=observation, truth=case.truth.copy())
    if sees_truth:
        return cast(TruthControl, method).reveal(shown)
    return cast(Method, method).predict(shown.request(seed))


def _resume(writer: RunWriter, plan: Plan) -> int:
    index = {case: position for position, case in enumerate(plan.case_ids)}

    def is_complete(case_id: str, rows: list[dict[str, Any]]) -> bool:
        case = plan.source.case(index[case_id], plan.task.prompt)
        return [(row["metric"], row["signature"]) for row in rows] == expected_scores(case, plan.task)

    done = writer.resume(plan.case_ids, is_complete)
    scored = {row.case for row in load_run(plan.out).rows if row.status == OK}
    missing = [case for case in plan.case_ids[:done] if case in scored and not prediction_path(plan.out, case).exists()]
    if missing:
        raise RunError(f"{plan.out} is damaged: the prediction of {missing[0]} is gone; choose another --out")
    return done


def _run_case(writer: RunWriter, plan: Plan, index: int) -> Outcome:
    case = plan.source.case(index, plan.task.prompt)
    seed = seed_for(case.id, f"predict/{plan.task.name}", plan.seed)
    prediction: Prediction | None = None
    error: str | None = None
    reason: str | None
    started = time.perf_counter()
    try:
        prediction = predict(plan.method, case, seed, plan.sees_truth)
        reason = check_prediction(prediction)
    except Exception as failure:
        reason = "out_of_memory" if isinstance(failure, (MemoryError, torch.OutOfMemoryError)) else "crashed"
        error = f"--- {case.id}\n{traceback.format_exc()}"
    predicted = time.perf_counter()

    scores: list[Score]
    if prediction is None or reason is not None:
        scores = score_failure(reason or "crashed", case, plan.task)
        prediction_path(plan.out, case.id).unlink(missing_ok=True)
    else:
        sdf = stored_form(prediction.sdf)
        write_prediction(plan.out, case.id, sdf)
        scores = score_prediction(sdf, case, plan.task)
    timing = {
        "case": case.id,
        "seconds": predicted - started,
        "scoring_seconds": time.perf_counter() - predicted,
        "status": reason or OK,
        **_memory(plan.device),
    }
    floor = [dataclasses.asdict(score) for score in score_floor(case, plan.task)]
    observation = {
        "case": case.id,
        "sha256": observation_hash(case.observation),
        "empty": case.observation.empty,
        "floor": floor,
    }
    writer.finish_case([Row.of(case, score) for score in scores], timing, observation, error)
    return Outcome(case.id, reason or OK, predicted - started)


def _memory(device: str) -> dict[str, float]:
    """Peak memory of the process so far and, on an accelerator, of its tensors, in MiB."""
    peak = {"peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}
    if device.startswith("cuda"):
        peak["peak_device_mib"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return peak
