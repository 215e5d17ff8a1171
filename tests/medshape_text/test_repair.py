"""Repairs of spoilt ellipsoids: what is done is counted, the solid comes back, and a sound mesh stays as it is."""

from __future__ import annotations

from dataclasses import replace

import igl
import numpy as np
import pytest
import trimesh
from messy_meshes import as_soup, ellipsoid, joined, messy, with_chords, with_flips, with_holes

from medshape_text.curate import inspect, repair
from medshape_text.records import Shape
from medshape_text.stage import Drop

RNG = np.random.default_rng(5)
BALL = ellipsoid((10.0, 20.0, 30.0), subdivisions=4)
VOLUME = inspect.signed_volume(*BALL)


def shape(vertices: np.ndarray, faces: np.ndarray) -> Shape:
    return Shape("x", "s", "nowhere", "left", "bone", "real_subject", "test", "CC0-1.0", "", True,
                 np.asarray(vertices, float), np.asarray(faces, np.int64))  # fmt: skip


def inspected(vertices: np.ndarray, faces: np.ndarray) -> Shape:
    result = inspect.STAGE(shape(vertices, faces))
    assert isinstance(result, Shape), result
    return result


def mended(vertices: np.ndarray, faces: np.ndarray) -> Shape:
    result = repair.STAGE(inspected(vertices, faces))
    assert isinstance(result, Shape), result
    return result


def done(found: Shape) -> dict[str, int]:
    return {one.action: one.count for one in found.repairs}


def volume(found: Shape) -> float:
    return inspect.signed_volume(found.vertices, found.faces)


