"""Duplicates planted among real bones and made-up solids: each is found and named, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import igl
import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from skimage.measure import marching_cubes

from medshape_text.curate.dedup import DuplicatePair, Entry, find_duplicates, resolve_duplicates
from medshape_text.curate.dedup.compare import match
from medshape_text.curate.dedup.surface import prepare, residuals
from medshape_text.curate.normalise import sample_surface
from medshape_text.curate.sdf import sdf_from_mesh
from medshape_text.curate.signature import FEATURES, signature
from medshape_text.frame import canonical_similarity
from medshape_text.seeds import generator_for
from medshape_text.sources import llp26

Mesh = tuple[np.ndarray, np.ndarray]
TWINS = ("llp26_09_patella_left", "llp26_23_patella_left")
"""The same bone in the source's own data: its vertices differ by 2 micrometres."""


def normals_of(count: int) -> np.ndarray:
    k = np.arange(count) + 0.5
    height, azimuth = 1 - 2 * k / count, np.pi * (1 + np.sqrt(5)) * k
    level = np.sqrt(1 - height**2)
    return np.stack([level * np.cos(azimuth), level * np.sin(azimuth), height], axis=1)


@dataclass
class Library:
    """Shapes as the stages before deduplication leave them."""

    entries: list[Entry] = field(default_factory=list)
    surfaces: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, name: str, mesh: Mesh, **more: object) -> None:
        similarity = canonical_similarity(np.asarray(mesh[0], dtype=np.float64))
        vertices, faces = similarity.apply(mesh[0]), np.asarray(mesh[1], dtype=np.int64)
        points, normals = sample_surface(vertices, faces, 8192, generator_for(name, "surface-samples"))
        self.surfaces[name] = points.astype(np.float32), normals.astype(np.float16)
        known = {
            "subject": name,
            "category": "thing",
            "source": "test",
            "scale": similarity.scale,
            "n_faces": len(faces),
        }
        self.entries.append(Entry(id=name, signature=signature(sdf_from_mesh(vertices, faces)), **(known | more)))  # type: ignore[arg-type]

    def points(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(name)
        return self.surfaces[name]

    def pairs(self) -> list[DuplicatePair]:
        return find_duplicates(self.entries, self.points)


def solid(seed: int, subdivisions: int = 4) -> Mesh:
    """A smooth closed surface without symmetry, another one for each seed."""
    rng = np.random.default_rng(seed)
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions)
    directions = np.asarray(mesh.vertices)
    radius = 1 + sum(a * np.cos(directions @ k + p) for a, k, p in zip(
        0.13 * rng.standard_normal(6), 2.5 * rng.standard_normal((6, 3)), 6 * rng.random(6), strict=True))  # fmt: skip
    return directions * radius[:, None] * (2.0, 1.4, 1.0), np.asarray(mesh.faces, dtype=np.int64)


def ellipsoid(x: float, y: float, z: float, subdivisions: int = 4) -> Mesh:
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions)
    return np.asarray(mesh.vertices) * (x, y, z), np.asarray(mesh.faces)


def turned(mesh: Mesh, seed: int = 0, scale: float = 1.0) -> Mesh:
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    return scale * mesh[0] @ turn.T + (3, -4, 5), mesh[1]


def mirrored(mesh: Mesh) -> Mesh:
    return mesh[0] * (-1, 1, 1), mesh[1][:, ::-1]


