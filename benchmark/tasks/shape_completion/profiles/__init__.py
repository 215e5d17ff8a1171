"""Named bundles of metrics: ``overlap``, ``genmed`` (the paper's), ``field`` (PointFlow, MPC) and ``dense`` (ours)."""

from __future__ import annotations

from benchmark.contract import Case
from benchmark.metrics.base import Profile, Score
from benchmark.metrics.profiles.dense import Dense
from benchmark.metrics.profiles.field import Field
from benchmark.metrics.profiles.genmed import GenMed
from benchmark.metrics.profiles.overlap import Overlap
from benchmark.names import unknown

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
