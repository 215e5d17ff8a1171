"""Overlap of voxels: Dice with the truth, and with what was observed of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.contract import Case, Volume
from benchmark.metrics.base import Metric, Score, Signature
from benchmark.metrics.overlap import dice

DICE = Metric(
    "dice",
    Signature.of("dice", "overlap", {"input": "sdf<0", "grid": 64, "empty": "nan"}),
    "Dice of prediction and truth",
    higher_is_better=True,
)
OBSERVED_DICE = Metric(
    "observed_dice",
    Signature.of("observed_dice", "overlap", {"input": "sdf<0", "grid": 64, "where": "observed", "empty": 1}),
    "Dice of prediction and observation on the observed voxels (plane prompts)",
    higher_is_better=True,
)


@dataclass(frozen=True)
class Overlap:
    """Dice, and for plane prompts the agreement with the planes (1 where neither has foreground there)."""

    name: str = "overlap"
    metrics: tuple[Metric, ...] = (DICE, OBSERVED_DICE)

    def signatures(self, case: Case) -> Mapping[str, str]:
        """Metric name → signature; ``observed_dice`` for plane prompts only."""
        return {metric.name: metric.signature for metric in self._applicable(case)}

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Both overlaps."""
        scores = [Score(DICE.name, DICE.signature, float(dice(prediction, case.truth)))]
        if OBSERVED_DICE in self._applicable(case):
            seen = case.observation.observed
            agreement = float(dice(prediction[seen], case.observation.value[seen] > 0.5, empty=1))
            scores.append(Score(OBSERVED_DICE.name, OBSERVED_DICE.signature, agreement))
        return scores

    def worst(self, case: Case, reason: str) -> list[Score]:
        """Zero."""
        return [Score(metric.name, metric.signature, 0.0, reason) for metric in self._applicable(case)]

    def floor(self, case: Case) -> list[Score]:
        """Nothing: overlaps are not sampled."""
        return []

    def _applicable(self, case: Case) -> tuple[Metric, ...]:
        return self.metrics if case.observation.kind == "planes" else (DICE,)
