"""Reading label maps: two formats against their reference readers, and everything a hostile file can declare."""

from __future__ import annotations

import gzip
import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medshape_text.reading import limits, volumes
from medshape_text.reading.limits import BadShapeError
from medshape_text.reading.volumes import read_header, read_image, read_volume, volume_suffix

nibabel = pytest.importorskip("nibabel")
AFFINE = np.array([[0.0, -1.5, 0, 10], [2, 0, 0, -20], [0, 0.3, 3, 30], [0, 0, 0, 1]])


def mask(dtype: str = "u1", values: tuple[int, ...] = (1,)) -> np.ndarray:
    labels = np.zeros((7, 8, 9), dtype)
    for place, value in enumerate(values):
        labels[1 + place, 2:5, 3:8] = value
    return labels


def nifti(labels: np.ndarray, kind: type = nibabel.Nifti1Image, affine: np.ndarray = AFFINE) -> bytes:
    image = kind(labels, affine, dtype=labels.dtype)
    image.header.set_xyzt_units("mm")
    return image.to_bytes()


def nrrd(labels: np.ndarray, encoding: str = "raw", extra: str = "", **changes: str) -> bytes:
    fields = {
        "type": {"|u1": "unsigned char", "<i2": "short", ">i2": "short", "<f4": "float"}[labels.dtype.str],
        "dimension": "3", "space": "left-posterior-superior", "sizes": " ".join(map(str, labels.shape)),
        "space directions": "(0,2,0) (-1.5,0,0.3) (0,0,3)", "endian": "big" if labels.dtype.str[0] == ">" else "little",
        "encoding": encoding, "space origin": "(10,-20,30)",
    } | {key.replace("_", " "): value for key, value in changes.items()}  # fmt: skip
    head = "NRRD0004\n# by hand\n" + "".join(f"{key}: {value}\n" for key, value in fields.items() if value) + extra
    body = labels.tobytes(order="F")
    return head.encode() + b"\n" + (gzip.compress(body, mtime=0) if encoding == "gzip" else body)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def refused(path: Path, reason: str, match: str | None = None) -> None:
    with pytest.raises(BadShapeError, match=match) as caught:
        read_volume(path)
    assert caught.value.reason == reason


# What is in them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "<i4", "<u2", "<f4", "<f8"])
@pytest.mark.parametrize("packed", [False, True])
def test_nifti_as_its_reference_reader_has_it(tmp_path, kind, dtype, packed) -> None:
    labels = mask(dtype, (1, 7))
    data = nifti(labels, kind)
    path = write(tmp_path / ("a.nii.gz" if packed else "a.nii"), gzip.compress(data, mtime=0) if packed else data)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.labels, labels)
    assert volume.values == (1, 7)
    peer = nibabel.load(path)
    # x to the left and y backwards where the format has them to the right and forwards.
    np.testing.assert_allclose(volume.affine, np.diag([-1, -1, 1]) @ peer.affine[:3], atol=1e-6)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "<f4"])
def test_nrrd_as_its_reference_reader_has_it(tmp_path, encoding, dtype) -> None:
    peer = pytest.importorskip("nrrd", reason="pynrrd is the reference reader")
    labels = mask(dtype, (2,))
    path = write(tmp_path / "a.nrrd", nrrd(labels, encoding))
    volume = read_volume(path)
    expected, header = peer.read(str(path))
    np.testing.assert_array_equal(volume.labels, expected)
    np.testing.assert_array_equal(volume.labels, labels)
    assert volume.values == (2,)
    np.testing.assert_allclose(volume.affine[:, :3], header["space directions"].T)
    np.testing.assert_allclose(volume.affine[:, 3], header["space origin"])


