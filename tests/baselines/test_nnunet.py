"""The driver of nnU-Net: what it writes for it and makes of requests. nnU-Net itself need not be installed."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (what everyone calls it)
from segmentation_material import AFFINE, ArrayImages, anatomy, picture, request_for

import baselines.nnunet
from baselines.nnunet import fit, predict
from benchmark.external.declaration import read_declaration
from benchmark.external.exchange import write_requests, write_training
from benchmark.observations.inversion import smoothest
from benchmark.tasks.segmentation.degradations import DEGRADATIONS

FOLDER = Path(baselines.nnunet.__file__).parent


def test_training_data_become_nnunet_raw(tmp_path) -> None:
    maps = [anatomy((k, 0, 0)) for k in range(3)]
    data = ArrayImages(maps, [picture(m, seed=k) for k, m in enumerate(maps)])
    write_training(tmp_path / "training", data)
    assert fit.write_raw(tmp_path / "training", tmp_path / "raw") == 3
    folder = tmp_path / "raw" / "Dataset001_genmed"
    told = json.loads((folder / "dataset.json").read_text())
    assert told == {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "box": 1, "ball": 2},
        "numTraining": 3,
        "file_ending": ".nii.gz",
    }
    for number in range(3):
        image = nibabel.load(folder / "imagesTr" / f"case{number:05d}_0000.nii.gz")
        labels = nibabel.load(folder / "labelsTr" / f"case{number:05d}.nii.gz")
        np.testing.assert_array_equal(np.asarray(image.dataobj), data.images[number])
        np.testing.assert_array_equal(np.asarray(labels.dataobj), maps[number])
        np.testing.assert_allclose(image.affine, AFFINE)
        np.testing.assert_array_equal(image.affine, labels.affine)  # nnU-Net only warns of a difference
        assert labels.get_data_dtype() == np.uint8


def test_channels_are_names_nnunet_knows() -> None:
    """Any other name is z-scored without a word, so it is spelt out."""
    assert [fit.channel_name(name) for name in ("ct", "CT", "mr", "mri", "pet")] == ["CT", "CT", *["zscore"] * 3]


def test_cases_with_structures_nobody_looked_for_are_left_out(tmp_path) -> None:
    labels = anatomy()
    data = ArrayImages([labels] * 3, [picture(labels)] * 3, [[True, True], [True, False], [True, True]])
    write_training(tmp_path / "training", data)
    assert fit.write_raw(tmp_path / "training", tmp_path / "raw") == 2
    none = ArrayImages([labels], [picture(labels)], [[True, False]])
    write_training(tmp_path / "none", none)
    with pytest.raises(SystemExit, match="no training case has all structures"):
        fit.write_raw(tmp_path / "none", tmp_path / "raw2")


@pytest.mark.parametrize("degradation", sorted(DEGRADATIONS))
def test_a_degraded_image_is_made_whole_as_the_toolkit_does(tmp_path, degradation: str) -> None:
    request = request_for(picture(anatomy(), noise=30.0), degradation)
    write_requests(tmp_path / "requests", [request])
    (case,) = json.loads((tmp_path / "requests" / "requests.json").read_text())["cases"]
    found, steps = predict.read_whole(tmp_path / "requests" / case["folder"], case)
    expected = smoothest(request.observation, (32, 32, 32))
    assert found.dtype == np.float32
    assert steps == (2.0, 2.0, 2.0)
    # Conjugate gradients in two orders of summation: equal to a thousandth of the range
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.ptp(expected))


def test_an_operator_nobody_told_of_is_refused() -> None:
    with pytest.raises(ValueError, match="operator 'spiral' is not known"):
        predict.operator_of({"operator": "spiral"}, (4, 4, 4))


def test_axes_are_those_of_simpleitk(tmp_path) -> None:
    """The array handed to nnU-Net is what its own reader would have read from the file."""
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    nibabel.Nifti1Image(image, np.diag([1.0, 2.0, 3.0, 1.0])).to_filename(tmp_path / "image.nii.gz")
    read = sitk.ReadImage(str(tmp_path / "image.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read), image.transpose(2, 1, 0))
    assert read.GetSpacing()[::-1] == (3.0, 2.0, 1.0)


def test_labels_appear_whole(tmp_path) -> None:
    predict.write_labels(tmp_path / "case.npz", anatomy())
    assert [path.name for path in tmp_path.iterdir()] == ["case.npz"]
    with np.load(tmp_path / "case.npz") as stored:
        np.testing.assert_array_equal(stored["labels"], anatomy())


def test_the_declaration_is_pinned_and_its_files_are_there() -> None:
    declaration = read_declaration(FOLDER, "nnunet")
    assert declaration.fit_command is not None
    for command in (declaration.command, declaration.fit_command):
        assert any((FOLDER / part).is_file() for part in command)
    assert (FOLDER / "trainer" / f"{fit.TRAINER}.py").is_file()
