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
from typing import Any, Protocol, cast, runtime_checkable

import torch

from benchmark.contract import (
    AnyMethod,
    BatchMethod,
    Case,
    Method,
    Observation,
    Prediction,
    Request,
    Space,
    TruthControl,
)
from benchmark.determinism import make_deterministic
from benchmark.errors import BenchError, MethodError, RunError
from benchmark.metrics.base import MISSING, NOT_APPLICABLE, OK, Score
from benchmark.observations import observation_hash
from benchmark.provenance import describe
from benchmark.records.delivered import Delivered
from benchmark.records.files import append, exclusive
from benchmark.records.predictions import prediction_path, read_prediction, write_prediction
from benchmark.records.reader import Run, load_run
from benchmark.records.rows import Row
from benchmark.records.writer import ERRORS, RunWriter
from benchmark.spaces import prediction_problem
from benchmark.tasks import AsksForItsOwn, CaseSource, Family, Group, Task
from medshape_text.seeds import seed_for

WORK = "work"
"""Folder in a run folder that a method which works on folders may keep things in."""


@runtime_checkable
class Answered(Protocol):
    """In place of a method: predictions that are there already. Nothing of how they were made could be measured."""

    def answer(self, case: Case) -> Prediction | str:
        """The prediction of a case, its values not yet checked, or why there is none."""
        ...


@dataclass(frozen=True)
class Plan:
    """What to run. ``configuration`` is what the numbers depend on; a folder holds one configuration only.

    ``limit`` is a number of cases: the groups that fit into the first so many are run, and at least one.
    """

    method: AnyMethod | Answered
    family: Family
    task: Task
    source: CaseSource
    out: Path
    configuration: Mapping[str, Any]
    seed: int = 0
    limit: int | None = None
    device: str = "cpu"
    sees_truth: bool = False
    """Whether the method's spec declares it a control that may see the truth; its having ``reveal`` is not enough."""
    method_facts: Callable[[], Mapping[str, Any]] = dict
    """What ``run.json`` should say of how the method is installed; asked once, when the run starts."""

    @property
    def groups(self) -> list[Group]:
        """The groups to run."""
        chosen: list[Group] = []
        for group in self.source.groups:
            if self.limit is not None and chosen and sum(len(g.cases) for g in (*chosen, group)) > self.limit:
                break
            chosen.append(group)
        return chosen

    @property
    def outputs(self) -> Mapping[str, Space]:
        """The parts that are asked for."""
        return self.source.outputs if isinstance(self.source, AsksForItsOwn) else self.family.outputs(self.task)

    @property
    def case_ids(self) -> list[str]:
        """Ids of the cases to run."""
        return [case for group in self.groups for case in group.cases]


@dataclass(frozen=True)
class Outcome:
    """A finished case, for progress displays. ``status`` is "ok" or the reason why the prediction failed."""

    case: str
    status: str
    seconds: float


