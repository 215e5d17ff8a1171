"""Each stage by itself: reason codes, hand-computed facts, the way back to millimetres."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy import stats
from tiny_source import ellipsoid

from medshape_text.curate import inspect, normalise
from medshape_text.curate.normalise import sample_surface
from medshape_text.records import Shape
from medshape_text.stage import Drop


def shape(vertices: np.ndarray, faces: np.ndarray, origin: str = "real_subject", name: str = "x") -> Shape:
    return Shape(name, "s", "femur_left", "left", "bone", origin, "test", "CC0-1.0", "t",
                 not origin.startswith("synthetic"), np.asarray(vertices, float), np.asarray(faces))  # fmt: skip


def box(x: float, y: float, z: float) -> Shape:
    mesh = trimesh.creation.box((x, y, z)).subdivide().subdivide()
    return shape(mesh.vertices + np.array([100, 0, -3]), mesh.faces)


def kept(result: Shape | Drop) -> Shape:
    assert isinstance(result, Shape), result
    return result


GOOD = ellipsoid((10, 20, 30))


def test_facts_of_a_box_are_its_volume_area_and_sides() -> None:
    facts = kept(normalise.MEASURE(kept(inspect.STAGE(box(10, 20, 40))))).facts
    assert facts is not None
    assert facts.volume_mm3 == pytest.approx(8000)
    assert facts.area_mm2 == pytest.approx(2 * (200 + 400 + 800))
    assert facts.extent_mm == pytest.approx((10, 20, 40))
    assert facts.elongation == pytest.approx(4)
    assert (facts.n_components, facts.watertight) == (1, True)


def test_nothing_physical_is_claimed_without_a_scale() -> None:
    synthetic = shape(*GOOD, origin="synthetic_ssm")
    facts = kept(normalise.MEASURE(kept(inspect.STAGE(synthetic)))).facts
    assert facts is not None
    assert (facts.volume_mm3, facts.area_mm2, facts.extent_mm) == (None, None, None)
    assert kept(normalise.NORMALISE(synthetic)).transform is not None  # back to its own unit, whatever that is


def test_normalise_fills_56_voxels_and_keeps_the_way_back() -> None:
    raw = box(10, 20, 40)
    canonical = kept(normalise.NORMALISE(raw))
    assert np.ptp(canonical.vertices, axis=0) * 32 == pytest.approx([14, 28, 56])
    assert canonical.vertices.min(axis=0) + canonical.vertices.max(axis=0) == pytest.approx([0, 0, 0], abs=1e-12)
    assert canonical.transform is not None
    assert canonical.transform.centre == pytest.approx((100, 0, -3))
    assert canonical.transform.invert(canonical.vertices) == pytest.approx(raw.vertices)


def test_a_sheet_thinner_than_a_voxel_is_dropped_not_published_empty() -> None:
    result = normalise.SDF(kept(normalise.NORMALISE(box(0.01, 40, 40))))
    assert isinstance(result, Drop)
    assert result.reason == "no-voxels"


def test_samples_are_area_uniform_and_lie_on_the_surface() -> None:
    mesh = trimesh.creation.box((1.0, 0.6, 0.2))
    points, normals = sample_surface(mesh.vertices, mesh.faces, 20_000, np.random.default_rng(3))
    half = np.array([0.5, 0.3, 0.1])
    axis = np.abs(normals).argmax(axis=1)
    assert np.allclose(np.abs(normals).max(axis=1), 1)
    assert np.allclose(points[np.arange(len(points)), axis], (np.sign(normals) * half)[np.arange(len(points)), axis])
    areas = np.array([0.6 * 0.2, 1.0 * 0.2, 1.0 * 0.6])
    expected = areas / areas.sum() * len(points)
    assert stats.chisquare(np.bincount(axis, minlength=3), expected).pvalue > 1e-3
    on_top = points[normals[:, 2] > 0.5]
    cells = np.histogram2d(on_top[:, 0], on_top[:, 1], bins=(5, 3), range=[(-0.5, 0.5), (-0.3, 0.3)])[0].ravel()
    assert stats.chisquare(cells).pvalue > 1e-3


def test_samples_depend_on_the_id_alone() -> None:
    first, again = (kept(normalise.SURFACE(shape(*GOOD))).points for _ in range(2))
    other = kept(normalise.SURFACE(shape(*GOOD, name="y"))).points
    assert first is not None
    assert first.shape == (8192, 3)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
