"""What a score is, what pins it, and what a bundle of metrics (a profile) has to offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark.contract import Case, Volume

OK = "ok"
NOT_APPLICABLE = "nothing_observed"
"""The one status that is nobody's failure: no part of the truth was observed, so there is nothing to score."""


class Signature(str):
    """One string that pins every choice of a metric, in the manner of sacreBLEU.

    >>> Signature.of("cd", "genmed", {"points": 512, "unit": "box"})
    'cd|genmed|points:512|unit:box|v1'
    """

    __slots__ = ()

    @classmethod
    def of(cls, metric: str, profile: str, choices: Mapping[str, object], version: int = 1) -> Signature:
        """Join metric, profile, choices in the order given, and a version that changes with any number."""
        parts = [metric, profile, *(f"{key}:{value}" for key, value in choices.items()), f"v{version}"]
        return cls("|".join(parts))


@dataclass(frozen=True)
class Score:
    """One number of one case: a value with status "ok", or the worst value with the reason it was given.

    ``value`` is None only with status "nothing_observed".
    """

    metric: str
    signature: str
    value: float | None
    status: str = OK


@dataclass(frozen=True)
class Metric:
    """A metric of a profile as people read about it."""

    name: str
    signature: str
    description: str
    higher_is_better: bool = False


def scores_of(metrics: Sequence[Metric], values: Sequence[float], status: str = OK) -> list[Score]:
    """A score for every metric, all with one status."""
    return [Score(m.name, m.signature, value, status) for m, value in zip(metrics, values, strict=True)]


class Profile(Protocol):
    """A named bundle of metrics with one set of conventions.

    A profile is told everything that may matter for a case, and always answers with the same metrics in
    the same order for it: values, or through ``worst`` the values a missing answer deserves.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics it may give."""
        ...

    def signatures(self, case: Case) -> Mapping[str, str]:
        """Metric name → signature for this case (units depend on whether its scale is known)."""
        ...

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Score a finite (64, 64, 64) SDF; a prediction without a surface gets the worst distances."""
        ...

    def worst(self, case: Case, reason: str) -> list[Score]:
        """The scores of a missing, invalid or crashed prediction, each with ``reason`` as its status."""
        ...

    def floor(self, case: Case) -> list[Score]:
        """The scores of the truth against itself sampled afresh: differences below them are sampling noise."""
        ...
