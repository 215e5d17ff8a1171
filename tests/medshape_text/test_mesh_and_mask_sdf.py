"""SDFs against truths computed by hand: spheres and boxes, and a brute-force nearest-voxel search."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from tiny_source import ellipsoid

from medshape_text.curate.sdf import sdf_from_mask, sdf_from_mesh
from medshape_text.frame import voxel_centres

CENTRES = voxel_centres().reshape(64, 64, 64, 3)
VOXEL = 1 / 32


def sphere_sdf(radius: float, centre: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    return np.linalg.norm(CENTRES - centre, axis=-1) - radius


def box_sdf(half: np.ndarray) -> np.ndarray:
    outside = np.abs(CENTRES) - half
    return np.linalg.norm(np.maximum(outside, 0), axis=-1) + np.minimum(outside.max(axis=-1), 0)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def test_sphere_is_sub_voxel_accurate() -> None:
    centre = (0.013, -0.021, 0.007)
    vertices, faces = ellipsoid((0.6, 0.6, 0.6), subdivisions=5)
    sdf = sdf_from_mesh(vertices + centre, faces)
    truth = sphere_sdf(0.6, centre)
    error = np.abs(sdf - np.clip(truth, -0.2, 0.2)) / VOXEL
    assert sdf.dtype == np.float32
    assert sdf.shape == (64, 64, 64)
    assert error[np.abs(truth) < VOXEL].max() < 0.02
    assert error.mean() < 0.1
    assert error.max() < 1.0
    assert overlap(sdf < 0, truth < 0) > 0.999


def test_box_is_exact_near_its_faces_and_keeps_the_order_of_axes() -> None:
    half = np.array([0.2, 0.5, 0.81])
    box = trimesh.creation.box(2 * half)
    sdf = sdf_from_mesh(box.vertices, box.faces)
    truth = box_sdf(half)
    near = np.abs(truth) < VOXEL
    assert np.abs(sdf - truth)[near].max() < 1e-6
    inside = sdf < 0
    assert [int(inside.any(axis=others).sum()) for others in ((1, 2), (0, 2), (0, 1))] == [12, 32, 52]


def test_a_hole_is_closed_by_the_winding_number() -> None:
    vertices, faces = ellipsoid((0.7, 0.7, 0.7), subdivisions=4)
    top = vertices[faces].mean(axis=1)[:, 2] > 0.66
    assert 0.01 < top.mean() < 0.05
    assert overlap(sdf_from_mesh(vertices, faces[~top]) < 0, sphere_sdf(0.7) < 0) > 0.99


def test_flipped_faces_are_outvoted() -> None:
    vertices, faces = ellipsoid((0.7, 0.7, 0.7), subdivisions=4)
    flipped = faces.copy()
    chosen = np.random.default_rng(0).permutation(len(faces))[: len(faces) // 50]
    flipped[chosen] = flipped[chosen][:, ::-1]
    assert overlap(sdf_from_mesh(vertices, flipped) < 0, sphere_sdf(0.7) < 0) > 0.98


def test_overlapping_shells_are_a_union() -> None:
    vertices, faces = ellipsoid((0.4, 0.4, 0.4), subdivisions=4)
    shift = np.array([0.2, 0, 0])
    both = np.concatenate([vertices - shift, vertices + shift])
    sdf = sdf_from_mesh(both, np.concatenate([faces, faces + len(vertices)]))
    truth = (sphere_sdf(0.4, (-0.2, 0, 0)) < 0) | (sphere_sdf(0.4, (0.2, 0, 0)) < 0)
    assert overlap(sdf < 0, truth) > 0.995


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((3, 3)), np.empty((0, 3), int), "0 faces"),
        (np.full((3, 3), np.nan), np.array([[0, 1, 2]]), "non-finite"),
        (np.array([[5.0, 5, 5], [6, 5, 5], [5, 6, 5]]), np.array([[0, 1, 2]]), "normalise it first"),
    ],
)
def test_meshes_without_an_sdf_are_refused(vertices: np.ndarray, faces: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sdf_from_mesh(vertices, faces)


def nearest_voxel_sdf(mask: np.ndarray) -> np.ndarray:
    """Distance of every voxel centre to the nearest centre of the other kind, the slow and plain way."""
    index = np.argwhere(np.ones_like(mask))
    inside = mask.ravel()
    distance = np.empty(len(index))
    distance[~inside] = cKDTree(index[inside]).query(index[~inside])[0]
    distance[inside] = -cKDTree(index[~inside]).query(index[inside])[0]
    return np.clip(distance / 32, -0.2, 0.2).reshape(mask.shape)


def test_published_form_equals_a_brute_force_search() -> None:
    rng = np.random.default_rng(1)
    mask = (sphere_sdf(0.4, (0.1, 0.2, -0.3)) < 0) | (box_sdf(np.array([0.7, 0.05, 0.1])) < 0)
    mask ^= rng.random(mask.shape) < 0.001
    assert np.array_equal(sdf_from_mask(mask), nearest_voxel_sdf(mask).astype(np.float32))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98))
def test_published_form_of_noise_equals_a_brute_force_search(seed: int, share: float) -> None:
    mask = np.zeros((64, 64, 64), dtype=bool)
    mask[20:28, 30:37, 40:49] = np.random.default_rng(seed).random((8, 7, 9)) < share
    mask[24, 33, 44] = True
    small = (slice(13, 35), slice(23, 44), slice(33, 56))  # 7 voxels around: beyond, everything is truncated
    assert np.array_equal(sdf_from_mask(mask)[small], nearest_voxel_sdf(mask[small]).astype(np.float32))


def test_empty_full_and_odd_masks() -> None:
    assert (sdf_from_mask(np.zeros((64, 64, 64), bool)) == np.float32(0.2)).all()
    assert (sdf_from_mask(np.ones((64, 64, 64), bool)) == np.float32(-0.2)).all()
    with pytest.raises(ValueError, match="cubic"):
        sdf_from_mask(np.zeros((64, 64, 32), bool))