def test_one_voxel_is_at_one_place_in_both_formats(tmp_path) -> None:
    """(1, 2, 3) under the matrix above, by hand: NIfTI's x and y change their signs."""
    labels = mask()
    volume = read_volume(write(tmp_path / "a.nii", nifti(labels)))
    np.testing.assert_allclose(volume.affine @ [1, 2, 3, 1], [-(0 - 3 + 10), -(2 - 20), 0.6 + 9 + 30], atol=1e-5)
    left = read_volume(write(tmp_path / "lps.nrrd", nrrd(labels)))
    np.testing.assert_allclose(left.affine @ [1, 2, 3, 1], [-3 + 10, 2 - 20, 0.6 + 9 + 30])
    right = read_volume(write(tmp_path / "ras.nrrd", nrrd(labels, space="RAS")))
    np.testing.assert_allclose(right.affine @ [1, 2, 3, 1], [3 - 10, -2 + 20, 0.6 + 9 + 30])


def test_segments_of_a_slicer_file_have_names(tmp_path) -> None:
    extra = "Segment0_Name:=liver\nSegment0_LabelValue:=1\nSegment1_LabelValue:=4\nSegment1_Name:=left kidney\n"
    path = write(tmp_path / "a.seg.nrrd", nrrd(mask(values=(1, 4)), "gzip", extra))
    assert read_header(path).names == {1: "liver", 4: "left kidney"}
    assert read_volume(path).names == {1: "liver", 4: "left kidney"}


def test_trailing_dimensions_of_one_and_units(tmp_path) -> None:
    image = nibabel.Nifti1Image(mask()[..., None], AFFINE)
    image.header.set_xyzt_units("meter")
    volume = read_volume(write(tmp_path / "a.nii", image.to_bytes()))
    assert volume.labels.shape == (7, 8, 9)
    np.testing.assert_allclose(volume.affine, 1000 * np.diag([-1, -1, 1]) @ AFFINE[:3], rtol=1e-5)


@pytest.mark.parametrize("packed", [False, True])
def test_scaled_labels_by_hand(tmp_path, packed) -> None:
    """Voxels 0, 1 and 3 in steps of 2 are 0, 2 and 6; in steps of 1/2 from 1/2 on they are 1/2, 1 and 2: no labels."""

    def path(**changes: float) -> Path:
        data = header_of(mask(values=(1, 3)), **changes)
        file = "a.nii.gz" if packed else "a.nii"
        return write(tmp_path / file, gzip.compress(data, mtime=0) if packed else data)

    volume = read_volume(path(slope=2.0))
    np.testing.assert_array_equal(volume.labels, 2 * mask(values=(1, 3)).astype(int))
    assert volume.values == (2, 6)
    np.testing.assert_array_equal(read_volume(path(slope=2.0)).labels, nibabel.load(path(slope=2.0)).get_fdata())
    assert read_volume(path(slope=0.0, inter=5.0)).values == (1, 3)  # a slope of 0 means that there is no scale
    assert read_volume(path(slope=1.0, inter=2.0)).values == (2, 3, 5)
    refused(path(slope=0.5, inter=0.5), "not a label map", "no whole numbers")
    refused(path(slope=1.0, inter=-1.0), "not a label map")  # -1 is no label
    refused(path(slope=3e9), "not a label map", "no whole numbers")
    refused(path(slope=1.0, inter=float("nan")), "unreadable")


def test_labels_that_were_stored_in_bytes_with_a_scale(tmp_path) -> None:
    labels = mask("<f8", (1, 2, 3, 4))
    image = nibabel.Nifti1Image(labels, AFFINE)
    image.header.set_data_dtype(np.uint8)
    path = tmp_path / "a.nii.gz"
    nibabel.save(image, path)
    peer = nibabel.load(path).get_fdata()
    assert 0 < np.abs(peer - labels).max() < 0.01  # 1 reads 0.996 or 1.004
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.labels, labels)
    assert volume.values == (1, 2, 3, 4)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "<f4"])
