"""SDFs against truths by hand, by formula, by libigl's exact distances, and by a brute-force nearest-voxel search."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import igl
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from messy_meshes import KINDS, as_soup, ellipsoid, joined, messy
from scipy.spatial import cKDTree

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


@pytest.mark.parametrize("kind", KINDS)
def test_messy_meshes_give_the_solid_they_mean(kind: str) -> None:
    mesh = messy(kind, 1)
    iou, error = mesh.scores(sdf_from_mesh(mesh.vertices, mesh.faces))
    assert iou >= 0.993
    assert error <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mess_in_the_mean(kind: str) -> None:
    meshes = [messy(kind, seed) for seed in range(8)]
    scores = np.array([mesh.scores(sdf_from_mesh(mesh.vertices, mesh.faces)) for mesh in meshes])
    assert scores[:, 0].mean() >= 0.993
    assert scores[:, 0].min() >= 0.985
    assert scores[:, 1].max() <= 0.1


def test_distances_are_those_of_an_exact_search() -> None:
    mesh = messy("clean", 0)
    sdf = np.abs(sdf_from_mesh(mesh.vertices, mesh.faces)).ravel()
    near = sdf < 0.2
    exact = np.sqrt(igl.point_mesh_squared_distance(CENTRES.reshape(-1, 3)[near], mesh.vertices, mesh.faces)[0])
    error = (sdf[near] - exact) / VOXEL
    assert np.abs(error[exact < VOXEL]).max() < 1e-4
    assert error.min() > -1e-4
    assert error.mean() < 0.01


def test_a_wall_inside_the_solid_has_no_distance() -> None:
    vertices, faces = ellipsoid((0.5, 0.5, 0.5), subdivisions=4)
    shift = np.array([0.3, 0, 0])
    left, right = vertices - shift, vertices + shift
    sdf = sdf_from_mesh(*joined((left, faces), (right, faces)))
    assert (sdf[20:44, 29:35, 29:35] == np.float32(-0.2)).all()  # the balls meet 0.4 from their axis


def test_a_hole_has_a_smooth_lid() -> None:
    vertices, faces = ellipsoid((0.7, 0.7, 0.7), subdivisions=5)
    open_ = faces[vertices[faces].mean(axis=1)[:, 2] < 0.5]
    sdf = sdf_from_mesh(vertices, open_)
    column = sdf[32, 32, 36:60] - (CENTRES[32, 32, 36:60, 2] - 0.5)  # a ball cut flat has this distance on its axis
    assert np.abs(column[(CENTRES[32, 32, 36:60, 2] > 0.35) & (CENTRES[32, 32, 36:60, 2] < 0.68)]).max() < 0.5 * VOXEL


def test_inner_shells_are_cavities_if_they_face_inwards_and_nothing_if_outwards() -> None:
    ball, faces = ellipsoid((0.8, 0.8, 0.8), subdivisions=5)
    inner = ball * 0.5
    cavity = sdf_from_mesh(*joined((ball, faces), (inner, faces[:, ::-1])))
    assert overlap(cavity < 0, (sphere_sdf(0.8) < 0) & (sphere_sdf(0.4) > 0)) > 0.995
    inverted = sdf_from_mesh(*joined((ball, faces[:, ::-1]), (inner, faces)))
    assert np.array_equal(inverted, cavity)
    filled = sdf_from_mesh(*joined((ball, faces), (inner, faces)))
    assert np.array_equal(filled, sdf_from_mesh(ball, faces))


def test_a_soup_of_triangles_is_the_mesh_it_was() -> None:
    vertices, faces = ellipsoid((0.7, 0.5, 0.6), subdivisions=4)
    vertices = vertices.astype(np.float32).astype(float)
    soup = as_soup(np.random.default_rng(0), vertices, faces)
    # Which of two equally close triangles is found first may differ, and with it what is found farther out.
    assert np.abs(sdf_from_mesh(*soup) - sdf_from_mesh(vertices, faces)).max() < 0.1 * VOXEL


def test_a_voxel_centre_on_an_edge_line_is_counted_once() -> None:
    box = trimesh.creation.box((1.0, 1.0, 1.0)).subdivide()
    shifted = box.vertices + VOXEL / 2  # rays through voxel centres run along edges and through corners
    inside = sdf_from_mesh(shifted, box.faces) < 0
    assert inside[17:48, 17:48, 17:48].all()
    assert not inside[:16].any()
    assert not inside[:, :16].any()
    assert not inside[:, :, 49:].any()


def test_other_processes_compute_the_same_bytes() -> None:
    program = (
        "import sys, hashlib; sys.path.insert(0, 'tests/medshape_text'); from messy_meshes import messy;"
        "from medshape_text.curate.sdf import sdf_from_mesh; m = messy('all', 1);"
        "sys.stdout.write(hashlib.sha256(sdf_from_mesh(m.vertices, m.faces).tobytes()).hexdigest())"
    )
    hashes = {
        subprocess.run([sys.executable, "-c", program], env={**os.environ, "OMP_NUM_THREADS": threads},
                       cwd=Path(__file__).parents[2], capture_output=True, check=True).stdout
        for threads in ("1", "2")
    }  # fmt: skip
    mesh = messy("all", 1)
    here = hashlib.sha256(sdf_from_mesh(mesh.vertices, mesh.faces).tobytes()).hexdigest()
    assert hashes == {here.encode()}


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (np.zeros((3, 3)), np.empty((0, 3), int), "0 faces"),
        (np.full((3, 3), np.nan), np.array([[0, 1, 2]]), "non-finite"),
        (np.array([[5.0, 5, 5], [6, 5, 5], [5, 6, 5]]), np.array([[0, 1, 2]]), "normalise it first"),
        (np.eye(3), np.array([[0, 1, 3]]), "outside 0..2"),
        (np.eye(3), np.array([[0, 1, 1]]), "degenerate"),
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