def decimated(mesh: Mesh) -> Mesh:
    vertices, faces = (np.ascontiguousarray(part) for part in mesh)
    parts = [part for part in igl.qslim(vertices, faces, len(faces) // 4) if isinstance(part, np.ndarray)]
    return np.asarray(parts[0]), np.asarray(parts[1], dtype=np.int64)


def marched(mesh: Mesh) -> Mesh:
    """Marching cubes of the canonical SDF."""
    sdf = sdf_from_mesh(canonical_similarity(mesh[0]).apply(mesh[0]), mesh[1])
    vertices, faces, _, _ = marching_cubes(sdf, 0.0)
    return trimesh_oriented((vertices + 0.5) / 32 - 1, faces.astype(np.int64))


def trimesh_oriented(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return vertices, faces if np.einsum("ij,ij->", a, np.cross(b, c)) > 0 else faces[:, ::-1]


def noisy(mesh: Mesh) -> Mesh:
    voxel = np.ptp(mesh[0], axis=0).max() / 56
    return mesh[0] + np.random.default_rng(1).normal(0, 0.2 * voxel, mesh[0].shape), mesh[1]


def named(pairs: list[DuplicatePair]) -> set[tuple[str, str, str]]:
    return {(pair.first, pair.second, pair.kind) for pair in pairs}


# ------------------------------------------------------------------------------------------------ made-up solids


@pytest.fixture(scope="module")
def others() -> Library:
    """Forty solids that are all different."""
    library = Library()
    for seed in range(40):
        library.add(f"solid_{seed:02d}", solid(seed))
    return library


def test_different_solids_are_no_duplicates_and_are_not_even_looked_at(others: Library) -> None:
    others.asked.clear()
    assert others.pairs() == []
    assert len(set(others.asked)) <= 4


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda mesh: (mesh[0] * 1000 + 7, mesh[1]), "copy"),
        (lambda mesh: turned(mesh, 1), "rotated"),
        (lambda mesh: turned(mesh, 2, scale=25.4), "rotated"),
        (lambda mesh: turned(mirrored(mesh), 3), "mirrored"),
        (mirrored, "mirrored"),
        (decimated, "re-meshed"),
        (marched, "re-meshed"),
        (lambda mesh: turned(decimated(mesh), 4), "rotated"),
        (lambda mesh: turned(noisy(mesh), 5), "rotated"),
        (lambda mesh: trimesh.remesh.subdivide(*mesh), "re-meshed"),
    ],
)
def test_every_kind_of_planted_copy_is_found_and_named(
    others: Library, change: Callable[[Mesh], Mesh], kind: str
) -> None:
    library = Library(list(others.entries), dict(others.surfaces))
    library.add("zz_planted", change(solid(17)), subject="somebody else", source="elsewhere", category="other")
    (pair,) = library.pairs()
    assert (pair.first, pair.second, pair.kind) == ("solid_17", "zz_planted", kind)
    assert pair.distance_voxels < 0.2
    assert pair.drift_voxels < 0.1


def test_angle_and_scale_of_a_copy_are_those_it_was_made_with(others: Library) -> None:
    mesh = solid(8)
    turn = Rotation.from_rotvec(np.radians(70) * np.array([2, -1, 2]) / 3).as_matrix()
    library = Library([others.entries[8]], dict(others.surfaces))
    library.add("zz", (2.5 * mesh[0] @ turn.T, mesh[1]))
    (pair,) = library.pairs()
    assert pair.degrees == pytest.approx(70, abs=0.1)
    assert pair.scale == pytest.approx(2.5, rel=1e-3)


def test_shapes_of_rotation_and_balls_are_found_at_any_turn() -> None:
    library = Library()
    for name, radii in {"ball": (1, 1, 1), "disc": (1, 1, 0.4), "rod": (1, 0.3, 0.3), "egg": (1, 0.7, 0.5)}.items():
        library.add(f"{name}_a", ellipsoid(*radii))
        library.add(f"{name}_b", turned(ellipsoid(*radii, subdivisions=5), 6))
    # near by, but not the same proportions
    library.add("disc_c", ellipsoid(1, 1, 0.44))
    library.add("rod_c", ellipsoid(1, 0.33, 0.33))
    library.add("egg_c", ellipsoid(1, 0.73, 0.5))
    pairs = library.pairs()
    assert {(pair.first, pair.second) for pair in pairs} == {
        (f"{n}_a", f"{n}_b") for n in ("ball", "disc", "rod", "egg")
    }
    # a ball need not be turned to look like a turned ball, and no mirror is needed for what is its own mirror image
    assert {pair.kind for pair in pairs} <= {"re-meshed", "rotated"}
    assert next(pair for pair in pairs if pair.first == "ball_a").kind == "re-meshed"


def test_a_cube_is_found_at_any_turn() -> None:
    cube = trimesh.creation.box((1, 1, 1)).subdivide().subdivide().subdivide()
    library = Library()
    library.add("a", (np.asarray(cube.vertices), np.asarray(cube.faces)))
    library.add("b", turned((np.asarray(cube.vertices), np.asarray(cube.faces)), 7))
    assert named(library.pairs()) == {("a", "b", "rotated")}


def test_the_result_depends_on_content_alone(others: Library) -> None:
    library = Library(list(others.entries), dict(others.surfaces))
    for name, mesh in {
        "a1": turned(solid(3), 1),
        "z1": turned(mirrored(solid(3)), 2),
        "m": turned(solid(5), 3),
    }.items():
        library.add(name, mesh)
    pairs = library.pairs()
    assert named(pairs) == {("a1", "solid_03", "rotated"), ("a1", "z1", "mirrored"), ("m", "solid_05", "rotated")}
    assert find_duplicates(library.entries[::-1], library.points) == pairs


def test_equal_bytes_and_equal_content_need_no_geometry(others: Library) -> None:
    base = others.entries[0]
    entries = [
        replace(base, id="a", input_sha256="1", content_hash="c"),
        replace(base, id="b", input_sha256="1", content_hash="c"),
        replace(base, id="c", input_sha256="2", content_hash="c"),
        # two structures of one mask file: equal bytes were read, but these are not one shape
        replace(others.entries[1], id="d", input_sha256="1", content_hash="d"),
    ]

    def never(name: str) -> tuple[np.ndarray, np.ndarray]:
        raise AssertionError(name)

    assert named(find_duplicates(entries, never)) == {("a", "b", "bytes"), ("a", "c", "content")}


