"""A family of one task that asks for whatever it is told to, in groups of any size; nothing of it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.contract import Case, Grid, Prediction, Space
from benchmark.metrics.base import Metric, Score, Signature
from benchmark.tasks import Group, Task
from leaderboard.asked import Asked

COUNT = Metric("answered", Signature.of("answered", "tiny", {}), higher_is_better=True)
TASK = Task("tiny", "tiny", "answered", "Answer", "nowhere")


@dataclass(frozen=True)
class Tiny:
    """Scores the share of a group's cases that have an answer, and the same for the category "other"."""

    given: Mapping[str, Space]
    name: str = "tiny"
    tasks: tuple[Task, ...] = (TASK,)
    told: list = field(default_factory=list)

    def metrics(self, task=None):
        return (COUNT,)

    def outputs(self, task):
        return self.given

    def expected(self, task, cases):
        return [COUNT, COUNT]

    def score(self, task, cases, predictions, failures):
        self.told.append((sorted(predictions), dict(failures)))
        status = next(iter(failures.values()), "ok")
        value = len(predictions) / len(cases)
        return [Score("answered", COUNT.signature, value, status, category) for category in (None, "other")]

    def floor(self, task, cases):
        return []


@dataclass(frozen=True)
class Heavy(Tiny):
    """Says of every prediction that it weighs too much."""

    def too_costly(self, prediction: Prediction) -> str:
        return "is made of lead"


@dataclass(frozen=True)
class Source:
    """Cases without observations on given grids."""

    groups: Sequence[Group]
    grids: Mapping[str, Grid | None]
    truths: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    revision: str = "ab" * 32
    manifest_sha256: str = ""
    split: str = "test"

    def case(self, case_id: str) -> Case:
        return Case(case_id, f"s-{case_id}", "a", "real", "", self.grids[case_id], (), self.truths.get(case_id, {}))


def asked_for(
    outputs: Mapping[str, Space], grids: Mapping[str, Grid | None], *, sets: Mapping[str, Sequence[str]] | None = None,
    truths: Mapping[str, Mapping[str, np.ndarray]] | None = None, kind: type[Tiny] = Tiny,
) -> Asked:  # fmt: skip
    """What is asked for; every case is a group of its own, or one of ``sets``."""
    groups = [Group(name, tuple(cases)) for name, cases in (sets or {case: [case] for case in grids}).items()]
    return Asked(kind(outputs), TASK, Source(groups, grids, truths or {}), outputs)