@pytest.mark.parametrize("packed", [False, True])
def test_images_as_their_reference_reader_has_them(tmp_path, kind, dtype, packed) -> None:
    noise = 40 * np.random.default_rng(0).normal(size=(7, 8, 9)) - 10
    image = kind(noise, AFFINE)
    image.set_data_dtype(dtype)
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    nibabel.save(image, path)
    peer = nibabel.load(path)
    assert (peer.dataobj.slope, peer.dataobj.inter) != (1.0, 0.0) or dtype == "<f4"
    read = read_image(path)
    assert read.values.dtype == np.float32
    np.testing.assert_allclose(read.values, peer.get_fdata(), rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(read.affine, np.diag([-1, -1, 1]) @ peer.affine[:3], atol=1e-6)
    if dtype != "<f4":
        refused(path, "not a label map", "no whole numbers")


def test_a_scaled_image_by_hand(tmp_path) -> None:
    """Voxel (1, 2, 3) holds 1, which a slope of 1/2 and an intercept of -3 make -2.5; the background becomes -3."""
    read = read_image(write(tmp_path / "a.nii", header_of(mask(), slope=0.5, inter=-3.0)))
    assert (read.values[1, 2, 3], read.values[0, 0, 0]) == (-2.5, -3.0)
    np.testing.assert_allclose(read.affine @ [1, 2, 3, 1], [-(0 - 3 + 10), -(2 - 20), 0.6 + 9 + 30], atol=1e-5)
    plain = read_image(write(tmp_path / "a.nrrd", nrrd(mask("<i2", (7,)) - np.int16(2))))
    assert (plain.values[1, 2, 3], plain.values[0, 0, 0]) == (5.0, -2.0)


def test_suffixes() -> None:
    assert [volume_suffix(name) for name in ("a.nii", "A.NII.GZ", "b.seg.nrrd", "c.gz", "d.stl", "nii")] == [
        ".nii", ".nii.gz", ".nrrd", "", "", "",
    ]  # fmt: skip


TURNED = np.array([[0.0, -1.5, 0, 0], [2, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("codes", [(1, 1), (2, 1), (1, 2), (4, 2)])
@pytest.mark.parametrize(
    ("change", "one"),
    [
        (np.diag([1, 1, 1.0]), True),
        (np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]]), True),  # a scanner's axes and those of a template
        (np.diag([1, 1, 1.005]), True),
        (np.diag([-1, 1, 1.0]), False),  # left and right
        (np.array([[1, 0.1, 0], [0, 1, 0], [0, 0, 1.0]]), False),
    ],
)
def test_two_transforms_in_one_file_are_one_shape_or_refused(tmp_path, codes, change, one) -> None:
    """Readers choose differently between them: nibabel by the sform, SimpleITK by the codes."""
    image = nibabel.Nifti1Image(mask(), None)
    sform = TURNED.copy()
    sform[:3, :3] = change @ TURNED[:3, :3]
    sform[:3, 3] = 10, 20, 30  # an origin of its own makes no other shape
    image.set_qform(TURNED, codes[0])
    image.set_sform(sform, codes[1])
    image.header.set_xyzt_units("mm")
    path = write(tmp_path / "a.nii", image.to_bytes())
    if one:
        np.testing.assert_allclose(read_volume(path).affine, np.diag([-1, -1, 1]) @ sform[:3], atol=1e-5)
    else:
        refused(path, "no geometry", "sform and its qform")


@pytest.mark.parametrize("qform", [0, 1])
def test_voxels_of_two_sizes_are_refused(tmp_path, qform) -> None:
    """nibabel takes the sform's, SimpleITK those of pixdim."""
    image = nibabel.Nifti1Image(mask(), None)
    image.set_qform(TURNED, qform)
    image.set_sform(TURNED * 1.2, 2)
    refused(write(tmp_path / "a.nii", image.to_bytes()), "no geometry", "pixdim")


def test_a_transform_whose_code_is_zero_does_not_count(tmp_path) -> None:
    for codes in ((0, 1), (1, 0)):
        image = nibabel.Nifti1Image(mask(), None)
        image.set_qform(TURNED, codes[0])
        image.set_sform(TURNED @ np.diag([-1, 1, 1, 1]), codes[1])
        affine = read_volume(write(tmp_path / "a.nii", image.to_bytes())).affine
        assert np.linalg.det(affine[:, :3]) == pytest.approx(-9 if codes[1] else 9)


# What they may not be ----------------------------------------------------------------------------------------------


def header_of(labels: np.ndarray, **changes: object) -> bytes:
    data = bytearray(nifti(labels))
    places = {"dim": (40, "<8h"), "vox_offset": (108, "<f"), "slope": (112, "<f"), "inter": (116, "<f"),
              "datatype": (70, "<h"),
              "bitpix": (72, "<h"), "codes": (252, "<2h"), "srow": (280, "<12f"), "magic": (344, "4s"),
              "size": (0, "<i"), "units": (123, "B")}  # fmt: skip
    for name, value in changes.items():
        place, form = places[name]
        struct.pack_into(form, data, place, *(value if isinstance(value, tuple) else (value,)))
    return bytes(data)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dim": (3, 7, 8, 10, 1, 1, 1, 1)}, "truncated"),
        ({"dim": (3, 30000, 30000, 30000, 1, 1, 1, 1)}, "too large"),
        ({"dim": (3, 600, 600, 600, 1, 1, 1, 1), "datatype": 64, "bitpix": 64}, "too large"),
        ({"dim": (3, 7, 0, 9, 1, 1, 1, 1)}, "unreadable"),
        ({"dim": (3, 7, -8, 9, 1, 1, 1, 1)}, "unreadable"),
        ({"dim": (4, 7, 8, 9, 3, 1, 1, 1)}, "unreadable"),
        ({"dim": (2, 7, 8, 1, 1, 1, 1, 1)}, "unreadable"),
        ({"dim": (99, 7, 8, 9, 1, 1, 1, 1)}, "unreadable"),
        ({"vox_offset": 1e9}, "unreadable"),
        ({"vox_offset": 0.0}, "unreadable"),
        ({"vox_offset": float("nan")}, "unreadable"),
        ({"slope": 0.3}, "not a label map"),
        ({"datatype": 128, "bitpix": 24}, "not a label map"),
        ({"datatype": 32, "bitpix": 64}, "not a label map"),
        ({"datatype": 777}, "unreadable"),
        ({"codes": (0, 0)}, "no geometry"),
        ({"srow": (0.0,) * 12}, "no geometry"),
        ({"srow": (float("nan"),) * 12}, "no geometry"),
        ({"units": 5}, "unreadable"),
        ({"magic": b"ni1\0"}, "external data"),
        ({"size": 349}, "unreadable"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_nifti_headers_that_are_refused(tmp_path, changes, reason, packed) -> None:
    data = header_of(mask(), **changes)
    path = write(tmp_path / ("a.nii.gz" if packed else "a.nii"), gzip.compress(data, mtime=0) if packed else data)
    refused(path, reason)
    if changes.keys() != {"slope"}:  # which an image may have
        with pytest.raises(BadShapeError) as caught:
            read_image(path)
        assert caught.value.reason == reason.replace("a label map", "an image")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data_file": "voxels.raw"}, "external data"),
        ({"datafile": "LIST"}, "external data"),
        ({"encoding": "bzip2"}, "unreadable"),
        ({"encoding": "ascii"}, "unreadable"),
        ({"dimension": "4"}, "unreadable"),
        ({"sizes": "7 8"}, "unreadable"),
        ({"sizes": "7 8 -9"}, "unreadable"),
        ({"sizes": "7 8 0"}, "no voxels"),
        ({"sizes": "99999 99999 99999"}, "too large"),
        ({"sizes": "7 8 10"}, "truncated"),
        ({"type": "block"}, "not a label map"),
        ({"byte_skip": "-1"}, "unreadable"),
        ({"space": "scanner-xyz"}, "no geometry"),
        ({"space": ""}, "no geometry"),
        ({"space_directions": "none (0,1,0) (0,0,1)"}, "no geometry"),
        ({"space_directions": "(1,0,0) (1,0,0) (0,0,1)"}, "no geometry"),
        ({"space_directions": "(nan,0,0) (0,1,0) (0,0,1)"}, "no geometry"),
        ({"space_directions": "(a,0,0) (0,1,0) (0,0,1)"}, "no geometry"),
        ({"space_units": '"mm" "mm" "um"'}, "no geometry"),
    ],
)
def test_nrrd_headers_that_are_refused(tmp_path, changes, reason) -> None:
    refused(write(tmp_path / "a.nrrd", nrrd(mask(), **changes)), reason)