def core(scale: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    return BALL[0] * scale, BALL[1]


@pytest.mark.parametrize("mesh", [BALL, joined(BALL, (core()[0], core()[1][:, ::-1]))], ids=["ball", "cavity"])
def test_a_sound_mesh_keeps_its_arrays(mesh: tuple[np.ndarray, np.ndarray]) -> None:
    before = inspected(*mesh)
    assert repair.STAGE(before) is before
    assert "open" not in before.flags


def test_vertices_that_coincide_on_a_closed_mesh_stay_apart() -> None:
    touching = joined(BALL, (BALL[0] + (20.0, 0, 0), BALL[1]))
    assert repair.STAGE(inspected(*touching)).vertices is not None  # type: ignore[union-attr]
    assert done(mended(*touching)) == {}


def test_a_soup_is_joined_again() -> None:
    found = mended(*as_soup(RNG, *BALL))
    assert done(found) == {"merged-vertices": 3 * len(BALL[1]) - len(BALL[0])}
    assert found.facts is not None
    assert (found.facts.n_vertices, found.facts.watertight, found.facts.n_components) == (len(BALL[0]), True, 1)
    assert (found.flags, volume(found)) == ((), pytest.approx(VOLUME, rel=1e-5))


def test_a_mesh_inside_out_is_turned_and_that_is_recorded() -> None:
    before = inspected(BALL[0], BALL[1][:, ::-1])
    assert before.flags == ("inside-out",)
    found = mended(BALL[0], BALL[1][:, ::-1])
    assert done(found) == {"turned-faces": len(BALL[1]), "turned-shells": 1}
    assert (found.flags, volume(found)) == ((), pytest.approx(VOLUME))
    assert np.array_equal(found.faces, BALL[1])
    assert np.array_equal(found.vertices, BALL[0])


def test_flipped_faces_are_turned_back() -> None:
    flipped = with_flips(np.random.default_rng(1), *BALL, 0.2)
    count = int((flipped != BALL[1]).any(axis=1).sum())
    found = mended(BALL[0], flipped)
    assert done(found) == {"turned-faces": count}
    assert np.array_equal(np.sort(found.faces, axis=1), np.sort(BALL[1], axis=1))
    assert volume(found) == pytest.approx(VOLUME)


@pytest.mark.parametrize("outside_in", [False, True])
@pytest.mark.parametrize("scattered", [False, True])
def test_a_cavity_stays_one(outside_in: bool, scattered: bool) -> None:
    vertices, faces = joined(BALL, (core()[0], core()[1][:, ::-1]))
    faces = faces[:, ::-1] if outside_in else faces
    faces = with_flips(np.random.default_rng(2), vertices, faces, 0.2) if scattered else faces
    assert volume(mended(vertices, faces)) == pytest.approx(VOLUME * (1 - 0.125))


def test_a_shell_in_the_solid_is_dropped_and_one_in_a_cavity_is_not() -> None:
    hollow = joined(BALL, (core(0.6)[0], core()[1][:, ::-1]))
    assert done(mended(*joined(hollow, core(0.3)))) == {}
    found = mended(*joined(BALL, core(0.6)))
    assert done(found)["dropped-inner-shells"] == 1
    assert volume(found) == pytest.approx(VOLUME)
    third = mended(*joined(hollow, core(0.8)))  # outward between the outer wall and the cavity
    assert volume(third) == pytest.approx(VOLUME * (1 - 0.216))


def test_shells_that_cross_are_both_kept() -> None:
    assert done(mended(*joined(BALL, (BALL[0] + (5.0, 0, 0), BALL[1])))) == {}


def test_fragments_go_and_large_parts_stay() -> None:
    speck = ellipsoid((0.3, 0.3, 0.3), subdivisions=1)
    far = (speck[0] + (8.0, 15.0, 20.0), speck[1])
    vertices, faces = joined(BALL, far, (BALL[0] + (40.0, 0, 0), BALL[1]))
    found = mended(vertices, faces)
    assert done(found) == {"dropped-fragments": 1}
    assert found.facts is not None
    assert found.facts.n_components == 2
    assert found.flags == ("many-components",)
    assert found.facts.n_vertices == len(found.vertices) == 2 * len(BALL[0])


def test_all_kinds_of_useless_elements_are_counted() -> None:
    vertices = np.concatenate([BALL[0], [[0.0, 0, 0]]])
    faces = with_chords(np.random.default_rng(3), np.concatenate([BALL[1], BALL[1][:7]]), 5)
    found = mended(vertices, faces)
    assert done(found) == {"dropped-vertices": 1, "dropped-degenerate-faces": 5, "dropped-duplicate-faces": 7}
    assert np.array_equal(found.vertices, BALL[0])
    assert np.array_equal(found.faces, BALL[1])


def test_a_hole_stays_and_is_flagged() -> None:
    faces = with_holes(np.random.default_rng(4), BALL[0] / 34, BALL[1])
    found = mended(BALL[0], faces)
    unused = len(BALL[0]) - len(np.unique(faces))
    assert (done(found), found.flags) == ({"dropped-vertices": unused}, ("open",))
    found = mended(BALL[0], faces[:, ::-1])
    assert done(found) == {"dropped-vertices": unused, "turned-faces": len(faces), "turned-shells": 1}
    assert found.flags == ("open",)


def test_what_cannot_be_mended_is_dropped_with_a_reason() -> None:
    chord = replace(inspected(*BALL), faces=np.tile([[0, 1, 0]], (200, 1)))
    loose = RNG.normal(size=(900, 3))
    for broken, reason in ((chord, "no-surface"), (inspected(loose, np.arange(900).reshape(-1, 3)), "unrepairable")):
        result = repair.STAGE(broken)
        assert isinstance(result, Drop)
        assert result.reason == reason


def test_everything_at_once_comes_back_as_closed_as_its_holes_allow() -> None:
    mesh = messy("all", 2)
    found = mended(mesh.vertices, mesh.faces)
    assert {"merged-vertices", "dropped-degenerate-faces", "turned-faces"} <= set(done(found))
    border = igl.boundary_facets(found.faces)[0]
    assert len(np.unique(border)) == len(border)  # every border is a plain loop
    assert trimesh.Trimesh(found.vertices, found.faces, process=False).is_winding_consistent
