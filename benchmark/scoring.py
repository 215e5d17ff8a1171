"""A prediction, or the reason why there is none, becomes the scores of a case."""

from __future__ import annotations

from benchmark.contract import Case, Volume
from benchmark.metrics.base import Score
from benchmark.metrics.profiles import profile
from benchmark.tasks import Task


def score_prediction(prediction: Volume, case: Case, task: Task) -> list[Score]:
    """All scores of a checked prediction (`benchmark.records.check_prediction`), in the task's order."""
    return [score for name in task.profiles for score in profile(name).score(prediction, case)]


def score_failure(reason: str, case: Case, task: Task) -> list[Score]:
    """The worst value of every metric, with the reason: a missing answer is counted, never dropped."""
    return [score for name in task.profiles for score in profile(name).worst(case, reason)]


def score_floor(case: Case, task: Task) -> list[Score]:
    """The truth against itself sampled afresh: differences below these are sampling noise."""
    return [score for name in task.profiles for score in profile(name).floor(case)]


def expected_scores(case: Case, task: Task) -> list[tuple[str, str]]:
    """(metric, signature) of every row a case has, in order."""
    return [(metric, str(sig)) for name in task.profiles for metric, sig in profile(name).signatures(case).items()]


def signatures(task: Task) -> dict[str, str]:
    """``profile/metric`` → signature of everything a task scores."""
    return {
        f"{name}/{metric.name}": str(metric.signature) for name in task.profiles for metric in profile(name).metrics
    }
