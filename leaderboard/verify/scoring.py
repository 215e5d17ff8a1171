"""A submission's cases, scored again by the code that scores runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmark.contract import Case, Volume
from benchmark.metrics.base import NOT_APPLICABLE, OK
from benchmark.metrics.overlap import dice
from benchmark.metrics.packed import PackedMasks, pack
from benchmark.observations import observation_hash
from benchmark.records.predictions import stored_form
from benchmark.records.rows import Row
from benchmark.scoring import score_failure, score_prediction
from benchmark.tasks import Task
from leaderboard.verify.volumes import nearly_same
from medshape_text.hashing import sha256

REASONS = ("missing", "wrong_type", "wrong_shape", "not_finite", "empty", "crashed", "out_of_memory")
"""Why there may be no prediction of a case."""
MISSING = "missing"
"""The reason where a submission gives none of them."""


@dataclass(frozen=True, eq=False)
class Examined:
    """What trusted code found about one case.

    Attributes:
        case: its id.
        subject, category: of the truth.
        rows: of the scores.
        observation: sha256 of what the task lets a method see.
        packed: the prediction: one mask; None if there is none.
        dice: with the truth.
        is_truth: whether the prediction tells the truth more precisely than any method could.
        contradicted: share of exactly observed voxels on which it disagrees; None where nothing is exact.
        digest: identifies the prediction.
    """

    case: str
    subject: str
    category: str
    rows: tuple[Row, ...]
    observation: str
    packed: PackedMasks | None = None
    dice: float = 0.0
    is_truth: bool = False
    contradicted: float | None = None
    digest: str = ""


@dataclass(frozen=True)
class Reported:
    """The self-reported rows by case."""

    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)

    def reason(self, case: str) -> str:
        """Why there is no prediction of a case, as far as that is a reason the runner gives."""
        said = {row.status for row in self.rows.get(case, ())} - {NOT_APPLICABLE}
        return said.pop() if len(said) == 1 and said <= set(REASONS) else MISSING

    def failed(self, case: str) -> bool:
        """Whether a case is reported to have no prediction."""
        said = {row.status for row in self.rows.get(case, ())} - {NOT_APPLICABLE}
        return OK not in said and bool(said & set(REASONS))


def examine(case: Case, task: Task, prediction: Volume | None, reason: str) -> Examined:
    """Score a case: its prediction, or the reason why there is none."""
    scores = score_failure(reason, case, task) if prediction is None else score_prediction(prediction, case, task)
    rows = tuple(Row.of(case, score) for score in scores)
    observation = observation_hash(case.observation)
    if prediction is None:
        return Examined(case.id, case.subject, case.category, rows, observation)
    inside = prediction < 0
    seen = case.observation.observed
    contradicted: float | None = None
    if case.observation.kind == "planes" and seen.any():
        contradicted = float(np.mean(inside[seen] != (case.observation.value[seen] > 0.5)))
    return Examined(
        case.id, case.subject, case.category, rows, observation,
        packed=pack(inside[None]),
        dice=float(dice(prediction, case.truth, sdf=True)),
        is_truth=nearly_same(prediction, stored_form(case.truth)),
        contradicted=contradicted,
        digest=sha256(prediction.tobytes()),
    )  # fmt: skip
