"""Sampling and surfaces against geometry that is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from benchmark import metrics
from benchmark.metrics.surface import NoSurfaceError


def ball(radius, centre=(31.5, 31.5, 31.5)):
    grid = np.indices((64, 64, 64), dtype=float)
    distance = np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True)))
    return np.clip((distance - radius) / 32, -0.2, 0.2).astype(np.float32)


def enclosed_volume(surface):
    a, b, c = surface.vertices[surface.faces].transpose(1, 0, 2)
    return (a * np.cross(b, c)).sum() / 6


def test_marching_cubes_of_a_ball_lies_on_the_sphere_and_points_outward():
    surface = metrics.extract_surface(ball(20, (30, 33, 28)))
    radii = np.linalg.norm(surface.vertices - [30, 33, 28], axis=1)
    assert np.abs(radii - 20).max() < 0.05
    assert enclosed_volume(surface) == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)


def test_a_shape_cut_by_the_box_is_closed_unless_told_otherwise():
    cut = ball(20, (0, 31.5, 31.5))
    closed, open_ = metrics.extract_surface(cut), metrics.extract_surface(cut, close=False)
    assert closed.vertices[:, 0].min() < 0
    assert open_.vertices[:, 0].min() == 0
    # Half a ball and a flat cap half a voxel outside the first plane of voxels.
    assert enclosed_volume(closed) == pytest.approx(2 / 3 * np.pi * 20**3 + 0.5 * np.pi * 20**2, rel=0.02)


def test_a_read_only_volume_is_fine():
    volume = ball(10)
    volume.setflags(write=False)
    assert len(metrics.extract_surface(volume, close=False).faces) == len(metrics.extract_surface(ball(10)).faces)


@pytest.mark.parametrize("value", [0.2, -0.2])
def test_no_surface_is_an_error(value):
    with pytest.raises(NoSurfaceError):
        metrics.extract_surface(np.full((64, 64, 64), value), close=False)
    if value > 0:
        with pytest.raises(NoSurfaceError):
            metrics.extract_surface(np.full((64, 64, 64), value))


def test_point_to_surface_of_one_triangle_by_hand():
    triangle = metrics.Surface(np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0]], float), np.array([[0, 1, 2]]))
    points = np.array([[1, 1, 2], [-3, -4, 0], [4, 3, 0], [1, 1, 0], [8, 0, 3]], float)
    # Above the inside; nearest to a corner; nearest to the hypotenuse; on it; nearest to a corner.
    np.testing.assert_allclose(metrics.point_to_surface(points, triangle), [2, 5, 12 / 5, 0, 5], atol=1e-12)


def test_points_of_a_surface_are_at_distance_exactly_zero():
    surface = metrics.extract_surface(ball(15))
    points = metrics.area_uniform_points(surface.vertices, surface.faces, 2000, seed=1)
    assert (metrics.point_to_surface(points, surface) == 0).all()


def test_area_uniform_points_follow_the_area():
    # Two triangles of areas 6 and 2, and in each the density is even: the mean is the centroid.
    vertices = np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0], [10, 0, 0], [12, 0, 0], [10, 2, 0]], float)
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    points = metrics.area_uniform_points(vertices, faces, 40_000, seed=0)
    first = points[points[:, 0] < 5]
    assert len(first) / len(points) == pytest.approx(6 / 8, abs=0.01)
    np.testing.assert_allclose(first.mean(axis=0), [4 / 3, 1, 0], atol=0.03)
    second = points[points[:, 0] > 5]
    np.testing.assert_allclose(second.mean(axis=0), [10 + 2 / 3, 2 / 3, 0], atol=0.03)
    np.testing.assert_allclose(np.cov(first[:, :2].T), [[16 / 18, -12 / 36], [-12 / 36, 9 / 18]], atol=0.03)


def test_area_uniform_points_are_seeded():
    surface = metrics.extract_surface(ball(10))
    first, again, other = (
        metrics.area_uniform_points(surface.vertices, surface.faces, 100, seed) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_mesh_without_area_is_refused():
    with pytest.raises(ValueError, match="area"):
        metrics.area_uniform_points(np.zeros((3, 3)), np.array([[0, 1, 2]]), 10, 0)


def test_farthest_points_by_hand():
    line = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [7, 0, 0], [10, 0, 0]], float)
    # From 0: 10 is farthest; then 7 (3 from 10) beats 2 (2 from 0); then 2; then 1.
    assert metrics.farthest_points(line, 5).tolist() == [0, 4, 3, 2, 1]
    assert metrics.farthest_points(line, 2, start=3).tolist() == [3, 0]
    assert metrics.farthest_points(line, 99).tolist() == [0, 4, 3, 2, 1]
    with pytest.raises(ValueError, match="start"):
        metrics.farthest_points(line, 2, start=5)


def test_farthest_points_equal_the_definition():
    points = np.random.default_rng(0).normal(size=(300, 3))
    chosen = [4]
    distance = cdist(points, points)
    while len(chosen) < 40:
        chosen.append(int(distance[:, chosen].min(axis=1).argmax()))
    assert metrics.farthest_points(points, 40, start=4).tolist() == chosen