@dataclass(frozen=True)
class _Answer:
    """What came back for a case, its prediction already on disk: "ok" or a reason code, and perhaps a traceback."""

    status: str
    seconds: float | None
    """None where nothing could be measured."""
    error: str | None = None


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
        MethodError: if a method that answers many requests at once stops; what it answered is kept.
        WriteError: if the disk refuses a write.
    """
    make_deterministic()
    with exclusive(plan.out):
        writer = RunWriter(plan.out)
        groups = plan.groups
        facts: dict[str, Any] = {"cases": plan.case_ids}
        if any(group.cases != (group.id,) for group in groups):
            facts["groups"] = {group.id: list(group.cases) for group in groups}
        if not writer.started and (method_facts := plan.method_facts()):
            facts["method"] = dict(method_facts)
        device = None if isinstance(plan.method, Answered) else plan.device
        writer.open(plan.configuration, {**facts, **describe(plan.configuration, device)})
        done, status = _resume(writer, plan)
        answers = _answer_all(plan, groups[done:], status)
        for group in groups[done:]:
            cases: list[Case] = []
            for case_id in group.cases:
                cases.append(plan.source.case(case_id))
                if case_id not in status:
                    answer = answers.pop(case_id) if case_id in answers else _answer(plan, cases[-1])
                    status[case_id] = answer.status
                    _finish(writer, plan, group, cases, status, answer)
                    on_case(Outcome(case_id, answer.status, answer.seconds or 0.0))
        Delivered(plan.out).clear()
    return load_run(plan.out)


def predict(
    method: AnyMethod, case: Case, outputs: Mapping[str, Space], seed: int, sees_truth: bool = False
) -> Prediction:
    """Ask a method for one case; it gets copies, so nothing it does can reach the truth kept for scoring."""
    # A method must draw from request.seed only. Seeding the global generators as well keeps one that
    # forgets from depending on which cases came before.
    random.seed(seed)
    torch.manual_seed(seed)
    if sees_truth:
        shown = dataclasses.replace(
            case, observations=_copied(case), truth={name: array.copy() for name, array in case.truth.items()}
        )
        return cast(TruthControl, method).reveal(shown)
    return cast(Method, method).predict(request_of(case, outputs, seed))


def request_of(case: Case, outputs: Mapping[str, Space], seed: int) -> Request:
    """A request whose arrays are the method's own."""
    return dataclasses.replace(case.request(dict(outputs), seed), observations=_copied(case))


def prediction_seed(case_id: str, task: Task, seed: int) -> int:
    """The seed of a request; everything a method draws for it comes from here."""
    return seed_for(case_id, f"predict/{task.name}", seed)


def _copied(case: Case) -> tuple[Observation, ...]:
    return tuple(
        dataclasses.replace(
            each, value=each.value.copy(), mask=each.mask.copy(), parameters=copy.deepcopy(each.parameters)
        )
        for each in case.observations
    )


def _resume(writer: RunWriter, plan: Plan) -> tuple[int, dict[str, str]]:
    def is_complete(group: Group, rows: list[dict[str, Any]]) -> bool:
        cases = [plan.source.case(case) for case in group.cases]
        expected = [(metric.name, metric.signature) for metric in plan.family.expected(plan.task, cases)]
        return [(row["metric"], row["signature"]) for row in rows] == expected

    done, status = writer.resume(plan.groups, is_complete)
    missing = [case for case, each in status.items() if each == OK and not prediction_path(plan.out, case).exists()]
    if missing:
        raise RunError(f"{plan.out} is damaged: the prediction of {missing[0]} is gone; choose another --out")
    return done, status


@dataclass(frozen=True)
class _Requests(Sequence[Request]):
    """Requests that are made when looked at, so that a million cases need no memory."""

    plan: Plan
    case_ids: Sequence[str]

    def __len__(self) -> int:
        return len(self.case_ids)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - an index or a slice, as of any sequence
        if isinstance(index, slice):
            return _Requests(self.plan, self.case_ids[index])
        case = self.plan.source.case(self.case_ids[index])
        seed = prediction_seed(case.id, self.plan.task, self.plan.seed)
        return request_of(case, self.plan.outputs, seed)


def _answer_all(plan: Plan, groups: Sequence[Group], finished: Mapping[str, str]) -> dict[str, _Answer]:
    """Answers of a method that works on folders; of any other none, it is asked case by case.

    Nothing is recorded before all are there, but what is handed over is kept: when the method stops or is killed,
    it is next asked for the rest.

    Raises:
        MethodError: if the method raises; errors of ours pass as they are.
    """
    if not isinstance(plan.method, BatchMethod):
        return {}
    wanted = {case: None for group in groups for case in group.cases if case not in finished}
    delivered = Delivered(plan.out)
    answers = {case: _Answer(*told) for case, told in delivered.read().items() if case in wanted}
    asked = {case: None for case in wanted if case not in answers}
    new: set[str] = set()
    started = time.perf_counter()

    def keep(case_id: str, answer: Prediction | str) -> None:
        if case_id not in asked:  # its work folder may still hold what was recorded before
            return
        new.add(case_id)
        seconds = (time.perf_counter() - started) / len(new)
        status = _reason(answer) if isinstance(answer, str) else _store(plan, plan.source.case(case_id), answer)
        delivered.add(case_id, status, seconds)
        answers[case_id] = _Answer(status, seconds)

    if asked:
        try:
            plan.method.predict_all(_Requests(plan, list(asked)), plan.out / WORK, keep)
        except BenchError:  # one clear message already
            raise
        except Exception as failure:  # a stranger's code may raise anything
            append(plan.out / ERRORS, f"--- predict_all\n{traceback.format_exc()}")
            raise MethodError(
                f"method {plan.configuration['method']['name']!r} stopped: {failure!r}; {len(answers)} of "
                f"{len(wanted)} answers are kept, and the same command goes on with the rest "
                f"[traceback: {plan.out / ERRORS}]"
            ) from failure
    return answers | {case: _Answer(MISSING, 0.0) for case in asked if case not in answers}


