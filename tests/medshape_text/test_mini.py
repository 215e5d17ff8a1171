"""The built mini data set: who is in it, what was learnt from whom, and that geometry and facts agree."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import igl
import numpy as np
import pytest
import trimesh
from threadpoolctl import threadpool_limits

import medshape_text
from medshape_text.curate.sdf import sdf_from_mask
from medshape_text.frame import Similarity
from medshape_text.pipeline import process
from medshape_text.records import Shape
from medshape_text.sources import llp26
from medshape_text.sources.mini import SUBJECTS, MiniSource, fit_models, mini_splits, open_mini

CATEGORIES = ("hip_right", "sacrum", "hip_left", "femur_left", "patella_left", "tibia_left", "fibula_left")
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
def rows(mini_dir: Path) -> dict[str, dict[str, Any]]:
    """All light rows by id."""
    return {row["id"]: row for split in ("train", "validation", "test")
            for row in medshape_text.load(mini_dir, "shapes", split)}  # fmt: skip


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
                found[row["id"]] = sha256(row["mask"]).hexdigest()[:16]
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
        transform = Similarity(tuple(mesh_row["centre_mm"]), mesh_row["scale"])
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
        assert squared.max() < 1e-10
        assert np.isclose((canonical.face_normals[face] * normals[:200]).sum(axis=1), 1, atol=0.01).mean() > 0.9


def test_real_bones_have_the_sizes_of_bones(rows: dict[str, dict[str, Any]]) -> None:
    femora = [row for row in rows.values() if row["category"] == "femur_left" and row["scale"]]
    assert len(femora) == 26
    assert all(400 < max(row["extent_mm"]) < 470 for row in femora)
    assert all(row["scale"] * max(row["extent_mm"]) == pytest.approx(56 / 32) for row in femora)
    assert all(row["scale"] is None and row["volume_mm3"] is None for row in rows.values()
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


@pytest.fixture(scope="module")
def source(wheel: Path) -> MiniSource:
    """The source with one synthetic shape per category."""
    return open_mini(wheel.parent, 1)


def test_fingerprints_follow_the_input(source: MiniSource) -> None:
    fingerprints = {shape_id: source.fingerprint(shape_id) for shape_id in source.ids()}
    assert len(set(fingerprints.values())) == len(fingerprints)

    def changed(other: MiniSource) -> set[str]:
        return {shape_id for shape_id, before in fingerprints.items() if other.fingerprint(shape_id) != before}

    assert changed(dataclasses.replace(source, wheel_sha256="0" * 64)) == set(fingerprints)
    others_trained_on = dataclasses.replace(source, training=source.training[1:])
    assert changed(others_trained_on) == {f"synthetic_{category}_00000" for category in CATEGORIES}


def test_shapes_do_not_depend_on_the_number_of_threads(wheel: Path, source: MiniSource) -> None:
    with threadpool_limits(limits=4):
        again = open_mini(wheel.parent, 1)
    assert np.array_equal(again.nodes, source.nodes)
    for category, model in source.models.items():
        assert np.array_equal(again.models[category].modes, model.modes)


def test_a_synthetic_shape_is_nobodys(source: MiniSource) -> None:
    shape = process(source, "synthetic_patella_left_00000")
    assert isinstance(shape, Shape)
    assert (shape.subject, shape.transform, shape.origin) == ("synthetic", None, "synthetic_ssm")
    real = [process(source, f"{subject}_patella_left") for subject in SUBJECTS]
    distances = [np.abs(other.vertices - shape.vertices).max() * 32 for other in real if isinstance(other, Shape)]
    assert len(distances) == 26
    assert min(distances) > 0.5  # voxels


def test_manifest_names_the_wheel_the_splits_and_every_stage(mini_dir: Path) -> None:
    manifest = json.loads((mini_dir / "manifest.json").read_text())
    assert manifest["schema_version"] == "1"
    assert manifest["source"]["inputs"][0]["sha256"] == llp26.SHA256
    assert manifest["source"]["synthetic"]["fitted_on"] == manifest["source"]["subjects"]["train"]
    names = [stage["name"] for stage in manifest["stages"]]
    assert names == ["read", "inspect", "measure", "normalise", "sdf", "surface", "describe", "split"]
    assert all(stage["n_in"] == stage["n_out"] == 182 + 42 for stage in manifest["stages"])


def test_licence_travels_with_the_data(mini_dir: Path) -> None:
    notice = (mini_dir / "NOTICE").read_text()
    assert "Mozilla Public License Version 2.0" in notice
    assert "llp26_operator.npz" in notice
    card = (mini_dir / "README.md").read_text()
    assert "- mpl-2.0" in card
    assert "| musculoskeletal-models==0.2.4 | MPL-2.0 | real_subject | 182 |" in card
    assert "| femur_left | real_subject | 18 | 2 | 6 |" in card