def test_an_order_of_bytes_is_needed(tmp_path) -> None:
    refused(write(tmp_path / "a.nrrd", nrrd(mask("<i2"), endian="")), "unreadable")
    assert read_volume(write(tmp_path / "b.nrrd", nrrd(mask(), endian=""))).values == (1,)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.nii", b"", "unreadable"),
        ("a.nii", b"\0" * 1000, "unreadable"),
        ("a.nii.gz", b"", "unreadable"),
        ("a.nii.gz", b"not packed at all", "unreadable"),
        ("a.nii.gz", gzip.compress(b"short", mtime=0), "unreadable"),
        ("a.nrrd", b"", "unreadable"),
        ("a.nrrd", b"NRRD0004\n" + b"x" * 100, "unreadable"),
        ("a.nrrd", b"NRRD0004\n" + b"a: b\n" * 5000, "unreadable"),
        ("a.nrrd", b"NRRD0004\n" + b"a" * 3_000_000, "unreadable"),
    ],
)
def test_files_that_are_no_volume(tmp_path, name, data, reason) -> None:
    refused(write(tmp_path / name, data), reason)


@pytest.mark.parametrize(
    "change", [lambda labels: labels + 0.5, lambda labels: -labels, lambda labels: labels * np.nan,
               lambda labels: np.arange(labels.size).reshape(labels.shape).astype("<f4")]
)  # fmt: skip
def test_images_are_no_label_maps(tmp_path, change, monkeypatch) -> None:
    monkeypatch.setattr(volumes, "MAX_LABELS", 100)
    refused(write(tmp_path / "a.nii", nifti(change(mask("<f4")))), "not a label map")


