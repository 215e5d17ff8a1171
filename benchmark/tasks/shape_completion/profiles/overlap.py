"""Overlap of voxels: Dice with the truth, and with what was observed of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.contract import Case, Volume
from benchmark.metrics.base import Metric, Score, Signature
from benchmark.metrics.overlap import dice
from benchmark.tasks.shape_completion.tasks import SHAPE

HEADING = "Overlap"
DICE = Metric(
    "dice",
    Signature.of("dice", "overlap", {"input": "sdf<0", "grid": 64, "empty": "nan"}),
    "Dice of prediction and truth",
    "Dice",
    HEADING,
    higher_is_better=True,
    digits=".3f",
)
OBSERVED_DICE = Metric(
    "observed_dice",
    Signature.of("observed_dice", "overlap", {"input": "sdf<0", "grid": 64, "where": "observed", "empty": 1}),
    "Dice of prediction and observation on the observed voxels (exact prompts)",
    "Observed Dice",
    HEADING,
    higher_is_better=True,
    digits=".3f",
)


@dataclass(frozen=True)
class Overlap:
    """Dice, and for exact prompts the agreement with them (1 where neither has foreground there)."""

    name: str = "overlap"
    metrics: tuple[Metric, ...] = (DICE, OBSERVED_DICE)

    def applicable(self, case: Case) -> Sequence[Metric]:
        """Agreement with the observation is asked for where it is exact."""
        return self.metrics if case.observation.exact else (DICE,)

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Both overlaps."""
        scores = [Score(DICE.name, DICE.signature, float(dice(prediction, case.truth[SHAPE], sdf=True)))]
        if OBSERVED_DICE in self.applicable(case):
            from benchmark.observations.agreement import observed_inside  # brings torch, which listing does not need

            seen, inside = case.observation.mask, observed_inside(case.observation)
            agreement = float(dice(prediction[seen], inside[seen], empty=1, sdf=True))
            scores.append(Score(OBSERVED_DICE.name, OBSERVED_DICE.signature, agreement))
        return scores

    def worst(self, case: Case, reason: str) -> list[Score]:
        """Zero."""
        return [Score(metric.name, metric.signature, 0.0, reason) for metric in self.applicable(case)]

    def floor(self, case: Case) -> list[Score]:
        """Nothing: overlaps are not sampled."""
        return []
