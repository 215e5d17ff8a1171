"""Signed distances of messy meshes on 64^3 against libigl and point-cloud-utils, one thread each, in one run.

point-cloud-utils comes with the extra ``dev``; where it is not installed its rows are skipped.
"""

from __future__ import annotations

import time

import igl
import numpy as np
import pytest
from messy_meshes import CENTRES, KINDS, messy

from medshape_text.curate.sdf import sdf_from_mesh

pytestmark = pytest.mark.slow
POINTS = np.ascontiguousarray(CENTRES.reshape(-1, 3))
SEED = 1


def ours(vertices, faces):
    return sdf_from_mesh(vertices, faces)


def libigl(vertices, faces):
    kind = igl.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
    return igl.signed_distance(POINTS, vertices, faces, sign_type=kind)[0].reshape(64, 64, 64)


def point_cloud_utils(vertices, faces):
    import point_cloud_utils as pcu

    return pcu.signed_distance_to_mesh(POINTS, vertices, faces)[0].reshape(64, 64, 64)


PEERS = {"libigl signed_distance": (libigl, "igl"), "point-cloud-utils": (point_cloud_utils, "point_cloud_utils")}


def timed(function, *arguments):
    begun = time.process_time()
    value = function(*arguments)
    return time.process_time() - begun, value


@pytest.mark.parametrize("kind", KINDS)
def test_messy_mesh(kind, note_time):
    mesh = messy(kind, SEED)
    vertices, faces = np.ascontiguousarray(mesh.vertices), np.ascontiguousarray(mesh.faces)
    ours(vertices, faces)  # compiles
    table = f"SDF of 64^3, {kind}, {len(faces):,} faces"
    seconds, found = min((timed(ours, vertices, faces) for _ in range(5)), key=lambda run: run[0])
    iou, error = mesh.scores(found)
    note_time(table, "ours", seconds, f"IoU {iou:.4f}, mean error {error:.3f} voxel")
    assert iou >= 0.993
    assert error <= 0.1
    for name, (peer, package) in PEERS.items():
        if package == "point_cloud_utils":
            pytest.importorskip(package, reason=f"{package} is not installed")
        seconds, found = timed(peer, vertices, faces)
        iou, error = mesh.scores(found)
        note_time(table, name, seconds, f"IoU {iou:.4f}, mean error {error:.3f} voxel")


def test_clean_mesh(benchmark, note_time):
    mesh = messy("clean", SEED)
    ours(mesh.vertices, mesh.faces)
    benchmark(ours, mesh.vertices, mesh.faces)
    signs = [timed(peer, mesh.vertices, mesh.faces)[1] < 0 for peer in (ours, libigl)]
    assert np.array_equal(*signs)
