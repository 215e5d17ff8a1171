"""Folders of requests and of predictions: what is written, and hostile files read as reason codes."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import zipfile

import nibabel
import numpy as np
import pytest
from external_methods import AFFINE, GRID, image_request, make_request

from benchmark.contract import Prediction, Space
from benchmark.external import answers as module
from benchmark.external.answers import error_text, read_answer
from benchmark.external.exchange import packed, remove, request_hash, safe_name, write_requests

GOOD = np.full(GRID.shape, -0.1, np.float32)


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "predictions"
    (folder / "c").mkdir(parents=True)
    return folder


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def read(place, ended=True, request=None):
    return read_answer(place, request or make_request("c"), ended)


@pytest.mark.parametrize("ending", ["npy", "npz", "case.npz", "nii.gz", "nii"])
def test_every_form_of_a_prediction_is_read(place, ending):
    values = np.linspace(-0.2, 0.2, 512, dtype=np.float32).reshape(GRID.shape)
    if ending == "npy":
        (place / "c" / "shape.npy").write_bytes(npy(np.asfortranarray(values.astype(">f8"))))
    elif ending == "npz":
        np.savez_compressed(place / "c" / "shape.npz", values)
    elif ending == "case.npz":
        np.savez(place / "c.npz", shape=values)
    else:
        nibabel.Nifti1Image(values, np.eye(4)).to_filename(place / "c" / f"shape.{ending}")
    for ended in (False, True):
        answer = read(place, ended)
        np.testing.assert_array_equal(answer.parts["shape"], values)
        assert answer.parts["shape"].dtype == np.float32
        assert answer.parts["shape"].flags.writeable


def test_a_choice_is_a_number(place):
    request = make_request("c", outputs={"answer": Space("choice", "int64", names=("a", "b"))})
    (place / "c" / "answer.npy").write_bytes(npy(np.int32(1)))
    assert read(place, request=request).parts["answer"] == 1
    (place / "c" / "answer.npy").write_bytes(npy(np.int32(2)))
    assert read(place, request=request) == "out_of_range"


def test_nothing_yet(place):
    assert read(place, ended=False) is None
    assert read(place, ended=True) is None
    remove(place)
    assert read(place) is None


def test_half_written_files_are_not_finished_before_the_end(place):
    whole = npy(GOOD)
    for size in (0, 5, 100, 128, len(whole) - 1):
        (place / "c" / "shape.npy").write_bytes(whole[:size])
        assert read(place, ended=False) is None
        assert read(place, ended=True) == "unreadable"
    archive = packed({"shape": GOOD})
    (place / "c" / "shape.npy").unlink()
    for size in (0, 10, len(archive) // 2, len(archive) - 1):
        (place / "c.npz").write_bytes(archive[:size])
        assert read(place, ended=False) is None


def test_a_marker_makes_what_is_there_final(place):
    request = make_request(
        "c", outputs={"shape": make_request("c").outputs["shape"], "answer": Space("choice", "int64", names=("a",))}
    )
    (place / "c" / "shape.npy").write_bytes(npy(GOOD))
    assert read(place, ended=False, request=request) is None
    (place / "c.done").touch()
    assert read(place, ended=False, request=request) == "missing_part"
    remove(place / "c" / "shape.npy")
    assert read(place, ended=False, request=request) == "missing_part"


def test_a_reason(place):
    (place / "c" / "error.txt").write_text("no\nCT\x1b[31m")
    assert read(place, ended=False) == "reported_error"
    assert error_text(place, "c") == "no CT [31m"


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def bomb(declared: int | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("shape.npy", b"\0" * 2**26)
    data = stream.getvalue()
    if declared is not None:  # the size in the directory is a lie
        data = data.replace((2**26).to_bytes(4, "little"), declared.to_bytes(4, "little"))
    return data


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("c/shape.npy", npy(np.zeros((8, 8, 9), np.float32) - 1), "wrong_shape"),
        ("c/shape.npy", npy(np.full(GRID.shape, np.nan, np.float32)), "not_finite"),
        ("c/shape.npy", npy(np.ones(GRID.shape, np.float32)), "empty"),
        ("c/shape.npy", npy(np.ones(GRID.shape, np.int32)), "wrong_type"),
        ("c/shape.npy", npy(np.full(GRID.shape, b"x")), "wrong_type"),
        ("c/shape.npy", npy(np.array([Evil()] * 2, dtype=object)), "wrong_type"),
        ("c/shape.npy", pickle.dumps(Evil()), "unreadable"),
        ("c/shape.npy", npy(GOOD).replace(b"(8, 8, 8)", b"(8,-8,-8)"), "too_large"),
        ("c/shape.npy", npy(GOOD).replace(b"(8, 8, 8), }", b"(8,10**9),} "), "unreadable"),
        ("c/shape.npy", npy(GOOD).replace(b"(8, 8, 8), }", b"(99999999,)}"), "too_large"),
        ("c/shape.npy", b"\0" * 2**20, "too_large"),
        ("c/shape.npz", bomb(), "too_large"),
        ("c/shape.npz", bomb(100), "unreadable"),
        ("c.npz", bomb(), "too_large"),
        ("c.npz", packed({"shape": GOOD, "other": GOOD}), "unknown_part"),
        ("c/shape.npz", packed({"a": GOOD, "b": GOOD}), "missing_part"),
        ("c/shape.nii", b"\0" * 400, "unreadable"),
        ("c/shape.nii.gz", npy(GOOD), "unreadable"),
    ],
)  # fmt: skip
def test_hostile_content_is_a_reason(place, name, content, reason):
    (place / name).write_bytes(content)
    assert read(place) == reason


def test_files_that_are_not_plain_files_are_refused_unread(place, tmp_path):
    secret = tmp_path / "secret.npy"
    secret.write_bytes(npy(GOOD))
    target = place / "c" / "shape.npy"
    target.symlink_to(secret)
    assert read(place) == "not_a_file"
    target.unlink()
    os.link(secret, target)
    assert read(place) == "not_a_file"
    target.unlink()
    os.mkfifo(target)
    assert read(place, ended=False) == "not_a_file"
    target.unlink()
    target.mkdir()
    assert read(place) == "not_a_file"
    remove(place / "c")
    (place / "c").symlink_to(tmp_path)
    assert read(place) == "not_a_file"
    remove(place / "c")
    (place / "c").write_text("a file")
    assert read(place) == "not_a_file"
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    assert read(place) is None
    remove(place)
    assert (tmp_path / "elsewhere").exists()


def test_compressed_images_are_not_unpacked_beyond_their_size(place):
    import gzip

    (place / "c" / "shape.nii.gz").write_bytes(gzip.compress(b"\0" * 2**27))
    assert read(place) == "too_large"


def test_labels_come_back_as_an_image_with_the_same_affine(place):
    request = image_request("c")
    labels = (np.arange(120).reshape(4, 5, 6) % 3).astype(np.float64)  # some tools write labels as floats
    nibabel.Nifti1Image(labels, np.array(AFFINE)).to_filename(place / "c" / "labels.nii.gz")
    answer = read(place, request=request)
    assert isinstance(answer, Prediction)
    assert answer.parts["labels"].dtype == np.uint8
    np.testing.assert_array_equal(answer.parts["labels"], labels)
    nibabel.Nifti1Image(labels, np.eye(4)).to_filename(place / "c" / "labels.nii.gz")
    assert read(place, request=request) == "wrong_affine"
    nibabel.Nifti1Image(labels + 0.5, np.array(AFFINE)).to_filename(place / "c" / "labels.nii.gz")
    assert read(place, request=request) == "wrong_type"
    nibabel.Nifti1Image(labels + 9, np.array(AFFINE)).to_filename(place / "c" / "labels.nii.gz")
    assert read(place, request=request) == "out_of_range"


def test_labels_that_were_stored_in_bytes_with_a_scale(place):
    """What nibabel makes of labels in floats when told to store bytes: 1 of 0, 1, 2 reads 1.004."""
    labels = (np.arange(120).reshape(4, 5, 6) % 3).astype(np.float64)
    image = nibabel.Nifti1Image(labels, np.array(AFFINE))
    image.set_data_dtype(np.uint8)
    path = place / "c" / "labels.nii.gz"
    image.to_filename(path)
    assert 0 < np.abs(nibabel.load(path).get_fdata() - labels).max() < 0.01
    np.testing.assert_array_equal(read(place, request=image_request("c")).parts["labels"], labels)
    image = nibabel.Nifti1Image(labels * 0.9, np.array(AFFINE))  # probabilities, say
    image.set_data_dtype(np.uint8)
    image.to_filename(path)
    assert read(place, request=image_request("c")) == "wrong_type"
    image = nibabel.Nifti1Image(labels + 0.01, np.array(AFFINE))  # without a scale, floats are what they say
    image.to_filename(path)
    assert read(place, request=image_request("c")) == "wrong_type"


def test_requests_are_read_back_without_pickle(tmp_path):
    requests = [make_request("a/b", seed=7), image_request("ct", seed=8)]
    write_requests(tmp_path / "r", requests)
    told = json.loads((tmp_path / "r" / "requests.json").read_text())
    assert told["format"] == "genmed-requests/1"
    shape, image = told["cases"]
    assert (shape["id"], shape["folder"], shape["seed"], shape["text"]) == ("a/b", "a%2Fb", 7, "a bone")
    (observed,) = shape["observations"]
    assert observed["operator"] == {"operator": "identity"}
    assert (observed["exact"], observed["empty"], observed["format"]) == (False, False, "npz")
    with np.load(tmp_path / "r" / shape["folder"] / observed["value"], allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["value"], requests[0].observation.value)
        assert arrays["mask"].all()
    assert shape["outputs"]["shape"]["shape"] == [8, 8, 8]
    (observed,) = image["observations"]
    assert observed["format"] == "nifti"
    read_back = nibabel.load(tmp_path / "r" / image["folder"] / observed["value"])
    np.testing.assert_array_equal(read_back.affine, AFFINE)
    np.testing.assert_array_equal(read_back.get_fdata(), requests[1].observation.value)
    assert image["outputs"]["labels"]["names"] == ["liver", "spleen"]
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o222 for path in (tmp_path / "r").rglob("*")}
    assert modes == {0}
    write_requests(tmp_path / "r", requests[:1])  # read-only or not, they are replaced
    assert not (tmp_path / "r" / "ct").exists()


def test_hashes_follow_everything_that_is_told():
    one = make_request("c")
    assert request_hash(one) == request_hash(make_request("c"))
    others = [make_request("d"), make_request("c", seed=2), make_request("c", text="x"), make_request("c", outputs={})]
    changed = make_request("c")
    changed.observation.value[0, 0, 0] = 0.01
    assert len({request_hash(request) for request in [one, changed, *others]}) == 6


def test_names_are_safe_and_differ():
    ids = ["..", ".", "a", "a.npz", "a.done", "A/b", "x" * 500, "x" * 501, "ü", "", " ", "requests.json", "a%2Enpz"]
    names = [safe_name(identity) for identity in ids]
    assert len(set(names)) == len(ids)
    assert all(name and not name.startswith(".") and "/" not in name and len(name) <= 120 for name in names)


def test_the_largest_file_is_a_little_more_than_the_space(place):
    assert module.largest_file(make_request("c").outputs["shape"], GRID) == 512 * 8 + 65536