def test_what_is_no_input_is_refused(others: Library) -> None:
    with pytest.raises(ValueError, match="twice"):
        find_duplicates([others.entries[0]] * 2, others.points)
    short = [replace(entry, signature=entry.signature[:3]) for entry in others.entries[:2]]
    with pytest.raises(ValueError, match=f"{len(FEATURES)} numbers"):
        find_duplicates(short, others.points)
    broken = [replace(entry, signature=entry.signature * np.nan) for entry in others.entries[:2]]
    with pytest.raises(ValueError, match="not finite"):
        find_duplicates(broken, others.points)
    with pytest.raises(ValueError, match="16 or more"):
        prepare(np.zeros((3, 3)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="not finite"):
        prepare(np.full((99, 3), np.nan), np.zeros((99, 3)))
    assert find_duplicates([], others.points) == []


def test_distances_to_a_sampled_ball_are_exact() -> None:
    directions = normals_of(4000)
    ball = prepare(directions * 0.5, directions)  # 16 voxels
    probes = normals_of(777)[:, [1, 2, 0]]
    for radius in (15.9, 16.0, 16.3):
        value, along = residuals(probes * radius, probes, ball)
        assert value == pytest.approx(np.full(777, radius - 16), abs=2e-3)
        assert np.einsum("nd,nd->n", along, probes) == pytest.approx(np.ones(777), abs=1e-2)
    far, _ = residuals(probes * 30, probes, ball)
    assert far == pytest.approx(np.full(777, 14), abs=0.1)
    facing_in, _ = residuals(probes * 16, -probes, ball)  # no surface faces that way: as far as the nearest point
    assert np.all(facing_in >= 0)


def test_a_dent_that_persons_differ_by_is_no_copy() -> None:
    vertices, faces = solid(4)
    dent = 0.06 * np.exp(-((vertices - vertices[100]) ** 2).sum(axis=1) / 0.5)
    one, two = Library(), Library()
    one.add("a", (vertices, faces))
    two.add("b", (vertices * (1 - dent)[:, None], faces))
    assert match(prepare(*one.surfaces["a"]), prepare(*one.surfaces["a"])) is not None
    assert match(prepare(*one.surfaces["a"]), prepare(*two.surfaces["b"])) is None


# ------------------------------------------------------------------------------------------------ what stays


def entry(name: str, **more: object) -> Entry:
    values = {"subject": name, "category": "c", "source": "s", "signature": np.zeros(22, np.float32)} | more
    return Entry(id=name, **values)  # type: ignore[arg-type]


def test_of_equal_files_the_first_in_the_list_stays() -> None:
    entries = [entry(name) for name in ("z", "b", "a", "m")]
    pairs = [DuplicatePair("a", "b", "bytes"), DuplicatePair("a", "m", "content"), DuplicatePair("a", "z", "rotated")]
    found = resolve_duplicates(entries, pairs)
    assert {name: drop.reason for name, drop in found.drops.items()} == {
        "a": "duplicate-bytes", "m": "duplicate-content",
    }  # fmt: skip
    assert all("b is kept" in drop.detail for drop in found.drops.values())
    assert found.flags == {}  # it was a that is like z, and a is gone


def test_what_is_said_to_be_kept_is_kept() -> None:
    entries = [entry("a"), entry("b", source="t"), entry("c", source="t")]
    found = resolve_duplicates(entries, [DuplicatePair("a", "b", "rotated"), DuplicatePair("b", "c", "content")])
    assert set(found.drops) == {"b", "c"}
    assert found.drops["c"].detail == "content pair with b, like a; a is kept"


def test_near_equal_shapes_go_across_sources_and_are_flagged_within_one() -> None:
    pairs = [DuplicatePair("a", "b", "copy"), DuplicatePair("a", "c", "re-meshed")]
    found = resolve_duplicates([entry("a"), entry("b"), entry("c", source="other")], pairs)
    assert {name: drop.reason for name, drop in found.drops.items()} == {"c": "duplicate-shape"}
    assert "a is kept" in found.drops["c"].detail
    assert found.flags == {"b": ("copy-of:a",)}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({}, {"split_safe": False}),
        ({}, {"redistributable": False}),
        ({"split": "test"}, {"split": "train"}),
        ({"split": "train"}, {"split_safe": False, "split": "test"}),
    ],
)
def test_the_better_known_and_more_useful_copy_stays(better: dict[str, object], worse: dict[str, object]) -> None:
    entries = [entry("a", source="other", **worse), entry("b", **better)]
    found = resolve_duplicates(entries, [DuplicatePair("a", "b", "rotated")])
    assert list(found.drops) == ["a"]
    assert found.drops["a"].reason == "duplicate-shape"


