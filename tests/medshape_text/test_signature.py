"""Signatures: moments of a ball and a box by hand, exact symmetries of the grid, and what a turned mesh changes."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from medshape_text.curate.sdf import sdf_from_mesh
from medshape_text.curate.signature import FEATURES, STAGE, signature
from medshape_text.frame import canonical_similarity, voxel_centres
from medshape_text.records import Shape
from medshape_text.stage import Drop

CENTRES = voxel_centres().reshape(64, 64, 64, 3)


def named(values: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, values.tolist(), strict=True))


def ball(radius: float, centre: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    return (np.linalg.norm(CENTRES - centre, axis=-1) - radius).astype(np.float32)


def box(half: tuple[float, float, float]) -> np.ndarray:
    away = np.abs(CENTRES) - half
    outside = np.linalg.norm(np.maximum(away, 0), axis=-1)
    return (outside + np.minimum(away.max(axis=-1), 0)).astype(np.float32)


def club() -> np.ndarray:
    """A smooth solid without any symmetry: no rotation or reflection leaves it as it is."""
    parts = [
        ball(0.4, (-0.2, 0, 0)),
        ball(0.25, (0.3, 0.15, 0)),
        ball(0.15, (0.1, -0.4, 0.25)),
        ball(0.1, (-0.5, 0.3, 0.1)),
    ]
    return np.min(parts, axis=0)


def test_a_ball_has_the_moments_of_a_ball() -> None:
    found = named(signature(ball(0.8)))
    # E r^2 = 3/5 R^2 and E r^4 = 3/7 R^4
    expected = dict.fromkeys(FEATURES, 0.0)
    expected |= dict.fromkeys(FEATURES[:3], np.sqrt(1 / 3)) | {"radius 4": (3 / 7) ** 0.25 / (3 / 5) ** 0.5}
    assert found == pytest.approx(expected, abs=2e-3)


def test_a_box_has_the_spreads_of_a_box() -> None:
    sides = np.array([0.3, 0.5, 0.8])
    found = named(signature(box((0.8, 0.3, 0.5))))
    spread = sides / np.linalg.norm(sides)
    assert [found[f"spread {name}"] for name in ("short", "middle", "long")] == pytest.approx(spread, abs=2e-3)
    # the length of the traceless second moment, scaled so that a needle has length one
    assert found["power 2-2"] == pytest.approx(np.sqrt(1.5) * np.linalg.norm(spread**2 - 1 / 3), abs=2e-3)
    # a box is its own mirror image in every plane of coordinates: nothing odd is left
    assert found["power 3-1"] == pytest.approx(0, abs=1e-5)
    assert found["power 3-3"] == pytest.approx(0, abs=1e-5)


def test_the_48_symmetries_of_the_grid_and_whole_shifts_change_nothing() -> None:
    sdf = club()
    truth = signature(sdf)
    assert np.all(truth[4:16] > 0.01)
    for axes, flips in product(permutations(range(3)), product((1, -1), repeat=3)):
        turned = sdf.transpose(axes)[:: flips[0], :: flips[1], :: flips[2]]
        assert signature(turned) == pytest.approx(truth, abs=2e-6)
    assert signature(np.roll(sdf, (3, -2, 4), axis=(0, 1, 2))) == pytest.approx(truth, abs=2e-6)


def test_only_what_is_inside_and_the_voxel_it_ends_in_count() -> None:
    sdf = club()
    assert np.array_equal(signature(sdf), signature(np.clip(sdf, -0.2, 0.2)))


@pytest.mark.parametrize("seed", range(6))
def test_a_turned_scaled_mirrored_mesh_has_the_same_signature_and_a_bent_one_has_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.icosphere(subdivisions=4)
    x, y, z = mesh.vertices.T
    vertices = np.stack([2 * x + 0.4 * y * y, 1.2 * y + 0.3 * x * z, 0.8 * z + 0.3 * x * x], axis=1)
    faces = np.asarray(mesh.faces)

    def remeshed(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        finer = trimesh.Trimesh(points, faces, process=False).subdivide()
        return np.asarray(finer.vertices) @ turn, np.asarray(finer.faces)

    def of(points: np.ndarray, faces: np.ndarray = faces) -> np.ndarray:
        return signature(sdf_from_mesh(canonical_similarity(points).apply(points), faces))

    truth, turn = of(vertices), Rotation.random(rng=rng).as_matrix()
    error = max(
        np.abs(of(points, these) - truth).max()
        for points, these in (
            (17 * vertices @ turn.T + 5, faces),
            (vertices * (-1, 1, 1) @ turn.T, faces[:, ::-1]),
            remeshed(vertices, faces),
        )
    )
    bent = np.stack([vertices[:, 0], vertices[:, 1] + 0.05 * vertices[:, 0] ** 2, vertices[:, 2]], axis=1)
    assert error < 0.004
    assert np.abs(of(bent) - truth).max() > 3 * error


def test_what_is_no_solid_is_refused() -> None:
    with pytest.raises(ValueError, match="cubic"):
        signature(np.zeros((4, 4, 5), np.float32))
    with pytest.raises(ValueError, match="nothing is inside"):
        signature(np.full((64, 64, 64), 0.2, np.float32))
    with pytest.raises(ValueError, match="single voxel"):
        signature(ball(0.01, tuple(CENTRES[5, 6, 7])))


def test_the_stage_fills_in_the_signature_whatever_the_id_or_drops_with_a_reason() -> None:
    shape = Shape("x", "s", "liver", "", "organ", "real_subject", "test", "CC0-1.0", "", True,
                  np.zeros((0, 3)), np.zeros((0, 3), np.int64), sdf=ball(0.5))  # fmt: skip
    found, other = STAGE(shape), STAGE(replace(shape, id="another"))
    assert isinstance(found, Shape)
    assert isinstance(other, Shape)
    assert found.signature is not None
    assert found.signature.dtype == np.float32
    assert np.array_equal(found.signature, other.signature)
    empty = STAGE(replace(shape, sdf=np.full((64, 64, 64), 0.2, np.float32)))
    assert isinstance(empty, Drop)
    assert empty.reason == "no-signature"
    with pytest.raises(ValueError, match="needs an SDF"):
        STAGE(replace(shape, sdf=None))
