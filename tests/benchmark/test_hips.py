"""The embedded image data set: real bones, rendered images, the same bytes for everybody."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmark.data.hips import build_hips
from benchmark.data.hips.bones import STRUCTURES, fine_axes, mean_joint, place_bones
from benchmark.data.hips.fields import ramp, smooth_field
from benchmark.data.hips.joint import fitted_sphere
from benchmark.data.volumes.prepared import open_volumes
from medshape_text.sources import llp26
from medshape_text.sources.packages.lower_limb import mini_splits

SUBJECTS = ("llp26_00", "llp26_17")


@pytest.fixture(scope="module")
def hips(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hips") / "set"
    build_hips(wheel.parent, folder, subjects=SUBJECTS)
    return folder


def test_two_builds_are_the_same_bytes(hips, wheel, tmp_path):
    build_hips(wheel.parent, tmp_path / "again", subjects=SUBJECTS)
    for path in sorted(hips.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(hips)).read_bytes()


def test_the_manifest_says_what_it_is(hips):
    manifest = json.loads((hips / "manifest.json").read_text())
    assert manifest["kind"] == "volumes"
    for name, entry in manifest["files"].items():
        assert hashlib.sha256((hips / name).read_bytes()).hexdigest() == entry["sha256"]
    volumes = open_volumes(hips)
    assert volumes.described.structures == STRUCTURES
    for facts in volumes.cases:
        assert (facts.origin, facts.split) == ("rendered", mini_splits()[facts.subject])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_structures_have_the_volumes_of_bones(hips, subject):
    labels = open_volumes(hips).labels(subject)
    millilitres = np.bincount(labels.ravel(), minlength=5)[1:] * 0.125
    low, high = [200, 200, 150, 120], [500, 500, 350, 300]
    assert ((millilitres > low) & (millilitres < high)).all(), millilitres


def test_labels_agree_with_an_independent_inside_test(wheel):
    """Winding numbers of libigl at voxel centres in millimetres."""
    import igl

    nodes = llp26.read_subject_nodes(wheel)
    bones = {bone.category: bone for bone in llp26.load_bones(nodes.mean(axis=0))}
    joint = mean_joint(nodes.mean(axis=0), bones)
    placed = place_bones("llp26_03", nodes[3], bones, joint)
    # Placed so that nothing turns or moves: the sacrum found again by its own distances.
    fine = placed.distances["sacrum"]
    millilitres = (fine < 0).sum() * 2.5**3 / 1000
    points = np.asarray(bones["sacrum"].operator @ nodes[3])
    faces = bones["sacrum"].faces
    corners = points[faces]
    exact = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6000
    assert millilitres == pytest.approx(abs(exact), rel=0.01)
    grid = np.stack(np.meshgrid(*(np.linspace(points[:, k].min(), points[:, k].max(), 40) for k in range(3)),
                                indexing="ij"), -1).reshape(-1, 3)  # fmt: skip
    inside = np.abs(igl.fast_winding_number(points, faces, grid)) > 0.5
    assert inside.mean() * np.prod(np.ptp(points, axis=0) * 40 / 39) / 1000 == pytest.approx(millilitres, rel=0.03)


def test_the_femur_stays_out_of_its_socket(wheel):
    nodes = llp26.read_subject_nodes(wheel)
    bones = {bone.category: bone for bone in llp26.load_bones(nodes.mean(axis=0))}
    joint = mean_joint(nodes.mean(axis=0), bones)
    for index in (0, 17, 20):  # in the model's pose these sink in by up to 30 mm
        placed = place_bones(f"llp26_{index:02d}", nodes[index], bones, joint).distances
        both = (placed["femur_left"] < 0) & (placed["hip_left"] < 0)
        assert both.sum() * 2.5**3 / 1000 < 0.1
        gap = np.maximum(placed["femur_left"], placed["hip_left"]).min()
        assert gap < 4, "and close to it"


def test_images_have_the_order_of_contrasts_they_claim(hips):
    volumes = open_volumes(hips)
    for subject in SUBJECTS:
        ct, mr, labels = volumes.image(subject, "ct"), volumes.image(subject, "mr"), volumes.labels(subject)
        corner = np.s_[:6, -6:, -6:]
        assert ct.dtype == mr.dtype == np.float32
        assert ct.min() >= -1024
        assert ct.max() <= 3071
        assert np.median(ct[corner]) < -900
        assert ct[labels > 0].mean() > ct[(labels == 0) & (ct > -300)].mean() + 150
        assert np.median(mr[corner]) < np.median(mr[labels > 0])


def test_a_threshold_does_not_find_the_bones(hips):
    """The best of all thresholds, chosen on the truth itself, and of all structures as one."""
    volumes = open_volumes(hips)
    for subject in SUBJECTS:
        image, bone = volumes.image(subject, "ct"), volumes.labels(subject) > 0
        found = [2 * (bone & (image > t)).sum() / (bone.sum() + (image > t).sum()) for t in range(0, 900, 20)]
        assert max(found) < 0.8


def test_soft_tissue_does_not_follow_the_bones():
    """Fields are drawn without the bones; their scale is as asked for."""
    field = smooth_field(np.random.default_rng(0), 64, 2.5, 15.0)
    assert field.mean() == pytest.approx(0, abs=1e-4)
    assert field.std() == pytest.approx(1, abs=1e-3)
    shifted = [(field[:-k] * field[k:]).mean() for k in (3, 6, 12)]
    expected = [np.exp(-((k * 2.5) ** 2) / (4 * 15.0**2)) for k in (3, 6, 12)]
    np.testing.assert_allclose(shifted, expected, atol=0.12)


def test_partial_volume_is_the_share_of_a_voxel():
    np.testing.assert_allclose(ramp(np.array([-2.0, -0.5, 0.0, 0.5, 2.0]), 2.0), [1, 0.75, 0.5, 0.25, 0])


def test_a_sphere_is_fitted_exactly():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(50, 3))
    points = 7 * directions / np.linalg.norm(directions, axis=1)[:, None] + (1, 2, 3)
    centre, radius = fitted_sphere(points)
    np.testing.assert_allclose(centre, (1, 2, 3), atol=1e-4)
    assert radius == pytest.approx(7, abs=1e-4)


def test_fine_voxels_fill_coarse_ones():
    x, y, z = fine_axes(np.array([10.0, 20.0, 30.0]))
    np.testing.assert_allclose(x.ravel()[:4], [8.75, 11.25, 13.75, 16.25])
    assert (y.shape, z.shape) == ((1, 128, 1), (1, 1, 128))


def test_other_processors_render_the_same_bytes(hips, wheel, tmp_path):
    """Numpy without its newest instructions, and another kernel of BLAS: as on an older machine."""
    code = (
        "import sys; from pathlib import Path; from benchmark.data.hips import build_hips;"
        "build_hips(Path(sys.argv[1]), Path(sys.argv[2]), subjects=('llp26_17',))"
    )
    older = {
        "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_ICL X86_V4",
        "OPENBLAS_CORETYPE": "Haswell",
    }
    arguments = [str(wheel.parent), str(tmp_path / "set")]
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, *arguments], env={**os.environ, **older}, check=True)
    name = "cases/llp26_17.npz"
    assert (tmp_path / "set" / name).read_bytes() == (hips / name).read_bytes()
