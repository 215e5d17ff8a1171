"""Images and label maps from files: geometry against SimpleITK, and one message for everything that is wrong."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK

from benchmark.contract import Grid
from benchmark.data.volumes import files
from benchmark.data.volumes.files import read_image, read_labels
from benchmark.data.volumes.geometry import affine_of, apart, check_same_grid, grid_of, spacing_of, task_grid
from benchmark.data.volumes.prepared import from_runs, to_runs
from benchmark.data.volumes.record import renumbered
from benchmark.data.volumes.resampling import image_onto, labels_onto
from benchmark.errors import DataError

sitk = SimpleITK

SHAPE = (7, 8, 9)


def turned(degrees=20.0, steps=(1.0, 1.5, 2.5), origin=(12.0, -30.0, 70.0)):
    """An oblique affine in RAS+."""
    a, b = np.deg2rad(degrees), np.deg2rad(degrees / 2)
    first = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    second = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = np.eye(4)
    affine[:3, :3] = first @ second * steps
    affine[:3, 3] = origin
    return affine


def values(seed=0, shape=SHAPE):
    return np.random.default_rng(seed).integers(-1000, 1000, shape).astype(np.int16)


def save(path, array, affine, qcode=1, scode=1, qform=None, dtype=None):
    image = nibabel.Nifti1Image(array, affine, dtype=dtype)
    image.set_sform(affine, scode)
    image.set_qform(affine if qform is None else qform, qcode)
    nibabel.save(image, path)
    return path


def save_itk(path, array, affine):
    image = sitk.GetImageFromArray(array.transpose(2, 1, 0))
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(steps)
    image.SetDirection((lps[:3, :3] / steps).ravel())
    image.SetOrigin(lps[:3, 3])
    sitk.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd"])
def test_all_formats_give_the_same_voxels_in_the_same_place(tmp_path, suffix):
    array, affine = values(), turned()
    path = tmp_path / f"image{suffix}"
    (save if suffix.startswith(".nii") else save_itk)(path, array, affine)
    found = read_image(path)
    np.testing.assert_array_equal(found.values, array)
    np.testing.assert_allclose(affine_of(found.grid), affine, atol=1e-4)
    itk = sitk.ReadImage(str(path))
    for index in [(0, 0, 0), (6, 7, 8), (3, 1, 5)]:
        lps = np.array(itk.TransformIndexToPhysicalPoint(index))
        ras = affine_of(found.grid) @ (*index, 1)
        np.testing.assert_allclose(ras[:3], lps * (-1, -1, 1), atol=1e-3)
        assert found.values[index] == itk.GetPixel(index)


def test_scaled_values_are_those_the_file_means(tmp_path):
    path = tmp_path / "scaled.nii.gz"
    image = nibabel.Nifti1Image(values(), turned())
    image.header.set_slope_inter(0.5, 100)
    nibabel.save(image, path)
    np.testing.assert_allclose(read_image(path).values, nibabel.load(path).get_fdata(), rtol=1e-6)


def test_labels_that_were_scaled_to_bytes_are_whole_again(tmp_path):
    labels = np.random.default_rng(0).integers(0, 5, SHAPE)
    image = nibabel.Nifti1Image(labels.astype(np.float64), turned())
    image.set_data_dtype(np.uint8)  # stores 0, 64, 127, 191, 255 with a slope
    nibabel.save(image, tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(read_labels(tmp_path / "labels.nii.gz").values, labels)


def test_segments_of_slicer_keep_their_names(tmp_path):
    import nrrd

    layers = np.zeros((2, 6, 7, 8), np.uint8)
    layers[0, 1:4, 2:5, 2:6] = 1
    layers[1, 3:5, 2:5, 2:6] = 1  # overlaps the first
    header = {
        "space": "left-posterior-superior", "kinds": ["list", "domain", "domain", "domain"], "encoding": "gzip",
        "space directions": [[np.nan] * 3, [2, 0, 0], [0, 2, 0], [0, 0, 3]], "space origin": [5, 6, 7],
        "Segment0_Name": "liver", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
        "Segment1_Name": "tumour", "Segment1_LabelValue": "1", "Segment1_Layer": "1",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "x.seg.nrrd"), layers, header)
    found = read_labels(tmp_path / "x.seg.nrrd")
    assert dict(found.names) == {1: "liver", 2: "tumour"}
    np.testing.assert_array_equal(found.values, np.where(layers[1] > 0, 2, layers[0]))
    np.testing.assert_allclose(affine_of(found.grid) @ (0, 0, 0, 1), (-5, -6, 7, 1))


def test_bad_files_are_refused_by_name(tmp_path):
    good = values()
    sheared = turned()
    sheared[0, 1] += 0.2
    nan, infinite = good.astype(np.float32), good.astype(np.float32)
    nan[1, 1, 1], infinite[0, 0, 0] = np.nan, np.inf
    wrong = {
        "4d": (values(shape=(4, 5, 6, 3)), {}, "4 x 5 x 6 x 3 voxels are 4-D"),
        "slice": (values(shape=(9, 9, 1)), {}, "are a slice, not a volume"),
        "nan": (nan, {}, "1 of its values are NaN or infinite"),
        "inf": (infinite, {}, "NaN or infinite"),
        "flat": (good * 0 + 7, {}, "every voxel is 7, so there is no image"),
        "nowhere": (good, {"qcode": 0, "scode": 0}, "qform and sform code are 0"),
        "two": (good, {"qform": turned(origin=(0, 0, 0))}, "qform and sform disagree by 77"),
        "sheared": (good, {"affine": sheared, "qcode": 0}, "degrees off right angles"),
    }
    for name, (array, changes, message) in wrong.items():
        path = save(tmp_path / f"{name}.nii.gz", array, **{"affine": turned(), **changes})
        with pytest.raises(DataError, match=message):
            read_image(path)
    (tmp_path / "image.png").write_bytes(b"x")
    with pytest.raises(DataError, match="none of the volume files"):
        read_image(tmp_path / "image.png")
    with pytest.raises(DataError, match="there is no file"):
        read_image(tmp_path / "absent.nii")
    for suffix in (".nii.gz", ".mha", ".nrrd", ".nii"):
        broken = tmp_path / f"broken{suffix}"
        broken.write_bytes(b"this is no volume at all, whatever its name says")
        with pytest.raises(DataError, match="cannot read"):
            read_image(broken)
    whole = save(tmp_path / "whole.nii.gz", good, turned()).read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot read"):
        read_image(tmp_path / "cut.nii.gz")


def test_a_volume_larger_than_memory_is_refused_from_its_header(tmp_path, monkeypatch):
    header = nibabel.Nifti1Header()
    header.set_data_shape((4000, 4000, 4000))
    header.set_data_dtype(np.int16)
    header.set_sform(np.eye(4), 1)
    (tmp_path / "huge.nii").write_bytes(header.binaryblock + bytes(4))
    with pytest.raises(DataError, match="4000 x 4000 x 4000 voxels are more than the 268435456 that are read"):
        read_image(tmp_path / "huge.nii")
    monkeypatch.setattr(files, "MOST_VOXELS", 100)
    with pytest.raises(DataError, match="7 x 8 x 9 voxels are more than the 100"):
        read_image(save_itk(tmp_path / "image.mha", values(), turned()))


def test_labels_are_whole_numbers_from_zero(tmp_path):
    half = np.full(SHAPE, 0.5, np.float32)
    with pytest.raises(DataError, match=r"it holds 0.5, which is no label"):
        read_labels(save(tmp_path / "half.nii.gz", half, turned()))
    with pytest.raises(DataError, match="labels go from -1000"):
        read_labels(save(tmp_path / "negative.nii.gz", np.full(SHAPE, -1000, np.int16), turned()))
    with pytest.raises(DataError, match="case: label 421 is unknown; known are 205, 420"):
        renumbered(np.array([[[0, 421]]]), {0: 0, 205: 1, 420: 2}, "case")
    assert read_labels(save(tmp_path / "none.nii.gz", np.zeros(SHAPE, np.uint8), turned())).values.max() == 0


def test_last_digits_of_an_affine_are_rounding_and_more_is_an_error():
    image = grid_of(SHAPE, turned())
    assert check_same_grid(image, grid_of(SHAPE, turned()), "case") == ""
    moved = turned()
    moved[0, 3] += 0.01
    said = check_same_grid(image, grid_of(SHAPE, moved), "case")
    assert said == "case: image and labels are 0.01 mm apart, taken for the same"
    moved[0, 3] += 0.1
    with pytest.raises(DataError, match=r"case: image and labels lie 0.11 mm apart"):
        check_same_grid(image, grid_of(SHAPE, moved), "case")
    with pytest.raises(DataError, match="case: the image has 7 x 8 x 9 voxels, its labels have 7 x 8 x 8"):
        check_same_grid(image, grid_of((7, 8, 8), turned()), "case")


def test_resampling_agrees_with_simpleitk():
    array = np.random.default_rng(0).normal(size=(20, 22, 18)).astype(np.float32)
    source, target = grid_of(array.shape, turned()), grid_of((16, 16, 16), turned(-10, (2.0, 2.0, 2.0), (15, -20, 75)))
    lps = np.diag([-1.0, -1, 1, 1])

    def as_itk(data, grid):
        image = sitk.GetImageFromArray(data.transpose(2, 1, 0).copy())
        affine, steps = lps @ affine_of(grid), spacing_of(grid)
        image.SetSpacing(steps)
        image.SetDirection((affine[:3, :3] / steps).ravel())
        image.SetOrigin(affine[:3, 3])
        return image

    reference = as_itk(np.zeros((16, 16, 16), np.float32), target)
    theirs = sitk.Resample(as_itk(array, source), reference, sitk.Transform(), sitk.sitkLinear, -5.0)
    ours = image_onto(array, source, target, -5.0)
    expected = sitk.GetArrayFromImage(theirs).transpose(2, 1, 0)
    agree = np.abs(ours - expected) < 1e-3
    assert (ours != -5).sum() > 500
    assert agree.mean() > 0.99  # voxels on the very border of the image may fall to either side


def test_labels_keep_their_size_and_place_there_and_back():
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[6:14, 5:15, 8:16], labels[14:18, 5:15, 8:16] = 1, 2
    source = grid_of(labels.shape, turned(steps=(1, 1, 2)))
    fine = task_grid(source, (48, 48, 48), (0.8, 0.8, 0.8))
    there = labels_onto(labels, source, fine, 2)
    for label in (1, 2):
        size = (labels == label).sum() * 2.0
        assert (there == label).sum() * 0.8**3 == pytest.approx(size, rel=0.12)  # half a voxel on sides of 8 mm
        index = np.argwhere(there == label).mean(axis=0)
        place = affine_of(fine) @ (*index, 1)
        expected = affine_of(source) @ (*np.argwhere(labels == label).mean(axis=0), 1)
        np.testing.assert_allclose(place, expected, atol=0.4)  # half a voxel
    back = labels_onto(there, fine, source, 2)
    assert (back == labels).mean() > 0.99
    np.testing.assert_array_equal(labels_onto(labels, source, source, 2), labels)


@pytest.mark.parametrize("flip", [np.diag([-1.0, 1, 1, 1]), np.diag([1.0, -1, -1, 1]), np.eye(4)[[2, 0, 1, 3]]])
def test_the_task_grid_runs_right_front_up_and_crops_without_interpolation(flip):
    affine = flip @ np.diag([1.0, 1, 1, 1])
    source = grid_of((10, 13, 12), affine)
    made = task_grid(source, (16, 16, 8), (1.0, 1.0, 1.0))
    axes = affine_of(made)[:3, :3]
    np.testing.assert_allclose(axes, np.eye(3), atol=1e-6)
    shift = np.linalg.inv(affine) @ affine_of(made)
    np.testing.assert_allclose(shift, np.rint(shift), atol=1e-6)
    array = values(3, (10, 13, 12)).astype(np.float32)
    assert set(np.unique(image_onto(array, source, made, 5000.0))) <= {*np.unique(array), 5000.0}


def test_a_grid_that_takes_in_all_of_the_image():
    source = grid_of((100, 50, 20), turned(5, (1, 1, 3)))
    made = task_grid(source, (32, 32, 32), None)
    np.testing.assert_allclose(spacing_of(made), 100 / 32, rtol=1e-6)
    assert apart(made, made) == 0


def test_runs_of_labels_are_exact():
    labels = np.random.default_rng(0).integers(0, 3, (5, 6, 7)).astype(np.uint8)
    found, lengths = to_runs(labels)
    np.testing.assert_array_equal(from_runs(found, lengths, labels.shape), labels)
    with pytest.raises(DataError, match="do not fill"):
        from_runs(found, lengths, (5, 6, 8))


def test_a_grid_without_affine_has_no_place():
    with pytest.raises(ValueError, match="no place in space"):
        affine_of(Grid((2, 2, 2)))
