"""A tiny family that scores sets of cases as one: how far the mean answer of a set is from the mean truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmark.contract import Case, Prediction, Space
from benchmark.metrics.base import OK, Metric, Score, Signature
from benchmark.runner import Plan
from benchmark.tasks import Group, Task

ERROR = Metric("error", Signature.of("error", "sets", {}), "distance of means", "Error")
ANSWERED = Metric("answered", Signature.of("answered", "sets", {}), "answers", "Answered", higher_is_better=True)
TASK = Task("sets", "sets", "error", "answer with two numbers", "declared here")
SIZES = {"first": 3, "alone": 1, "second": 2}
"""Sets and their sizes; "alone" is a case that is scored by itself."""
FAILS = "second/0"


@dataclass(frozen=True)
class Sets:
    """Six cases in three groups."""

    revision: str = "r"
    manifest_sha256: str = ""
    split: str = "test"

    @property
    def groups(self) -> Sequence[Group]:
        return [
            Group(name, (name,) if size == 1 else tuple(f"{name}/{i}" for i in range(size)))
            for name, size in SIZES.items()
        ]

    def case(self, case_id: str) -> Case:
        order = [case for group in self.groups for case in group.cases].index(case_id)
        name = case_id.split("/")[0]
        truth = {"numbers": np.array([order, 10.0 * order])}
        return Case(case_id, f"s{order % 2}", name, "real_subject", "numbers", None, (), truth)


@dataclass(frozen=True, eq=False)
class SetsFamily:
    """Scored: the distance of means, and how many answered. ``told`` keeps what `score` was told."""

    name: str = "sets"
    tasks: tuple[Task, ...] = (TASK,)
    told: list = field(default_factory=list)

    def metrics(self, task=None):
        return (ERROR, ANSWERED)

    def outputs(self, task):
        return {"numbers": Space("image", "float64", (2,))}

    def cases(self, task, folder, split):
        return Sets()

    def training_data(self, folder, split):
        raise NotImplementedError

    def expected(self, task, cases):
        return [ERROR, ANSWERED]

    def score(self, task, cases, predictions, failures):
        self.told.append(([case.id for case in cases], sorted(predictions), dict(failures)))
        status = next(iter(failures.values()), OK)
        answers = [predictions[case.id].parts["numbers"] for case in cases if case.id in predictions]
        truth = np.mean([case.truth["numbers"] for case in cases], axis=0)
        error = float(np.abs(np.mean(answers, axis=0) - truth).max()) if answers else 1e6
        return [Score("error", ERROR.signature, error, status), Score("answered", ANSWERED.signature, len(answers), OK)]

    def floor(self, task, cases):
        return [Score("error", ERROR.signature, len(cases) / 10)]


class Guess:
    """Draws its answers; fails on one case."""

    def predict(self, request) -> Prediction | None:
        if request.case_id == FAILS:
            return None
        return Prediction({"numbers": np.random.default_rng(request.seed).normal(size=2).astype(np.float32)})


def sets_plan(out: Path, method: object | None = None, family: SetsFamily | None = None, **options) -> Plan:
    """A plan over the sets."""
    configuration = {
        "method": {"name": "guess"},
        "task": {"name": "sets"},
        "data": {"revision": "r", "split": "test"},
        "limit": options.get("limit"),
    }
    return Plan(method or Guess(), family or SetsFamily(), TASK, Sets(), out, configuration, **options)
