"""Surfaces against spheres and boxes whose geometry is known."""

import numpy as np
import pytest

from benchmark.drawing.packing import STEPS_PER_VOXEL, pack, unpack
from benchmark.drawing.smoothing import taubin
from benchmark.drawing.surfaces import MAX_VERTICES, distance_voxels, surface
from medshape_text.curate.sdf import sdf_from_mask


def volume(found):
    corners = found.vertices[found.faces]
    return np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6


def edges_are_shared_by_two(faces):
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_sphere_is_round_closed_centred_and_turned_outward(shapes):
    found = surface(shapes["ellipsoid"]((20, 20, 20)))
    radius = np.linalg.norm(found.vertices, axis=1)
    assert np.abs(radius - 20).max() < 0.05
    assert volume(found) == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    assert np.einsum("ij,ij->i", found.normals, found.vertices / radius[:, None]).min() > 0.99
    assert edges_are_shared_by_two(found.faces)
    assert found.openness.min() > 200  # nothing hides the light on a sphere


def test_a_shape_cut_by_the_border_of_the_grid_is_closed(shapes):
    assert edges_are_shared_by_two(surface(shapes["ellipsoid"]((20, 20, 20), (0, 0, 25))).faces)


def test_a_pit_is_darker_than_the_ball_it_is_in(shapes):
    found = surface(np.maximum(shapes["ellipsoid"]((25, 25, 25)), -shapes["ellipsoid"]((4, 4, 12), (0, 0, 25))))
    bottom = (np.linalg.norm(found.vertices[:, :2], axis=1) < 2) & (np.abs(found.vertices[:, 2] - 13) < 2)
    assert found.openness[bottom].mean() < found.openness[found.vertices[:, 2] < 0].mean() - 60


@pytest.mark.parametrize("sdf", [np.full((64,) * 3, 0.2), np.full((64,) * 3, np.nan)])
def test_nothing_inside_gives_no_surface(sdf):
    found = surface(sdf)
    assert len(found.vertices) == len(found.faces) == 0
    assert pack(found)["faces"] == 0


def test_noise_is_coarsened_until_it_can_be_indexed():
    found = surface(np.random.default_rng(0).normal(size=(64,) * 3) / 10)
    assert found.stride > 1
    assert 0 < len(found.vertices) <= MAX_VERTICES
    assert np.abs(found.vertices).max() <= 33


def test_distance_is_positive_outside_the_truth_and_in_voxels(shapes):
    truth = shapes["ellipsoid"]((20, 20, 20))
    larger, smaller = (surface(shapes["ellipsoid"]((r, r, r))) for r in (22, 17))
    assert distance_voxels(larger, truth) == pytest.approx(2, abs=0.1)
    assert distance_voxels(smaller, truth) == pytest.approx(-3, abs=0.1)


def test_smoothing_rounds_steps_but_keeps_thin_things(shapes):
    rod = shapes["box"]((31, 31, 5), (33, 33, 60))
    steps, smooth = surface(sdf_from_mask(rod)), surface(sdf_from_mask(rod), smooth=True)
    assert volume(smooth) > 0.6 * volume(steps)
    assert np.ptp(smooth.vertices[:, 2]) > 0.95 * np.ptp(steps.vertices[:, 2])
    ball = surface(sdf_from_mask(shapes["ellipsoid"]((20, 20, 20)) < 0))
    spread = [np.linalg.norm(v, axis=1).std() for v in (ball.vertices, taubin(ball.vertices, ball.faces))]
    assert spread[1] < 0.7 * spread[0]


def test_packing_comes_back_within_half_a_step_and_is_reproducible(shapes):
    found = surface(shapes["ellipsoid"]((20, 12, 28), (1, 2, 3)))
    found = found.with_value(np.arange(len(found.vertices)) % 300)
    record = pack(found)
    vertices, faces, value = unpack(record)
    assert np.abs(vertices - found.vertices).max() <= 0.5 / STEPS_PER_VOXEL
    assert (faces == found.faces).all()
    assert (value == found.value).all()
    assert record == pack(found)
    assert len(str(record["data"])) < 20 * len(found.vertices)