def _reason(said: str) -> str:
    """The status of a case that a method says it has no prediction for; never one that is no failure."""
    return "crashed" if said in ("", OK, NOT_APPLICABLE) else said


def _answer(plan: Plan, case: Case) -> _Answer:
    if isinstance(plan.method, Answered):
        found = plan.method.answer(case)
        return _Answer(found if isinstance(found, str) else _store(plan, case, found), None)
    seed = prediction_seed(case.id, plan.task, plan.seed)
    started = time.perf_counter()
    try:
        prediction = predict(plan.method, case, plan.outputs, seed, plan.sees_truth)
    except Exception as failure:
        kind = "out_of_memory" if isinstance(failure, (MemoryError, torch.OutOfMemoryError)) else "crashed"
        return _Answer(kind, time.perf_counter() - started, f"--- {case.id}\n{traceback.format_exc()}")
    seconds = time.perf_counter() - started
    return _Answer(_store(plan, case, prediction), seconds)


def _store(plan: Plan, case: Case, prediction: object) -> str:
    """Write a prediction that can be scored; says why one cannot."""
    outputs = plan.outputs
    problem = prediction_problem(prediction, outputs, case.grid)
    if problem is not None:
        return problem
    write_prediction(plan.out, case.id, cast(Prediction, prediction), outputs)
    return OK


def _finish(
    writer: RunWriter, plan: Plan, group: Group, cases: Sequence[Case], status: Mapping[str, str], answer: _Answer
) -> None:
    """Record the last of ``cases``, and with the last case of its group the group's scores."""
    case = cases[-1]
    if answer.status != OK:
        prediction_path(plan.out, case.id).unlink(missing_ok=True)
    started = time.perf_counter()
    rows: list[Row] = []
    floor: list[Score] = []
    if len(cases) == len(group.cases):
        rows = [Row.of(group.id, cases, score) for score in _scores(plan, cases, status)]
        scored = time.perf_counter()
        floor = plan.family.floor(plan.task, cases)
    else:
        scored = started
    timing: dict[str, Any] = {"case": case.id, "status": answer.status}
    if answer.seconds is not None:
        timing = {
            "case": case.id,
            "seconds": answer.seconds,
            "scoring_seconds": scored - started,
            "status": answer.status,
            **_memory(plan.device),
        }
    observation = {
        "case": case.id,
        "sha256": observation_hash(case.observations),
        "empty": any(each.empty for each in case.observations),
        "floor": [dataclasses.asdict(score) for score in floor],
    }
    writer.finish_case(timing, observation, answer.error)
    if rows:
        writer.finish_group(rows)


def _scores(plan: Plan, cases: Sequence[Case], status: Mapping[str, str]) -> list[Score]:
    outputs = plan.outputs
    predictions = {
        case.id: read_prediction(plan.out, case.id, outputs, case.grid) for case in cases if status[case.id] == OK
    }
    failures = {case.id: status[case.id] for case in cases if status[case.id] != OK}
    return plan.family.score(plan.task, cases, predictions, failures)


def _memory(device: str) -> dict[str, float]:
    """Peak memory of the process so far and, on an accelerator, of its tensors, in MiB."""
    peak = {"peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}
    if device.startswith("cuda"):
        peak["peak_device_mib"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return peak
