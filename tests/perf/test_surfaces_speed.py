"""Iso-surfaces of 64^3 by scikit-image, which we use, and by PyMCubes: seconds, exactness, faces without area."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import marching_cubes

pytestmark = pytest.mark.slow
SIDE, RADIUS = 64, 20.0


def ball(centre):
    return np.sqrt(((np.indices((SIDE,) * 3) - centre) ** 2).sum(axis=0)) - RADIUS


FIELDS = {
    "ball between voxels": ball((SIDE - 1) / 2),
    "ball that meets voxel centres": ball(SIDE / 2),
    "many faces": ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((SIDE,) * 3), 2.5),
}


def ours(field):
    return marching_cubes(field.astype(np.float32), 0.0)[:2]


def without_empty_faces(field):
    return marching_cubes(field.astype(np.float32), 0.0, allow_degenerate=False)[:2]


def pymcubes(field):
    mcubes = pytest.importorskip("mcubes", reason="PyMCubes is not installed")
    return mcubes.marching_cubes(-field, 0.0)


@pytest.mark.parametrize("name", FIELDS)
def test_surface(name, note_time):
    field = FIELDS[name]
    peers = {"ours": ours, "scikit-image, allow_degenerate=False": without_empty_faces, "PyMCubes": pymcubes}
    for peer, function in peers.items():
        times = []
        for _ in range(10):
            begun = time.process_time()
            vertices, faces = function(field)
            times.append(time.process_time() - begun)
        a, b, c = vertices.astype(float)[faces.astype(np.int64)].transpose(1, 0, 2)
        empty = int((np.linalg.norm(np.cross(b - a, c - a), axis=1) < 1e-9).sum())
        remark = f"{len(faces):,} faces, {empty} without area"
        if "ball" in name:
            centre = (SIDE - 1) / 2 if "between" in name else SIDE / 2
            off = np.abs(np.linalg.norm(vertices - centre, axis=1) - RADIUS).max()
            volume = (a * np.cross(b, c)).sum() / 6 / (4 / 3 * np.pi * RADIUS**3)
            remark += f", vertices within {off:.5f} voxel, volume {volume:.5f}"
            assert off < 0.01
            assert volume == pytest.approx(1, abs=0.003)
        note_time(f"iso-surface of 64^3, {name}", peer, min(times), remark)
