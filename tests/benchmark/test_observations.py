"""Prompts against a few lines of numpy and scipy written independently of the library."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from benchmark.observations import (
    Identity,
    Planes,
    Sphere,
    SphereDamage,
    draw_spheres,
    observation_hash,
)
from benchmark.tasks.shape_completion.prompts import observe

PLANES = {
    "oneplane": np.s_[[32], :, :],
    "multiplane": np.s_[[0, 8, 16, 24, 32, 40, 48, 56], :, :],
}


@pytest.fixture
def bone(ellipsoid):
    """An asymmetric shape off every symmetry plane, so that a wrong axis or index cannot go unseen."""
    return np.minimum(ellipsoid((27, 12, 9), (33, 30, 35)), ellipsoid((8, 20, 6), (20, 34, 30)))


def independent_broken(sdf, seed, noisy=False):
    rng = np.random.default_rng(seed)
    mask = sdf < 0
    grid = np.indices(mask.shape)
    for _ in range(5):
        carve = rng.random() > 0.5 and not noisy
        candidates = np.argwhere(mask == carve)
        if len(candidates) == 0:
            continue
        centre = candidates[rng.integers(len(candidates))]
        radius = rng.uniform(1, 5)
        mask[np.sqrt(((grid - centre[:, None, None, None]) ** 2).sum(0)) <= radius] = not carve
    signed = distance_transform_edt(~mask) - distance_transform_edt(mask)
    return np.clip(signed / 32, -0.2, 0.2).astype(np.float32), mask


@pytest.mark.parametrize("prompt", ["oneplane", "multiplane"])
def test_plane_prompts_equal_numpy_slicing(prompt, bone):
    expected, where = np.zeros((64, 64, 64), np.float32), np.zeros((64, 64, 64), bool)
    expected[PLANES[prompt]] = (bone < 0)[PLANES[prompt]]
    where[PLANES[prompt]] = True
    observation = observe(prompt, bone, seed=0)
    np.testing.assert_array_equal(observation.value, expected)
    np.testing.assert_array_equal(observation.mask, where)
    assert observation.exact
    assert observation.space.kind == "occupancy"
    assert 0 < observation.value.sum() < (bone < 0).sum()


def test_triplane_equals_numpy_slicing(bone):
    mask = bone < 0
    expected, where = np.zeros((64, 64, 64), np.float32), np.zeros((64, 64, 64), bool)
    for index in (np.s_[32, :, :], np.s_[:, 32, :], np.s_[:, :, 32]):
        expected[index], where[index] = mask[index], True
    observation = observe("triplane", bone, seed=0)
    np.testing.assert_array_equal(observation.value, expected)
    np.testing.assert_array_equal(observation.mask, where)
    assert where.sum() == 3 * 64**2 - 3 * 64 + 1


@pytest.mark.parametrize("prompt", ["broken", "noisy"])
@pytest.mark.parametrize("seed", range(4))
def test_corrupted_prompts_equal_an_independent_computation(prompt, seed, bone):
    expected, damaged = independent_broken(bone, seed, noisy=prompt == "noisy")
    observation = observe(prompt, bone, seed)
    np.testing.assert_array_equal(observation.value, expected)
    assert observation.mask.all()
    assert (damaged != (bone < 0)).any()


def test_noisy_only_adds_and_broken_also_carves(bone):
    mask = bone < 0
    for seed in range(4):
        assert not (mask & (observe("noisy", bone, seed).value >= 0)).any()
    assert any((mask & (observe("broken", bone, seed).value >= 0)).any() for seed in range(4))


def test_the_operator_of_a_corrupted_prompt_does_not_tell_where_the_damage_is(bone):
    first, second = observe("broken", bone, 1), observe("broken", bone, 2)
    assert isinstance(first.operator, Identity)
    assert first.parameters == second.parameters
    assert not np.array_equal(first.value, second.value)


@pytest.mark.parametrize("prompt", ["oneplane", "triplane", "multiplane"])
def test_thresholding_the_plane_operator_gives_the_value(prompt, bone):
    observation = observe(prompt, bone, 0)
    soft = observation.operator(torch.from_numpy(bone))
    np.testing.assert_array_equal((soft > 0.5).numpy(), observation.value > 0.5)
    assert soft.dtype == torch.float32


def test_plane_operator_is_batched_and_differentiable_on_the_planes_only(bone):
    operator = Planes(((32,), (), ()))
    sdf = torch.from_numpy(np.stack([bone, bone])[:, None]).double().requires_grad_()
    operator(sdf).sum().backward()
    assert sdf.grad is not None
    assert (sdf.grad[:, :, 32] < 0).all()
    assert sdf.grad[:, :, :32].abs().max() == 0
    small = torch.randn(64, 64, 64, dtype=torch.float64).mul(0.05).requires_grad_()
    step = torch.randn(64, 64, 64, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(operator(small).sum(), small)
    numeric = (operator(small + 1e-6 * step).sum() - operator(small - 1e-6 * step).sum()) / 2e-6
    assert torch.isclose((gradient * step).sum(), numeric, rtol=1e-6)


def test_sphere_damage_operator_has_the_sign_of_the_damaged_mask(bone):
    for seed in range(3):
        report = draw_spheres(bone < 0, np.random.default_rng(seed))
        damaged = SphereDamage(report.spheres)(torch.from_numpy(bone).double())
        np.testing.assert_array_equal((damaged < 0).numpy(), report.mask)


def test_sphere_damage_of_one_hand_made_ball():
    outside = torch.full((64, 64, 64), 0.2, dtype=torch.float64)
    added = SphereDamage((Sphere((10, 20, 30), 1.5, carve=False),))(outside)
    assert int((added < 0).sum()) == 19  # 1 + 6 at distance 1 + 12 at distance sqrt(2)
    assert added[10, 20, 30].item() == pytest.approx(-1.5 / 32)
    assert added[11, 20, 30].item() == pytest.approx(-0.5 / 32)


def test_carving_an_empty_mask_is_skipped_and_counted():
    report = draw_spheres(np.zeros((64, 64, 64), bool), np.random.default_rng(3), carve_probability=1.0)
    assert (report.skipped, report.spheres, report.mask.any()) == (5, (), False)
    full = draw_spheres(np.ones((64, 64, 64), bool), np.random.default_rng(3), carve_probability=0.0)
    assert (full.skipped, full.mask.all()) == (5, True)


def test_a_tiny_shape_can_be_carved_away_entirely():
    tiny = np.full((64, 64, 64), 0.2, np.float32)
    tiny[32, 32, 32] = -0.01
    coins = [np.random.default_rng(seed).random(3) > 0.5 for seed in range(100)]
    carved_at_first = next(seed for seed, coin in enumerate(coins) if coin[0])
    assert not draw_spheres(tiny < 0, np.random.default_rng(carved_at_first)).mask[32, 32, 32]
    report = draw_spheres(tiny < 0, np.random.default_rng(0), carve_probability=1.0)
    assert report.skipped == 4
    assert len(report.spheres) == 1
    assert not report.mask.any()


def test_an_emptied_shape_is_flagged_and_far_outside_everywhere(monkeypatch):
    tiny = np.full((64, 64, 64), 0.2, np.float32)
    tiny[32, 32, 32] = -0.01
    monkeypatch.setattr("benchmark.observations.spheres.SPHERE_COUNT", 1)
    seed = next(seed for seed in range(100) if np.random.default_rng(seed).random() > 0.5)
    observation = observe("broken", tiny, seed)
    assert observation.empty
    np.testing.assert_array_equal(observation.value, np.full((64, 64, 64), 0.2, np.float32))


def test_a_plane_that_misses_the_shape_is_flagged(ellipsoid, bone):
    beside = ellipsoid((6, 6, 6), (12, 12, 12))
    assert observe("oneplane", beside, 0).empty
    assert not observe("multiplane", beside, 0).empty
    assert not observe("oneplane", bone, 0).empty


def test_observing_leaves_the_shape_alone(bone):
    before, mask = bone.copy(), bone < 0
    draw_spheres(mask, np.random.default_rng(0))
    np.testing.assert_array_equal(mask, bone < 0)
    for prompt in ("oneplane", "triplane", "multiplane", "broken", "noisy"):
        observe(prompt, bone, 5)
    np.testing.assert_array_equal(bone, before)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**63 - 1))
def test_damage_touches_only_voxels_inside_its_spheres(seed):
    mask = np.zeros((64, 64, 64), bool)
    mask[20:44, 25:40, 28:36] = True
    report = draw_spheres(mask, np.random.default_rng(seed))
    reach = np.zeros_like(mask)
    grid = np.indices(mask.shape)
    for sphere in report.spheres:
        assert 1 <= sphere.radius <= 5
        reach |= ((grid - np.array(sphere.centre)[:, None, None, None]) ** 2).sum(0) <= sphere.radius**2
    assert not ((mask != report.mask) & ~reach).any()


def observation_hash_of(observation):
    return observation_hash([observation])


def test_hash_depends_on_everything_a_method_can_see(bone, ellipsoid):
    hashes = {
        observation_hash_of(observe(p, bone, 0)) for p in ("oneplane", "triplane", "multiplane", "broken", "noisy")
    }
    assert len(hashes) == 5
    assert observation_hash_of(observe("broken", bone, 0)) == observation_hash_of(observe("broken", bone.copy(), 0))
    assert observation_hash_of(observe("broken", bone, 0)) != observation_hash_of(observe("broken", bone, 1))
    assert observation_hash_of(observe("oneplane", bone, 0)) == observation_hash_of(observe("oneplane", bone, 1))
    other = ellipsoid((20, 10, 10))
    assert observation_hash_of(observe("oneplane", bone, 0)) != observation_hash_of(observe("oneplane", other, 0))


def test_bad_input_is_refused(bone):
    with pytest.raises(LookupError, match="did you mean 'triplane'"):
        observe("tri-plane", bone, 0)
    with pytest.raises(ValueError, match="64"):
        observe("oneplane", bone[:32], 0)
    with pytest.raises(ValueError, match="finite"):
        observe("broken", np.full((64, 64, 64), np.nan), 0)