def test_mirror_images_stay_and_say_whose_they_are() -> None:
    entries = [entry("a"), entry("a2", source="other"), entry("b"), entry("b2", source="other")]
    pairs = [DuplicatePair("a", "a2", "copy"), DuplicatePair("a", "b", "mirrored"), DuplicatePair("b", "b2", "copy"),
             DuplicatePair("a2", "b2", "mirrored")]  # fmt: skip
    found = resolve_duplicates(entries, pairs)
    assert set(found.drops) == {"a2", "b2"}
    assert found.flags == {"b": ("mirrored-of:a",)}


# ------------------------------------------------------------------------------------------------ real bones


def bones(wheel: Path, subjects: range) -> dict[str, Mesh]:
    nodes = llp26.read_subject_nodes(wheel)
    return {f"llp26_{index:02d}_{bone.category}": (np.asarray(bone.operator @ nodes[index]), bone.faces)
            for bone in llp26.load_bones(nodes.mean(axis=0)) for index in subjects}  # fmt: skip


def test_six_subjects_are_all_different_and_their_copies_are_found(wheel: Path) -> None:
    real = bones(wheel, range(4, 10))
    library = Library()
    for name, mesh in real.items():
        library.add(name, mesh)
    assert library.pairs() == []  # femurs that differ by 0.7 mm, and left hips that are nearly mirrored right ones
    planted = {
        "zz_femur": ("llp26_06_femur_left", turned, "rotated"),
        "zz_fibula": ("llp26_05_fibula_left", lambda mesh: turned(mirrored(mesh)), "mirrored"),
        "zz_hip": ("llp26_04_hip_right", lambda mesh: turned(marched(mesh)), "rotated"),
        "zz_patella": ("llp26_09_patella_left", lambda mesh: turned(noisy(mesh)), "rotated"),
        "zz_sacrum": ("llp26_07_sacrum", decimated, "re-meshed"),
        "zz_tibia": ("llp26_08_tibia_left", lambda mesh: turned(decimated(mesh)), "rotated"),
    }
    for name, (origin, change, _) in planted.items():
        library.add(name, change(real[origin]), source="elsewhere")  # type: ignore[operator]
    expected = {(origin, name, kind) for name, (origin, _, kind) in planted.items()}
    assert named(library.pairs()) == expected


@pytest.mark.slow
def test_182_real_and_500_synthetic_bones_hold_one_pair_of_twins(wheel: Path) -> None:
    from medshape_text.shape_model import fit_shape_model, synthetic_vertices

    real = bones(wheel, range(26))
    library = Library()
    for name, mesh in real.items():
        library.add(name, mesh)
    for category in sorted({name[9:] for name in real}):
        of_one = [mesh for name, mesh in real.items() if name[9:] == category]
        model = fit_shape_model(np.stack([canonical_similarity(vertices).apply(vertices) for vertices, _ in of_one]))
        for index in range(72):
            name = f"synthetic_{category}_{index:05d}"
            library.add(name, (synthetic_vertices(model, name, warped=index % 3 != 0), of_one[0][1]))
    assert len(library.entries) == 182 + 504
    assert named(library.pairs()) == {(*TWINS, "copy")}
    gap = np.linalg.norm(np.ptp(real[TWINS[0]][0], axis=0) - np.ptp(real[TWINS[1]][0], axis=0))
    assert gap < 0.01  # mm: they are one bone indeed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "kind", "thick", "thin"),
    [
        (lambda mesh: mesh, "rotated", 1.0, 0.98),
        (mirrored, "mirrored", 1.0, 0.98),
        (decimated, "rotated", 1.0, 0.95),
        (noisy, "rotated", 0.95, 0.0),
        (marched, "rotated", 0.9, 0.0),
    ],
)
def test_recall_on_all_real_bones(
    wheel: Path, change: Callable[[Mesh], Mesh], kind: str, thick: float, thin: float
) -> None:
    real = {name: mesh for name, mesh in bones(wheel, range(26)).items() if name != TWINS[1]}
    library = Library()
    for seed, (name, mesh) in enumerate(real.items()):
        library.add(name, mesh)
        library.add(f"zz_{name}", turned(change(mesh), seed, scale=1 + seed % 3))
    found = library.pairs()
    assert all(pair.second == f"zz_{pair.first}" for pair in found)
    right = {pair.first for pair in found if pair.kind == kind}
    long_bones = [name for name in real if name.endswith(("femur_left", "tibia_left", "fibula_left"))]
    assert np.mean([name in right for name in long_bones]) >= thin
    assert np.mean([name in right for name in real if name not in long_bones]) >= thick
