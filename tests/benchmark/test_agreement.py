"""What of an observation is kept in the end: hand-made damage on a slab."""

from __future__ import annotations

import numpy as np

from benchmark.contract import Observation
from benchmark.observations import Identity
from benchmark.observations.agreement import reconcile
from benchmark.spaces import SDF
from benchmark.tasks.shape_completion.prompts import observe
from medshape_text.curate.sdf import sdf_from_mask


def _slab() -> np.ndarray:
    mask = np.zeros((64, 64, 64), dtype=bool)
    mask[20:44, 20:44, 20:44] = True
    return mask


def test_planes_are_always_kept() -> None:
    truth = sdf_from_mask(_slab())
    observation = observe("triplane", truth, 0)
    answer = reconcile(np.full_like(truth, 0.1), observation, 1.0, 2.0)
    np.testing.assert_array_equal((answer < 0)[observation.mask], _slab()[observation.mask])
    assert not (answer < 0)[~observation.mask].any()


def test_far_contradictions_are_damage_and_near_ones_are_detail() -> None:
    truth = _slab()
    damaged = truth.copy()
    damaged[5:9, 5:9, 5:9] = True  # an addition far outside
    damaged[44, 30:33, 30:33] = True  # a bump of one voxel on the surface: detail
    everywhere = np.ones_like(truth)
    observation = Observation("shape", Identity(), sdf_from_mask(damaged), everywhere, False, SDF)
    answer = reconcile(sdf_from_mask(truth), observation, contradiction=1.5, margin=2.0) < 0
    assert not answer[5:9, 5:9, 5:9].any()
    assert answer[44, 30:33, 30:33].all()
    rest = np.ones_like(truth)
    rest[5:9, 5:9, 5:9] = rest[44, 30:33, 30:33] = False
    np.testing.assert_array_equal(answer[rest], truth[rest])