def test_nothing_but_background(tmp_path) -> None:
    refused(write(tmp_path / "a.nii", nifti(mask(values=()))), "no voxels")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_damaged_or_cut_packing_is_told(tmp_path, suffix) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (30, 30, 30)).astype("u1")
    data = gzip.compress(nifti(labels)) if suffix == ".nii.gz" else nrrd(labels, "gzip")
    refused(write(tmp_path / f"cut{suffix}", data[: len(data) // 2]), "truncated")
    wrong = bytearray(data)
    wrong[-6] ^= 255  # the checksum, as in a data set everybody uses
    refused(write(tmp_path / f"sum{suffix}", bytes(wrong)), "truncated")


def test_a_file_over_the_limit_is_not_opened(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "a.nii", nifti(mask()))
    monkeypatch.setattr(volumes, "MAX_BYTES", 10)
    refused(path, "too large")
    assert limits.MAX_BYTES > 10


def test_room_for_what_a_scale_makes_of_voxels_is_looked_for_before_it_is_taken(tmp_path, monkeypatch) -> None:
    plain = write(tmp_path / "a.nii", nifti(mask()))
    scaled = write(tmp_path / "b.nii", header_of(mask(), slope=2.0))
    monkeypatch.setattr(volumes, "MAX_UNPACKED", 4 * mask().size - 1)
    monkeypatch.setattr(volumes, "_voxels", lambda *_, **__: pytest.fail("voxels were read"))
    refused(scaled, "too large")
    for path in (plain, scaled):
        with pytest.raises(BadShapeError, match="too large"):
            read_image(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_bomb_does_not_go_off(tmp_path, suffix) -> None:
    """Gigabytes of zeros behind a header that declares a few voxels, read where there is no room for them."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as stream:
        if suffix == ".nii.gz":
            stream.write(nifti(mask()))
        else:
            stream.write(mask().tobytes(order="F"))
        for _ in range(64):
            stream.write(bytes(2**24))
    data = packed.getvalue()
    if suffix == ".nrrd":
        data = nrrd(mask(), "raw").partition(b"\n\n")[0].replace(b"raw", b"gzip") + b"\n\n" + data
    path = write(tmp_path / f"bomb{suffix}", data)
    assert len(data) < 2**23
    program = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from medshape_text.reading.volumes import read_volume\n"
        "import nibabel\n"
        "used = int(next(l for l in open('/proc/self/status') if l.startswith('VmSize')).split()[1]) * 1024\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, used + 2**27))\n"
        "print(read_volume(Path(sys.argv[1])).values)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1,)", done.stderr
