"""Named bundles of metrics: ``overlap``, ``genmed`` (the paper's), ``field`` (PointFlow, MPC) and ``dense`` (ours)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from benchmark.contract import Case, Volume
from benchmark.metrics.base import Metric, Score
from benchmark.names import unknown
from benchmark.tasks.shape_completion.profiles.dense import Dense
from benchmark.tasks.shape_completion.profiles.field import Field
from benchmark.tasks.shape_completion.profiles.genmed import GenMed
from benchmark.tasks.shape_completion.profiles.overlap import Overlap


class Profile(Protocol):
    """A named bundle of metrics of a completed shape, with one set of conventions.

    A profile always answers with the same metrics in the same order for a case: values, or through ``worst`` the
    values that a missing answer deserves.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics it may give."""
        ...

    def applicable(self, case: Case) -> Sequence[Metric]:
        """Those of this case, in order (units depend on whether its scale is known)."""
        ...

    def score(self, prediction: Volume, case: Case) -> list[Score]:
        """Score a finite (64, 64, 64) SDF; a prediction without a surface gets the worst distances."""
        ...

    def worst(self, case: Case, reason: str) -> list[Score]:
        """The scores of a missing, invalid or crashed prediction, each with ``reason`` as its status."""
        ...

    def floor(self, case: Case) -> list[Score]:
        """The truth against itself sampled afresh; empty for a profile that does not sample."""
        ...


PROFILES: dict[str, Profile] = {bundle.name: bundle for bundle in (Overlap(), GenMed(), Field(), Dense())}


def profile(name: str) -> Profile:
    """A profile by name.

    Raises:
        UnknownNameError: with a hint when there is none.
    """
    if name not in PROFILES:
        raise unknown("metric profile", name, PROFILES)
    return PROFILES[name]


def sampling_floor(case: Case, name: str) -> list[Score]:
    """The scores of a case's truth against itself sampled afresh, under one profile."""
    return profile(name).floor(case)
