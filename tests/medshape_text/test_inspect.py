"""What is dropped, what is flagged and what is neither, on ellipsoids spoilt in one way each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from messy_meshes import Field, ellipsoid, joined, surface_of

from medshape_text import taxonomy
from medshape_text.curate import inspect
from medshape_text.records import Shape
from medshape_text.stage import Drop

Mesh = tuple[np.ndarray, np.ndarray]
GOOD = ellipsoid((10, 20, 30))


def shape(vertices: np.ndarray, faces: np.ndarray) -> Shape:
    return Shape("x", "s", "nowhere", "left", "bone", "real_subject", "test", "CC0-1.0", "t", True,
                 np.asarray(vertices, float), np.asarray(faces))  # fmt: skip


def flags(vertices: np.ndarray, faces: np.ndarray) -> tuple[str, ...]:
    result = inspect.STAGE(shape(vertices, faces))
    assert isinstance(result, Shape), result
    return result.flags


def with_nan(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    vertices = vertices.copy()
    vertices[0, 0] = np.nan
    return vertices, faces


def pinched(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    return vertices, np.concatenate([faces, np.tile([[0, 0, 1]], (50, 1))])


def doubled(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    return joined((vertices, faces), (vertices + 100, faces))


def touching(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """Two tetrahedral roofs on one edge: every edge is balanced, one has four faces."""
    roof = np.array([[0, 1, 2], [1, 0, 3], [0, 2, 3], [2, 1, 3]])
    corners = np.array([[0, 0, 0], [0, 0, 9.0], [9, 9, 4], [9, -9, 4], [-9, -9, 4], [-9, 9, 4]])
    other = np.array([0, 1, 4, 5])[roof]
    return joined((vertices, faces), (corners + 100, np.concatenate([roof, other])))


EITHER = [
    (lambda v, f: (v, f[:0]), "empty"),
    (with_nan, "non-finite"),
    (lambda v, f: (v[:-1], f), "bad-index"),
    (lambda v, f: (v, f - 1), "bad-index"),
    (lambda v, f: (v * (1, 1, 0), f), "no-extent"),
    (lambda v, f: (v, f[:59]), "too-few-faces"),
]
STRICT_ONLY = [
    (pinched, "degenerate", ("non-manifold",)),
    (doubled, "many-components", ("many-components",)),
    (lambda v, f: (v, f[:-1]), "open", ("open",)),
    (lambda v, f: (v, np.concatenate([f[:1, ::-1], f[1:]])), "open", ("open",)),
    (touching, "many-components", ("non-manifold", "many-components")),
    (lambda v, f: (v, f[:, ::-1]), "inside-out", ("inside-out",)),
]


@pytest.mark.parametrize("stage", [inspect.STAGE, inspect.STRICT], ids=["kept if possible", "strict"])
@pytest.mark.parametrize(("spoil", "reason"), EITHER)
def test_what_is_no_mesh_is_dropped(stage: inspect.Stage, spoil: Callable[..., Mesh], reason: str) -> None:
    result = stage(shape(*spoil(*GOOD)))
    assert isinstance(result, Drop)
    assert result.reason == reason


@pytest.mark.parametrize(("spoil", "reason", "kept_with"), STRICT_ONLY)
def test_what_is_odd_is_dropped_only_by_a_strict_stage(
    spoil: Callable[..., Mesh], reason: str, kept_with: tuple[str, ...]
) -> None:
    result = inspect.STRICT(shape(*spoil(*GOOD)))
    assert isinstance(result, Drop)
    assert result.reason == reason
    assert flags(*spoil(*GOOD)) == kept_with


def test_a_sound_mesh_has_facts_and_no_flags() -> None:
    for stage in (inspect.STAGE, inspect.STRICT):
        result = stage(shape(*GOOD))
        assert isinstance(result, Shape)
        assert result.flags == ()
        assert result.facts is not None
        assert (result.facts.n_vertices, result.facts.n_faces) == (642, 1280)
        assert (result.facts.n_components, result.facts.watertight) == (1, True)
        assert result.facts.elongation == pytest.approx(3)


def test_bad_vertices_that_no_face_uses_harm_nobody() -> None:
    vertices = np.concatenate([GOOD[0], [[np.nan, 0, np.inf]]])
    assert flags(vertices, GOOD[1]) == ()


def test_details_count() -> None:
    result = inspect.STAGE(shape(*with_nan(*GOOD)))
    assert isinstance(result, Drop)
    degree = int((GOOD[1] == 0).any(axis=1).sum())
    assert result.detail == f"1 of 642 vertices are not finite; {degree} of 1280 faces use them"


def cut(field: Field, axis: int, *at: float) -> Mesh:
    """The part of a solid this side of planes about the origin, closed with flat caps, as a field of view leaves it."""

    def cut_off(points: np.ndarray) -> np.ndarray:
        return np.maximum.reduce([field(points), *(np.sign(a) * points[..., axis] - abs(a) for a in at)])

    vertices, faces = surface_of(cut_off, 60)
    return 100 * vertices, faces


def oval(points: np.ndarray) -> np.ndarray:
    return np.sqrt(((points / (0.4, 0.6, 0.8)) ** 2).sum(-1)) - 1


def brick(points: np.ndarray) -> np.ndarray:
    """A box with rounded edges, flat as a vertebral body's ends or the sole of a heel."""
    return ((points / (0.5, 0.6, 0.8)) ** 8).sum(-1) ** (1 / 8) - 1


@pytest.mark.parametrize(
    ("axis", "at", "expected"),
    [(0, 0.2, "x+"), (0, -0.2, "x-"), (1, 0.3, "y+"), (2, 0.0001, "z+"), (2, 0.6, "z+"), (2, -0.7, "z-")],
)
def test_a_cut_by_the_field_of_view_is_flagged_with_its_side(axis: int, at: float, expected: str) -> None:
    assert flags(*cut(oval, axis, at)) == (f"flat-cap:{expected}",)


def test_natural_flat_sides_are_no_cuts() -> None:
    for field in (oval, brick):
        vertices, faces = surface_of(field, 60)
        assert flags(vertices * 100, faces) == ()
    assert flags(*cut(brick, 2, 0.3)) == ("flat-cap:z+",)


def test_a_slice_between_two_planes_has_two_caps() -> None:
    assert flags(*cut(oval, 2, 0.4, -0.3)) == ("flat-cap:z-", "flat-cap:z+")


@pytest.mark.parametrize(("longest", "flagged"), [(60, True), (450, False), (4500, True)])
def test_a_femur_has_the_length_of_a_femur(longest: float, flagged: bool) -> None:
    vertices = GOOD[0] * longest / 60
    for millimetres in (True, False):
        femur = replace(shape(vertices, GOOD[1]), category="femur_left", millimetres=millimetres)
        result = inspect.STAGE(femur)
        assert isinstance(result, Shape)
        assert ("implausible-extent" in result.flags) == (flagged and millimetres)


def test_extents_of_another_taxonomy_are_not_used_silently() -> None:
    parameters = {**inspect.STAGE.parameters, "extents": taxonomy.VERSION + "x"}
    with pytest.raises(ValueError, match="taxonomy"):
        inspect.inspect(shape(*GOOD), **parameters)
