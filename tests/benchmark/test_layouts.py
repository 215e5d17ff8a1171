"""Official layouts, written small by hand: what their readers find, and what they say when something is missing."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from benchmark.contract import Prediction
from benchmark.data.layouts import LAYOUTS, named, read_layout
from benchmark.data.layouts.openkbp import read_openkbp
from benchmark.data.layouts.totalsegmentator import CHAMBERS, read_totalsegmentator
from benchmark.data.volumes.files import read_image
from benchmark.data.volumes.prepare import Wanted, prepare, splits_of
from benchmark.data.volumes.prepared import open_volumes
from benchmark.errors import DataError, UnknownNameError
from benchmark.tasks import family_of, find_task, training_for

SHARED = Path("/work/shared/data/volumes")
SIDE = 16


def nifti(path, array, steps=(2.0, 2.0, 2.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(array, np.diag([-steps[0], -steps[1], steps[2], 1.0]))
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    nibabel.save(image, path)


def image(seed=0):
    return np.random.default_rng(seed).integers(-200, 400, (SIDE,) * 3).astype(np.int16)


def labels(*found, dtype=np.uint8):
    array = np.zeros((SIDE,) * 3, dtype)
    for place, value in enumerate(found):
        array[2 + 4 * place : 5 + 4 * place, 4:10, 4:10] = value
    return array


def shared(name):
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder


def test_totalsegmentator_of_both_versions(tmp_path):
    for subject in ("s0001", "s0002", "s0010"):
        nifti(tmp_path / subject / "ct.nii.gz", image())
        for place, name in enumerate(("liver", "aorta")):
            nifti(tmp_path / subject / "segmentations" / f"{name}.nii.gz", labels(0, 1) if place else labels(1))
    (tmp_path / "meta.csv").write_text("image_id;age;split\ns0001;50;train\ns0002;60;val\ns0010;70;test\n")
    layout = read_layout("totalsegmentator", tmp_path)
    assert (layout.name, layout.structures) == ("totalsegmentator-v2", ("aorta", "liver"))
    assert [record.split for record in layout.records] == ["train", "validation", "test"]
    found = layout.records[0].labels().values
    np.testing.assert_array_equal(found, labels(2, 1))
    with pytest.raises(DataError, match="version 2 has no chambers of the heart, version 1 has"):
        read_totalsegmentator(tmp_path, CHAMBERS)
    (tmp_path / "s0002" / "segmentations" / "liver.nii.gz").unlink()
    with pytest.raises(DataError, match="s0002: structure liver is missing"):
        read_layout("totalsegmentator", tmp_path)


def test_mmwhs_and_its_stray_label(tmp_path):
    nifti(tmp_path / "mr_train" / "mr_train_1010_image.nii.gz", image())
    nifti(tmp_path / "mr_train" / "mr_train_1010_label.nii.gz", labels(500, 421, 850, dtype=np.int16))
    nifti(tmp_path / "ct_test" / "ct_test_2001_image.nii.gz", image())
    layout = read_layout("mmwhs", tmp_path)
    hidden, known = layout.records
    assert hidden.labels is None
    assert list(known.images) == ["mr"]
    np.testing.assert_array_equal(known.labels().values, labels(3, 2, 7))
    assert layout.structures[:5] == ("myocardium", "atrium_left", "ventricle_left", "atrium_right", "ventricle_right")
    nifti(tmp_path / "mr_train" / "mr_train_1010_label.nii.gz", labels(500, 422, dtype=np.int16))
    with pytest.raises(DataError, match="mr_train_1010: label 422 is unknown; known are 205, 420, 421"):
        read_layout("mmwhs", tmp_path).records[1].labels()


def test_kits23_leaves_out_what_was_not_downloaded(tmp_path):
    nifti(tmp_path / "dataset" / "case_00000" / "imaging.nii.gz", image())
    nifti(tmp_path / "dataset" / "case_00000" / "segmentation.nii.gz", labels(1, 2, 3))
    nifti(tmp_path / "dataset" / "case_00001" / "segmentation.nii.gz", labels(1))
    layout = read_layout("kits23", tmp_path)
    assert [record.id for record in layout.records] == ["case_00000"]
    np.testing.assert_array_equal(layout.records[0].labels().values, labels(1, 2, 3))


def nnunet(root, regions=None, channels=None):
    described = {
        "channel_names": channels or {"0": "CT"},
        "labels": regions or {"background": 0, "kidney": 1, "tumour": 2},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.json").write_text(json.dumps(described))
    nifti(root / "imagesTr" / "a_0000.nii.gz", image())
    nifti(root / "labelsTr" / "a.nii.gz", labels(1, 2))
    return root


def test_nnunet_with_labels_and_with_regions(tmp_path):
    layout = read_layout("nnunet", nnunet(tmp_path / "plain"))
    assert (layout.structures, layout.modalities[0].name, layout.modalities[0].unit) == (
        ("kidney", "tumour"),
        "ct",
        "HU",
    )
    np.testing.assert_array_equal(layout.records[0].labels().values, labels(1, 2))
    regions = {"background": 0, "whole": [1, 2], "tumour": 2}
    layout = read_layout("nnunet", nnunet(tmp_path / "regions", regions))
    assert layout.structures == ("whole", "tumour")
    np.testing.assert_array_equal(layout.records[0].labels().values, labels(1, 2))
    crossing = {"background": 0, "a": [1, 2], "b": [2, 3]}
    with pytest.raises(DataError, match="regions 'a' and 'b' overlap, and neither holds the other"):
        read_layout("nnunet", nnunet(tmp_path / "crossing", crossing))
    with pytest.raises(DataError, match="a: channel T1 is missing"):
        read_layout("nnunet", nnunet(tmp_path / "two", channels={"0": "CT", "1": "T1"}))


def test_decathlon(tmp_path):
    described = {"name": "Spleen", "modality": {"0": "CT"}, "labels": {"0": "background", "1": "spleen"}}
    (tmp_path / "dataset.json").write_text(json.dumps(described))
    nifti(tmp_path / "imagesTr" / "spleen_2.nii.gz", image())
    nifti(tmp_path / "labelsTr" / "spleen_2.nii.gz", labels(1))
    (tmp_path / "labelsTr" / "._spleen_2.nii.gz").write_bytes(b"of a Mac")
    layout = read_layout("decathlon", tmp_path)
    assert (layout.name, layout.structures, [record.id for record in layout.records]) == (
        "spleen",
        ("spleen",),
        ["spleen_2"],
    )
    described["modality"] = {"0": "FLAIR", "1": "T1w"}
    (tmp_path / "dataset.json").write_text(json.dumps(described))
    with pytest.raises(DataError, match="images of 2 channels in one file"):
        read_layout("decathlon", tmp_path)


def own(root, cases=10, table="value,name\n1,liver\n7,spleen\n"):
    root.mkdir(parents=True, exist_ok=True)
    (root / "labels.csv").write_text(table)
    for number in range(cases):
        nifti(root / "images" / f"c{number}.nii.gz", image(number))
        nifti(root / "labels" / f"c{number}.nii.gz", labels(1, 7))
    return root


def test_a_folder_of_ones_own_runs_all_the_way(tmp_path):
    """Prepared at another spacing; the truth mapped there and back scores well on the grid it came on."""
    layout = read_layout("folder", own(tmp_path / "own"))
    prepare(layout, Wanted((24, 24, 24), (1.5, 1.5, 1.5)), tmp_path / "set")
    volumes = open_volumes(tmp_path / "set")
    assert sorted(case.split for case in volumes.cases) == ["test"] * 2 + ["train"] * 7 + ["validation"]
    np.testing.assert_array_equal(volumes.original_labels("c0"), labels(1, 2))
    task = find_task("seg")
    cases = family_of(task).cases(task, tmp_path / "set", "test")
    case = cases.case(cases.groups[0].id)
    answer = {case.id: Prediction({"labels": case.truth["labels"]})}
    scores = family_of(task).score(task, [case], answer, {})
    assert case.scored_on.shape == (SIDE,) * 3
    assert min(score.value for score in scores if score.metric == "dice") > 0.85
    assert max(score.value for score in scores if score.metric == "hd95") <= 2.0
    shots = [training_for(find_task("seg-2shot"), tmp_path / "set", "train", seed).ids for seed in range(3)]
    assert len({tuple(each) for each in shots}) > 1


def test_splits_go_by_subject(tmp_path):
    root = own(tmp_path / "own")
    lines = [f"c{number},p{number // 2}" for number in range(10)]
    (root / "subjects.csv").write_text("case,subject\n" + "\n".join(lines) + "\n")
    layout = read_layout("folder", root)
    splits = splits_of(layout.records)
    for record in layout.records:
        assert splits[record.id] == splits[f"c{int(record.id[1:]) // 2 * 2}"]


def test_what_is_wrong_with_ones_own_folder(tmp_path):
    with pytest.raises(DataError, match="columns name, value"):
        read_layout("folder", own(tmp_path / "table", 1, "a,b\n1,2\n"))
    with pytest.raises(DataError, match="'x' is no whole number"):
        read_layout("folder", own(tmp_path / "number", 1, "value,name\nx,liver\n"))
    root = own(tmp_path / "absent", 1)
    (root / "images" / "c0.nii.gz").unlink()
    with pytest.raises(DataError, match="c0: there is no image for its labels"):
        read_layout("folder", root)
    root = own(tmp_path / "grids", 10)
    nifti(root / "images" / "c3.nii.gz", image()[:, :, 1:])
    with pytest.raises(DataError, match="c3: the image has 16 x 16 x 15 voxels, its labels have 16 x 16 x 16"):
        prepare(read_layout("folder", root), Wanted((16, 16, 16)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="has no structure 'brain'; it has liver, spleen"):
        prepare(read_layout("folder", own(tmp_path / "s", 3)), Wanted(structures=("brain",)), tmp_path / "out")


def test_unknown_layouts_and_empty_folders(tmp_path):
    with pytest.raises(UnknownNameError):
        read_layout("totalsegmentor", tmp_path)
    with pytest.raises(DataError, match="there is no folder"):
        read_layout("kits23", tmp_path / "nowhere")
    for name in LAYOUTS:
        with pytest.raises(DataError):
            read_layout(name, tmp_path)


def test_openkbp_csv_is_what_was_kept_of_it(tmp_path):
    """The challenge's own form, of which the kept one is a crop: voxels at the same places in millimetres."""
    patient = tmp_path / "train-pats" / "pt_7"
    patient.mkdir(parents=True)
    index = np.ravel_multi_index(np.indices((128,) * 3)[:, 40:60, 30:50, 20:50].reshape(3, -1), (128,) * 3)
    data = (index % 1500) + 1
    (patient / "ct.csv").write_text(",data\n" + "".join(f"{i},{v}\n" for i, v in zip(index, data, strict=True)))
    cord = index[: len(index) // 4]
    (patient / "SpinalCord.csv").write_text(",data\n" + "".join(f"{i},\n" for i in cord))
    (patient / "voxel_dimensions.csv").write_text("3.9\n3.9\n2.5\n")
    (record,) = read_openkbp(tmp_path).records
    assert (record.split, record.annotated) == ("train", ("spinal_cord",))
    given, labelled = record.images["ct"](), record.labels()
    assert given.values[40, 30, 20] == data[0]
    assert (labelled.values == 2).sum() == len(cord)
    box = np.s_[40:60, 30:50, 20:50]
    np.savez(
        tmp_path / "pt_7.npz", ct=given.values[box].astype(np.int16), label=(labelled.values[box]).astype(np.uint8),
        voxel_mm=np.array([3.9, 3.9, 2.5], np.float32), offset=np.array([40, 30, 20], np.int16),
        split=np.array("train"),
    )  # fmt: skip
    (record,) = read_openkbp(tmp_path).records
    kept = record.images["ct"]()
    np.testing.assert_allclose(
        np.array(kept.grid.affine) @ (0, 0, 0, 1), np.array(given.grid.affine) @ (40, 30, 20, 1), atol=1e-4
    )


def test_kept_openkbp_masks_what_was_not_contoured():
    layout = read_openkbp(shared("openkbp"))
    assert len(layout.records) == 60
    assert [sum(r.split == name for r in layout.records) for name in ("train", "validation", "test")] == [32, 8, 20]
    assert all(set(named.FIVE) <= set(record.annotated) for record in layout.records)
    assert sum("larynx" in record.annotated for record in layout.records) == 32
    assert sum("esophagus" in record.annotated for record in layout.records) == 22
    sides = [np.argwhere(layout.records[0].labels().values == label).mean(axis=0) for label in (3, 4)]
    affine = np.array(layout.records[0].labels().grid.affine)
    right, left = ((affine @ (*side, 1))[0] for side in sides)
    assert right > left


def test_hippocampus_is_cropped_and_padded_never_interpolated():
    root = shared("msd_hippocampus")
    layout = named.hippocampus_layout(root)
    assert [sum(r.split == name for r in layout.records) for name in ("train", "validation", "test")] == [200, 20, 40]
    numbers = [int(record.id.split("_")[1]) for record in layout.records]
    assert numbers == sorted(numbers)


def test_the_hippocampus_set_scores_the_truth_perfectly(tmp_path):
    layout = named.hippocampus_layout(shared("msd_hippocampus"))
    some = [layout.records[place] for place in (0, 100, 199, 205, 230, 259)]
    prepare(type(layout)(**{**layout.__dict__, "records": some}), named.HIPPOCAMPUS, tmp_path / "set")
    task = find_task("seg")
    cases = family_of(task).cases(task, tmp_path / "set", "test")
    for group in cases.groups:
        case = cases.case(group.id)
        answer = {case.id: Prediction({"labels": case.truth["labels"]})}
        for score in family_of(task).score(task, [case], answer, {}):
            perfect = {"dice": 1.0, "iou": 1.0, "nsd": 1.0}.get(score.metric, 0.0)
            assert score.value == pytest.approx(perfect), score.signature
        original = read_image(SHARED / "msd_hippocampus" / "images" / f"{case.id}.nii.gz").values
        inner = case.observation.value[24, 32, 24]
        assert inner in original


def test_sts_has_three_modalities_on_one_grid(tmp_path):
    prepare(read_layout("sts", shared("sts_ct_mr_pet")), named.STS, tmp_path / "set")
    volumes = open_volumes(tmp_path / "set")
    assert [case.modalities for case in volumes.cases] == [("ct", "mr", "pet")] * 3
    assert volumes.described.source["ranked"] is False
    task = find_task("seg-ct-to-mr")
    case = family_of(task).cases(task, tmp_path / "set", "test").case("STS_003")
    assert case.observation.space.names == ("mr",)
