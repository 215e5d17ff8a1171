"""Fixtures of the baselines' tests."""

from __future__ import annotations

import pytest
from baseline_material import ArrayTrainingData, ellipsoid_sdf


@pytest.fixture
def ellipsoids() -> ArrayTrainingData:
    """Six real and two synthetic ellipsoids of category bone, and one real ball of category ball."""
    radii = [(28, 12 + size, 16) for size in range(6)] + [(28, 12.5, 18), (28, 15.5, 13), (28, 28, 28)]
    origins = ["real_subject"] * 6 + ["synthetic_ssm"] * 2 + ["real_subject"]
    return ArrayTrainingData([ellipsoid_sdf(r) for r in radii], ["bone"] * 8 + ["ball"], origins)
