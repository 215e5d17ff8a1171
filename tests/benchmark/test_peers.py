"""Our distances, samples and surfaces against packages of other people: point-cloud-utils and PyMCubes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

from benchmark import metrics

RADIUS = 20.0


@pytest.fixture(scope="module")
def pcu():
    return pytest.importorskip("point_cloud_utils", reason="point-cloud-utils is not installed")


@pytest.fixture(scope="module")
def mcubes():
    return pytest.importorskip("mcubes", reason="PyMCubes is not installed; it has no wheels beyond Python 3.12")


def clouds(seed, p, q, offset):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(p, 3)) + offset, 1.5 * rng.random((q, 3)) + offset


# Of one point theirs are wrong (findings/pcu-cloud-of-one-point.sh).
CLOUDS = (st.integers(0, 2**32 - 1), st.integers(2, 400), st.integers(2, 400), st.sampled_from([0.0, 1.0, 300.0]))


@settings(max_examples=60, deadline=None)
@given(*CLOUDS)
def test_chamfer(pcu, seed, p, q, offset):
    """Theirs is of unsquared distances, the means of both ways added."""
    a, b = clouds(seed, p, q, offset)
    assert metrics.chamfer(a, b, squared=False) == pytest.approx(pcu.chamfer_distance(a, b), rel=1e-9)
    forth, back = (pcu.k_nearest_neighbors(*ends, 1)[0] for ends in ((a, b), (b, a)))
    assert metrics.chamfer(a, b) == pytest.approx((forth**2).mean() + (back**2).mean(), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(*CLOUDS)
def test_hausdorff(pcu, seed, p, q, offset):
    a, b = clouds(seed, p, q, offset)
    assert metrics.hausdorff(a, b) == pytest.approx(pcu.hausdorff_distance(a, b), rel=1e-9)
    for start, end in ((a, b), (b, a)):
        theirs = pcu.one_sided_hausdorff_distance(start, end)[0]
        assert metrics.unidirectional_hausdorff(start, end) == pytest.approx(theirs, rel=1e-9)


def ball(centre):
    grid = np.indices((64, 64, 64), dtype=float) - np.reshape(centre, (3, 1, 1, 1))
    return np.sqrt((grid**2).sum(axis=0)) - RADIUS


def enclosed_volume(vertices, faces):
    a, b, c = vertices[faces].transpose(1, 0, 2)
    return (a * np.cross(b, c)).sum() / 6


def blobs(seed):
    """Smooth on the scale of voxels, so that the ambiguous cells, which both settle differently, are few or none."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((48,) * 3), 4)
    return np.pad(0.35 * noise.std() - noise, 1, constant_values=noise.std())


def test_distances_to_a_mesh(pcu):
    surface = metrics.extract_surface(ball((31.5, 30, 33)).astype(np.float32))
    points = 64 * np.random.default_rng(0).random((3000, 3))
    theirs, _, _ = pcu.closest_points_on_mesh(points, surface.vertices, surface.faces.astype(np.int32))
    np.testing.assert_allclose(metrics.point_to_surface(points, surface), theirs, atol=1e-5)


@pytest.mark.parametrize("centre", [(31.5, 31.5, 31.5), (30.2, 33.7, 28.4)])
def test_the_surface_of_a_ball(mcubes, centre):
    """The same vertices and triangles; PyMCubes takes the positive side for the inside."""
    field = ball(centre)
    ours = metrics.extract_surface(field, close=False)
    vertices, faces = mcubes.marching_cubes(-field, 0)
    assert faces.dtype == np.uint64
    faces = faces.astype(np.int64)
    assert (len(ours.vertices), len(ours.faces)) == (len(vertices), len(faces))
    for here, there in ((ours.vertices, vertices), (vertices, ours.vertices)):
        assert cKDTree(there).query(here)[0].max() < 1e-4  # scikit-image computes in float32
    inside = 4 / 3 * np.pi * RADIUS**3
    for volume in (enclosed_volume(ours.vertices, ours.faces), enclosed_volume(vertices, faces)):
        assert volume == pytest.approx(inside, rel=2e-3)  # positive: faces look outwards
    assert enclosed_volume(ours.vertices, ours.faces) == pytest.approx(enclosed_volume(vertices, faces), rel=1e-5)
    mirrored, backwards = mcubes.marching_cubes(field, 0)
    assert enclosed_volume(mirrored, backwards.astype(np.int64)) < 0


@pytest.mark.parametrize("seed", range(3))
def test_surfaces_of_blobs(mcubes, seed):
    field = blobs(seed)
    ours = metrics.extract_surface(field, close=False)
    vertices, faces = mcubes.marching_cubes(-field, 0)
    assert cKDTree(vertices).query(ours.vertices)[0].max() < 1e-3
    assert cKDTree(ours.vertices).query(vertices)[0].max() < 1e-3
    theirs = enclosed_volume(vertices, faces.astype(np.int64))
    assert enclosed_volume(ours.vertices, ours.faces) == pytest.approx(theirs, rel=1e-3)


def test_poisson_disk_samples_keep_their_distance_and_ours_follow_the_area(pcu):
    """Why profiles draw area-uniform points: Poisson-disk samples are spaced, but not of a number one can ask for."""
    surface = metrics.extract_surface(ball((31.5, 31.5, 31.5)))
    chosen, weights = pcu.sample_mesh_poisson_disk(surface.vertices, surface.faces.astype(np.int32), -1, radius=2.0,
                                                   random_seed=1)  # fmt: skip
    corners = surface.vertices[surface.faces.astype(np.int64)][chosen]
    spaced = (weights[:, :, None] * corners).sum(axis=1)
    assert cKDTree(spaced).query(spaced, k=2)[0][:, 1].min() >= 2.0 - 1e-6
    ours = metrics.area_uniform_points(surface.vertices, surface.faces, len(spaced), seed=1)
    assert len(ours) == len(spaced)
    # Half of each lie in the upper half, a quarter in the upper octants of one side: both cover the ball evenly.
    for points in (spaced, ours):
        assert (points[:, 2] > 31.5).mean() == pytest.approx(0.5, abs=0.05)
        assert ((points[:, 2] > 31.5) & (points[:, 0] > 31.5)).mean() == pytest.approx(0.25, abs=0.05)
    assert cKDTree(ours).query(ours, k=2)[0][:, 1].min() < 1.0  # at random, some come close
