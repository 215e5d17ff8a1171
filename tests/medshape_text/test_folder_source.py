"""Folders of anybody's files: what names and tables say, surfaces of masks, one row for each that is none."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import trimesh
from test_reading_volumes import AFFINE, nrrd

from medshape_text.curate.inspect import signed_volume, topology
from medshape_text.records import Shape
from medshape_text.sources.folder import ChangedFileError, FolderSource, open_folder
from medshape_text.sources.folders.items import list_folder
from medshape_text.sources.folders.labels import FolderError
from medshape_text.stage import Drop

nibabel = pytest.importorskip("nibabel")
BALL = trimesh.creation.icosphere(subdivisions=2, radius=20.0)


def put(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def mesh(path: Path) -> Path:
    return put(path, BALL.export(file_type=path.suffix[1:]))


def ball(radius: float, shape: tuple[int, int, int] = (40, 44, 48), centre=(19.5, 21.5, 23.5), value: int = 1):
    """A ball in physical space, 2 x 1.5 x 3 mm voxels."""
    grid = np.moveaxis(np.indices(shape), 0, -1) - np.array(centre)
    distance = np.linalg.norm(grid @ AFFINE[:3, :3].T, axis=-1)
    return np.where(distance < radius, value, 0).astype(np.uint8)


def nifti(labels: np.ndarray) -> bytes:
    image = nibabel.Nifti1Image(labels, AFFINE)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), compresslevel=1)


def results(source: FolderSource) -> dict[str, Shape | Drop]:
    return {shape_id: source.read(shape_id) for shape_id in source.ids()}


def reasons(source: FolderSource) -> dict[str, str]:
    return {
        shape_id: result.reason if isinstance(result, Drop) else "ok" for shape_id, result in results(source).items()
    }


# Files and names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["stl", "ply", "obj", "off", "glb"])
def test_meshes_are_named_by_their_files(tmp_path, suffix) -> None:
    path = mesh(tmp_path / f"s0001_kidney_left.{suffix}")
    shape = open_folder(tmp_path, licence="CC-BY-4.0").read("s0001_kidney_left")
    assert (shape.category, shape.side, shape.millimetres) == ("kidney_left", "left", False)
    assert (shape.licence, shape.redistributable) == ("CC-BY-4.0", True)
    assert shape.input_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert signed_volume(shape.vertices, shape.faces) == pytest.approx(BALL.volume, rel=1e-5)


def test_an_undeclared_licence_is_unknown_and_forbids(tmp_path) -> None:
    mesh(tmp_path / "s0001_liver.stl")
    shape = open_folder(tmp_path).read("s0001_liver")
    assert (shape.licence, shape.redistributable) == ("unknown", False)
    assert not open_folder(tmp_path, licence="CC-BY-NC-ND-4.0").read("s0001_liver").redistributable


def test_totalsegmentator_layout(tmp_path) -> None:
    put(tmp_path / "s0011/segmentations/liver.nii.gz", nifti(ball(25)))
    put(tmp_path / "s0011/segmentations/rib_left_7.nii.gz", nifti(ball(20)))
    put(tmp_path / "s0011/segmentations/spleen.nii.gz", nifti(ball(0)))
    put(tmp_path / "s0012/segmentations/liver.nii.gz", nifti(ball(24)))
    put(tmp_path / "meta.csv", "image_id;age;gender\ns0011;40;f\n")
    found = results(open_folder(tmp_path))
    assert list(found) == [
        "s0011-segmentations-liver", "s0011-segmentations-rib_left_7", "s0011-segmentations-spleen",
        "s0012-segmentations-liver",
    ]  # fmt: skip
    liver, rib, spleen, other = found.values()
    assert liver.subject == rib.subject != other.subject
    assert (liver.age, liver.sex, other.age) == (40, "female", None)
    assert (rib.category, rib.level) == ("rib_left_7", "7")
    assert spleen.reason == "no-voxels", "an empty segmentation, as the data set has many"


def test_a_surface_of_a_mask_is_in_millimetres_closed_and_outside_out(tmp_path) -> None:
    put(tmp_path / "s0001_liver.nii.gz", nifti(ball(25)))
    put(tmp_path / "s0002_liver.nrrd", nrrd(ball(25), "gzip", space_directions="(0,2,0) (-1.5,0,0.3) (0,0,3)"))
    found = results(open_folder(tmp_path))
    for shape in found.values():
        assert shape.millimetres
        assert topology(shape.vertices, shape.faces).watertight
        volume = signed_volume(shape.vertices, shape.faces)
        assert volume == pytest.approx(4 / 3 * np.pi * 25**3, rel=0.03)
    # The centre, by hand: the affine of the middle voxel; NIfTI's x and y change their signs.
    middle = AFFINE[:3] @ [19.5, 21.5, 23.5, 1]
    nifti_shape, nrrd_shape = found.values()
    centre = nifti_shape.vertices.min(axis=0) / 2 + nifti_shape.vertices.max(axis=0) / 2
    np.testing.assert_allclose(centre, middle * [-1, -1, 1], atol=0.4)
    centre = nrrd_shape.vertices.min(axis=0) / 2 + nrrd_shape.vertices.max(axis=0) / 2
    np.testing.assert_allclose(centre, middle, atol=0.4)


def test_a_mask_cut_by_the_scan_is_closed_and_flagged(tmp_path) -> None:
    put(tmp_path / "s0001_liver.nii.gz", nifti(ball(25, centre=(2, 21.5, 23.5))))
    shape = open_folder(tmp_path).read("s0001_liver")
    assert shape.flags == ("cut-by-field-of-view",)
    assert topology(shape.vertices, shape.faces).watertight


def test_files_that_are_no_shape_are_one_row_each(tmp_path) -> None:
    outside = mesh(tmp_path.parent / f"{tmp_path.name}_outside" / "s0009_liver.stl")
    mesh(tmp_path / "s0001_liver.stl")
    put(tmp_path / "s0002_liver.stl", b"")
    put(tmp_path / "s0003_liver.stl", BALL.export(file_type="stl")[:-7])
    put(tmp_path / "s0004_liver.stl", b"<html></html>")
    put(tmp_path / "s0005_liver.nii.gz", b"not packed")
    put(tmp_path / "s0006_liver.ply", trimesh.PointCloud(BALL.vertices).export(file_type="ply"))
    put(tmp_path / "s0007_liver.nii.gz", nifti(ball(25) + ball(10)))
    put(tmp_path / "s0008_liver.nii.gz", nifti(ball(2.9)))
    (tmp_path / "s0009_liver.stl").symlink_to(outside)
    (tmp_path / "s0010_liver.stl").symlink_to(tmp_path / "s0001_liver.stl")
    (tmp_path / "s0011_liver.stl").symlink_to(tmp_path / "nowhere.stl")
    (tmp_path / "linked").symlink_to(outside.parent, target_is_directory=True)
    os.mkfifo(tmp_path / "s0012_liver.stl")
    mesh(tmp_path / "s0013_gizmo.stl")
    mesh(tmp_path / "whatever this is.stl")
    mesh(tmp_path / "liver.stl")
    for name in (".hidden/s0014_liver.stl", ".s0014_liver.stl"):
        mesh(tmp_path / name)
    put(tmp_path / "readme.txt", "nothing")
    source = open_folder(tmp_path)
    found = reasons(source)
    assert found.pop("linked") == "linked-folder"
    assert [found.pop(key) for key in list(found) if key.startswith("whatever")] == ["no-grammar"]
    assert found == {
        "liver": "no-subject",
        "s0001_liver": "ok",
        "s0002_liver": "truncated",
        "s0003_liver": "truncated",
        "s0004_liver": "truncated",
        "s0005_liver": "unreadable",
        "s0006_liver": "no-faces",
        "s0007_liver": "many-labels",
        "s0008_liver": "too-few-voxels",
        "s0009_liver": "link-outside",
        "s0010_liver": "ok",
        "s0011_liver": "not-a-file",
        "s0012_liver": "not-a-file",
        "s0013_gizmo": "unknown-structure",
    }
    assert source.ignored == 1
    assert all(result.detail for result in results(source).values() if isinstance(result, Drop))


def test_a_zip_bomb_beside_other_files_is_one_row(tmp_path) -> None:
    head = nibabel.Nifti1Image(ball(5), AFFINE).to_bytes()[:352]
    head = head[:40] + np.array([3, 30000, 30000, 3000, 1, 1, 1, 1], "<i2").tobytes() + head[56:]
    put(tmp_path / "s0001_liver.nii.gz", gzip.compress(head + bytes(2**22)))
    mesh(tmp_path / "s0002_liver.stl")
    assert reasons(open_folder(tmp_path)) == {"s0001_liver": "too-large", "s0002_liver": "ok"}


def test_ids_differ_and_are_safe(tmp_path) -> None:
    for name in (
        "a/s0001_liver.stl",
        "a/s0001_liver.ply",
        "a-s0001_liver.obj",
        "A/s0001_liver.off",
        "b ä/s0002_liver.stl",
    ):
        mesh(tmp_path / name)
    ids = open_folder(tmp_path).ids()
    assert len({shape_id.lower() for shape_id in ids}) == 5
    assert all(shape_id.isascii() and "/" not in shape_id and " " not in shape_id for shape_id in ids)


def test_a_file_called_as_anothers_id_keeps_its_own(tmp_path) -> None:
    for name in ("x.stl", "x.ply"):
        mesh(tmp_path / name)
    for shape_id in open_folder(tmp_path).ids():
        mesh(tmp_path / f"{shape_id}.obj")
    assert len(set(open_folder(tmp_path).ids())) == 4


def test_links_in_a_circle_and_names_nobody_can_write_down_are_rows(tmp_path) -> None:
    mesh(tmp_path / "s0001_liver.stl")
    (tmp_path / "s0002_liver.stl").symlink_to(tmp_path / "s0002_liver.stl")
    mesh(tmp_path / os.fsdecode(b"s0003_liver\xff.stl"))
    (tmp_path / os.fsdecode(b"linked\xff")).symlink_to(tmp_path.parent, target_is_directory=True)
    put(tmp_path / os.fsdecode(b"labels\xff.json"), json.dumps({"s0001_liver.stl": "spleen"}))
    source = open_folder(tmp_path)
    found = {source._by_id[shape_id].path: reason for shape_id, reason in reasons(source).items()}
    assert found == {
        "linked\\xff": "linked-folder",
        "s0001_liver.stl": "ok",
        "s0002_liver.stl": "not-a-file",
        "s0003_liver\\xff.stl": "bad-encoding",
    }
    assert all(len(source.fingerprint(shape_id)) == 64 for shape_id in source.ids())
    assert source.provenance()["files"]["count"] == 4
    assert source.ignored == 1


def test_a_missing_folder_is_said(tmp_path) -> None:
    with pytest.raises(NotADirectoryError, match="no folder"):
        list_folder(tmp_path / "none")


# Tables ------------------------------------------------------------------------------------------------------------


def test_what_shapes_csv_says_goes_first(tmp_path) -> None:
    mesh(tmp_path / "x/one.stl")
    mesh(tmp_path / "both.stl")
    mesh(tmp_path / "liver.stl")
    mesh(tmp_path / "s0003_liver.stl")
    put(
        tmp_path / "shapes.csv",
        "file,subject,category,side,split,licence,origin,age,sex,unit,source\n"
        "x/one.stl,P7,kidney,left,test,CC0-1.0,template,33,male,mm,our clinic\n"
        "liver.stl,P7,,,train,,,,,,\n"
        "gone.stl,P8,liver,,,,,,,,\n"
        "both.stl,P9,kidney_left,right,,,,,,,\n",
    )
    source = open_folder(tmp_path, licence="CC-BY-NC-ND-4.0")
    one, liver, plain = (source.read(shape_id) for shape_id in ("x-one", "liver", "s0003_liver"))
    assert (one.category, one.side, one.age, one.sex, one.millimetres, one.source, one.origin) == (
        "kidney_left", "left", 33, "male", True, "our clinic", "template",
    )  # fmt: skip
    assert (one.licence, one.redistributable) == ("CC0-1.0", True)
    assert (liver.category, liver.licence, liver.redistributable) == ("liver", "CC-BY-NC-ND-4.0", False)
    assert one.subject == liver.subject == "folder:P7"
    assert one.flags == liver.flags == ()
    assert plain.subject not in ("folder:P7", "")
    assert source.read("gone").reason == "missing-file"
    assert source.read("both").reason == "unknown-structure"
    # One subject in two splits is kept as declared, so that it can be found.
    assert source.declared_splits == {"x-one": "test", "liver": "train"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,category\na.stl,liver\n", "no column file|unknown column"),
        ("file,colour\na.stl,red\n", "unknown column 'colour'"),
        ("file,split\na.stl,dev\n", "line 2: split is 'dev'"),
        ("file,age\na.stl,old\n", "line 2: label and age"),
        ("file,age\na.stl," + "9" * 5000 + "\n", "line 2: label and age"),
        ("file,label\na.stl," + "9" * 5000 + "\n", "line 2: label and age"),
        ("file,category\na.stl\n", "line 2 has not as many cells"),
        ("file,category\na.stl,liver,1\n", "line 2 has not as many cells"),
        ("file,category\n,liver\n", "line 2 names no file"),
        ("file,category\na.stl,liver\na.stl,spleen\n", "line 3: a.stl is there twice"),
        ("file,file\na,b\n", "no column file, or one twice"),
    ],
)
def test_a_wrong_shapes_csv_is_refused_with_its_line(tmp_path, text, said) -> None:
    mesh(tmp_path / "a.stl")
    put(tmp_path / "shapes.csv", text)
    with pytest.raises(FolderError, match=said):
        open_folder(tmp_path)


@pytest.mark.parametrize(
    "labels",
    [
        {"CoronaryArtery_3.stl": "left kidney", "Other_4.stl": "gizmo"},
        {"CoronaryArtery_3.stl": {"label": "left kidney"}, "Other_4.stl": {"label": "gizmo"}},
        [{"file": "CoronaryArtery_3.stl", "class": "kidney_left"}, {"filename": "Other_4.stl", "category": "gizmo"}],
        {
            "labels": [
                {"name": "CoronaryArtery_3.stl", "label": "kidneyleft"},
                {"name": "Other_4.stl", "label": "gizmo"},
            ]
        },
    ],
)
def test_labels_in_json_beside_the_files(tmp_path, labels) -> None:
    mesh(tmp_path / "set/CoronaryArtery_3.stl")
    mesh(tmp_path / "set/Other_4.stl")
    mesh(tmp_path / "CoronaryArtery_3.stl")
    put(tmp_path / "set/asoca_labels.json", json.dumps(labels))
    put(tmp_path / "set/other.json", "[1, 2")
    source = open_folder(tmp_path)
    assert reasons(source) == {
        "CoronaryArtery_3": "no-subject", "set-CoronaryArtery_3": "ok", "set-Other_4": "unknown-structure",
    }  # fmt: skip
    shape = source.read("set-CoronaryArtery_3")
    assert shape.category == "kidney_left"
    assert shape.flags == ("unknown-subject",)
    assert list(source.tables) == ["set/asoca_labels.json"]


def test_volumes_of_many_labels_need_a_table(tmp_path) -> None:
    labels = ball(15, centre=(10, 21.5, 23.5), value=2) + ball(14, centre=(30, 21.5, 23.5), value=5)
    put(tmp_path / "nn/case_01.nii.gz", nifti(labels))
    put(tmp_path / "nn/dataset.json", json.dumps({"labels": {"background": 0, "liver": 2, "spleen": 3}}))
    extra = "Segment0_Name:=liver\nSegment0_LabelValue:=2\nSegment1_Name:=left kidney\nSegment1_LabelValue:=5\n"
    put(tmp_path / "slicer/case_02.seg.nrrd", nrrd(labels, "gzip", extra))
    put(tmp_path / "csv/case_03.nii.gz", nifti(labels))
    put(tmp_path / "shapes.csv", "file,label,subject,category\ncsv/case_03.nii.gz,2,A,liver\n"
                                 "csv/case_03.nii.gz,5,A,spleen\ncsv/case_03.nii.gz,9,A,aorta\n")  # fmt: skip
    put(tmp_path / "case_04.nii.gz", nifti(labels))
    source = open_folder(tmp_path)
    found = results(source)
    assert {key: value.reason if isinstance(value, Drop) else value.category for key, value in found.items()} == {
        "case_04": "no-subject",
        "csv-case_03-2": "liver",
        "csv-case_03-5": "spleen",
        "csv-case_03-9": "label-absent",
        "nn-case_01-2": "liver",
        "nn-case_01-5": "unnamed-label",
        "slicer-case_02.seg-2": "liver",
        "slicer-case_02.seg-5": "kidney_left",
    }
    assert found["csv-case_03-2"].subject == found["csv-case_03-5"].subject == "folder:A"
    assert found["slicer-case_02.seg-2"].subject == found["slicer-case_02.seg-5"].subject
    # Each is its own ball, 20 voxels of 2 mm apart along one axis.
    first, second = (found[f"csv-case_03-{value}"].vertices.mean(axis=0) for value in (2, 5))
    assert np.linalg.norm(first - second) == pytest.approx(40, abs=0.5)


def test_what_shapes_csv_says_of_labels_a_file_is_not_read_by_is_told(tmp_path) -> None:
    mesh(tmp_path / "s0001_liver.stl")
    put(tmp_path / "s0002_liver.nii.gz", nifti(ball(25)))
    put(tmp_path / "shapes.csv", "file,label,category\ns0001_liver.stl,3,spleen\ns0002_liver.nii.gz,,liver\n"
                                 "s0002_liver.nii.gz,5,spleen\n")  # fmt: skip
    assert reasons(open_folder(tmp_path)) == {
        "s0001_liver": "ok", "s0002_liver": "ok", "s0001_liver-3": "label-absent", "s0002_liver-5": "label-absent",
    }  # fmt: skip


# The source --------------------------------------------------------------------------------------------------------


def test_it_pickles_and_its_fingerprint_follows_all_that_goes_in(tmp_path) -> None:
    path = mesh(tmp_path / "s0001_liver.stl")
    mesh(tmp_path / "s0002_liver.stl")
    source = open_folder(tmp_path)
    before = [source.fingerprint(shape_id) for shape_id in source.ids()]
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes
    assert [copy.fingerprint(shape_id) for shape_id in copy.ids()] == before
    assert copy.provenance() == source.provenance()
    put(tmp_path / "shapes.csv", "file,age\ns0001_liver.stl,50\n")
    aged = open_folder(tmp_path)
    assert aged.fingerprint("s0001_liver") != before[0]
    assert aged.fingerprint("s0002_liver") == before[1]
    path.write_bytes(BALL.copy().apply_scale(2).export(file_type="stl"))
    with pytest.raises(ChangedFileError, match="has changed"):
        source.read("s0001_liver")
    assert open_folder(tmp_path).fingerprint("s0001_liver") != aged.fingerprint("s0001_liver")
    assert open_folder(tmp_path, licence="MIT").fingerprint("s0002_liver") != before[1]
