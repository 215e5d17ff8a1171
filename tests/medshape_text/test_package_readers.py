"""Readers of package files: what is read is what the files hold, and a hostile file is refused."""

from __future__ import annotations

import base64
import gzip
import os
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from medshape_text.curate.inspect import signed_volume, topology
from medshape_text.reading.volumes import Volume
from medshape_text.sources import llp26
from medshape_text.sources.packages import chest_ct, composite_skeleton, meshes, whole_heart
from medshape_text.sources.packages.label_maps import label_surface, read_label_map, touches_border
from medshape_text.sources.packages.pinned_wheel import PinnedWheel, read_member
from medshape_text.sources.packages.vtp import read_vtp
from medshape_text.sources.shared import SourceError

PINS = (llp26.WHEEL, chest_ct.WHEEL, composite_skeleton.WHEEL, whole_heart.WHEEL)


# ---- package files ----


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.package)
def test_a_file_with_another_hash_is_refused(pin: PinnedWheel, tmp_path: Path) -> None:
    (tmp_path / pin.file).write_bytes(b"PK\x03\x04")
    with pytest.raises(SourceError, match=f"expected {pin.sha256}"):
        pin.fetch(tmp_path)
    assert len(pin.sha256) == 64


@pytest.mark.parametrize("pin", PINS[1:], ids=lambda pin: pin.package)
def test_an_unreachable_index_is_one_clear_error(
    pin: PinnedWheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0",
                        "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_NO_INDEX": "0"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceError, match=f"could not download {pin.requirement}.*by hand"):
        pin.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []


def zipped(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("member", data)
    return path


def test_members_of_hostile_archives_are_refused(tmp_path: Path) -> None:
    good = zipped(tmp_path / "good.whl", b"12345678" * 100)
    assert read_member(good, "member", 800) == b"12345678" * 100
    with pytest.raises(SourceError, match="refusing to read"):
        read_member(good, "member", 799)
    with pytest.raises(SourceError, match="not the expected wheel"):
        read_member(good, "../member", 800)
    bomb = zipped(tmp_path / "bomb.whl", bytes(2**24))
    with pytest.raises(SourceError, match="larger than 1000 bytes"):
        read_member(bomb, "member", 1000)
    content = bomb.read_bytes()
    lying = tmp_path / "lying.whl"
    lying.write_bytes(content.replace(struct.pack("<I", 2**24), struct.pack("<I", 10)))  # the declared sizes
    with pytest.raises(SourceError, match="not the expected wheel"):
        read_member(lying, "member", 1000)
    encrypted = tmp_path / "encrypted.whl"
    whole = bytearray(good.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(signature) + flags] |= 1
    encrypted.write_bytes(whole)
    for path, data in ((encrypted, None), (tmp_path / "cut.whl", good.read_bytes()[:-30]), (tmp_path / "empty", b"")):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(SourceError, match="not the expected wheel"):
            read_member(path, "member", 1000)


# ---- label maps ----


def nifti(
    labels: NDArray[np.generic], affine: NDArray[np.float64], *, shape: tuple[int, ...] | None = None,
    datatype: int = 2, sform: int = 1, magic: bytes = b"n+1\0", slope: float = 1,
) -> bytes:  # fmt: skip
    """A NIfTI-1 file after the format's description; ``affine`` is (3, 4) to x right, y forwards, z up."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    declared = shape or labels.shape
    struct.pack_into(f"<{1 + len(declared)}h", header, 40, len(declared), *declared)
    struct.pack_into("<2h", header, 70, datatype, 8)
    struct.pack_into("<3f", header, 108, 352, slope, 0)
    struct.pack_into("<2h", header, 252, 0, sform)
    struct.pack_into("<12f", header, 280, *affine.ravel())
    header[344:348] = magic
    return gzip.compress(bytes(header) + labels.tobytes(order="F"))


NOISE = np.random.default_rng(0).integers(0, 256, (16, 16, 16), dtype=np.uint8)
AFFINE = np.array([[-0.5, 0, 0, 10], [0, 0.5, 0, -20], [0, 0, 2.0, 30]])


def test_a_label_map_keeps_its_voxels_and_turns_right_forwards_into_left_backwards() -> None:
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    read = read_label_map(nifti(labels, AFFINE), "a")
    assert np.array_equal(read.labels, labels)
    assert np.array_equal(read.affine @ [1, 2, 3, 1], [-(-0.5 + 10), -(1.0 - 20), 36])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no gzip", "unreadable: error .* incorrect header check"),
        (gzip.compress(b"short"), "no NIfTI header"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, magic=b"ni1\0"), "voxels are in another file"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, datatype=16), "declares 32 bytes of voxels, there are 8"),
        (nifti(np.ones((2, 2, 2), np.float32), AFFINE, datatype=16), "plain unsigned bytes"),
        (nifti(np.ones((2, 2, 2), np.uint8), AFFINE, slope=2), "plain unsigned bytes"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, shape=(2, 2, 2, 1)), "dimensions"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, shape=(32767, 32767, 32767)), "too large: .* at most 268435456"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, shape=(-2, 2, 2)), "dimensions"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, shape=(2, 2, 3)), "declares 12 bytes of voxels, there are 8"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, shape=(2, 2, 1)), "declares 4 bytes of voxels, there are more"),
        (nifti(NOISE, AFFINE)[:-500], "truncated: .* ends early"),
        (nifti(NOISE, AFFINE)[:-8] + b"\1" * 8, "incorrect data check"),
        (nifti(np.zeros((2, 2, 2), np.uint8), AFFINE, sform=0), "where its voxels are"),
        (nifti(np.zeros((2, 2, 2), np.uint8), 0 * AFFINE), "axes do not span space"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_label_maps_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_label_map(data, "a")


def ball(radius: float, spacing: NDArray[np.float64]) -> NDArray[np.uint8]:
    axes = [(np.arange(60) - 30) * step for step in spacing]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return (x**2 + y**2 + z**2 <= radius**2).astype(np.uint8)


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (-1, -1, -1), (1, -1, -1)])
def test_a_ball_of_voxels_becomes_a_closed_ball_in_place(signs: tuple[int, int, int]) -> None:
    spacing = np.array([0.7, 0.7, 1.4])
    linear = np.diag(spacing * signs)
    volume = Volume(3 * ball(15, spacing), np.column_stack([linear, [5.0, -3.0, 2.0]]), (3,))
    box = (slice(5, 56), slice(5, 56), slice(15, 46))
    surface = label_surface(volume, 3, box)
    assert surface is not None
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.02)  # positive: the faces look outwards
    middle = linear @ [30, 30, 30] + [5.0, -3.0, 2.0]
    assert np.abs(mesh.bounds.mean(axis=0) - middle).max() < 0.05
    assert np.abs(np.linalg.norm(surface.vertices - middle, axis=1) - 15).max() < 1.0
    assert label_surface(volume, 4, box) is None


def test_stray_voxels_and_cavities_are_left_out_and_large_pieces_kept() -> None:
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[5:25, 5:25, 5:25] = 1
    labels[12:15, 12:15, 12:15] = 0  # 27 of 8000
    labels[30:33, 30:33, 30:33] = 1  # 27
    labels[30:38, 5:15, 5:15] = 1  # 800
    volume = Volume(labels, np.eye(3, 4), (1,))
    surface = label_surface(volume, 1, (slice(0, 40),) * 3)
    assert surface is not None
    assert surface.strays == 2
    volumes = sorted(piece.volume for piece in
                     trimesh.Trimesh(surface.vertices, surface.faces, process=False).split())  # fmt: skip
    assert volumes == pytest.approx([800, 8000], rel=0.07)  # edges and corners are rounded
    few = np.zeros((20, 20, 20), np.uint8)
    few[5:9, 5:10, 5:10] = 1
    assert label_surface(Volume(few, np.eye(3, 4), (1,)), 1, (slice(5, 9), slice(5, 10), slice(5, 10))) is not None
    few[5, 5, 5] = 0  # 99 are left
    assert label_surface(Volume(few, np.eye(3, 4), (1,)), 1, (slice(5, 9), slice(5, 10), slice(5, 10))) is None


def test_a_box_at_the_end_of_the_scan_is_cut() -> None:
    volume = Volume(np.zeros((10, 10, 10), np.uint8), np.eye(3, 4), ())
    assert not touches_border(volume, (slice(1, 9),) * 3)
    assert touches_border(volume, (slice(1, 9), slice(0, 9), slice(1, 9)))
    assert touches_border(volume, (slice(1, 9), slice(1, 9), slice(1, 10)))


# ---- VTK's XML ----


def packed(array: NDArray[np.generic], block: int = 64) -> bytes:
    data = array.tobytes()
    blocks = [data[start : start + block] for start in range(0, len(data), block)]
    last = len(blocks[-1]) % block
    streams = [zlib.compress(each) for each in blocks]
    head = np.array([len(blocks), block, last, *(len(each) for each in streams)], "<u4").tobytes()
    return base64.b64encode(head) + base64.b64encode(b"".join(streams))


def vtp(**changes: bytes) -> bytes:
    """Two tetrahedra, regions 1 and 2, as VTK writes them; ``changes`` replace text of the header."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], "<f4")
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], "<i8")
    arrays = [np.repeat([1, 2], 4).astype("<i2"), np.concatenate([points, points + 2]).ravel(),
              np.concatenate([faces, faces + 4]).ravel(), np.arange(3, 27, 3, dtype="<i8")]  # fmt: skip
    if "indices" in changes:
        arrays[2] = np.frombuffer(changes.pop("indices"), "<i8")
    texts = [packed(array) for array in arrays]
    a, b, c, d = np.cumsum([0, *map(len, texts)])[:4]
    header = f"""<?xml version="1.0"?>
<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian" header_type="UInt32"
 compressor="vtkZLibDataCompressor">
<PolyData><Piece NumberOfPoints="8" NumberOfPolys="8">
<PointData><DataArray type="Int16" Name="RegionId" format="appended" offset="{a}"/></PointData>
<Points><DataArray type="Float32" NumberOfComponents="3" format="appended" offset="{b}"/></Points>
<Polys><DataArray type="Int64" Name="connectivity" format="appended" offset="{c}"/>
<DataArray type="Int64" Name="offsets" format="appended" offset="{d}"/></Polys>
</Piece></PolyData><AppendedData encoding="base64">
 _""".encode()
    for old, new in changes.items():
        assert old.encode() in header
        header = header.replace(old.encode(), new)
    return header + b"".join(texts) + b"\n</AppendedData></VTKFile>"


def test_vtk_file_is_read() -> None:
    read = read_vtp(vtp(), "a", "RegionId")
    assert read.points.shape == (8, 3)
    assert read.points[7].tolist() == [2, 2, 3]
    assert read.region.tolist() == [1] * 4 + [2] * 4
    assert topology(read.points, read.faces).watertight


@pytest.mark.parametrize(
    "changes",
    [
        {'<?xml version="1.0"?>': b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'},
        {'NumberOfPoints="8"': b'NumberOfPoints="9"'},
        {'NumberOfPoints="8"': b'NumberOfPoints="99999999999"'},
        {'NumberOfPolys="8"': b'NumberOfPolys="-8"'},
        {'NumberOfPolys="8"': b'NumberOfPolys="many"'},
        {'offset="0"': b'offset="100000"'},
        {'offset="0"': b'offset="-20"'},
        {'offset="0"': b'offset="3"'},
        {'type="Int16"': b'type="UInt8"'},
        {'Name="RegionId"': b'Name="Other"'},
        {'header_type="UInt32"': b'header_type="UInt64"'},
        {"</Piece>": b"</Piece2>"},
        {'encoding="base64"': b'encoding="raw"'},
        {"indices": np.full(24, 8, "<i8").tobytes()},
        {"indices": np.full(24, -1, "<i8").tobytes()},
    ],
)
def test_hostile_vtk_files_are_refused(changes: dict[str, bytes]) -> None:
    with pytest.raises(SourceError):
        read_vtp(vtp(**changes), "a", "RegionId")


def test_a_vtk_block_that_unfolds_is_refused() -> None:
    bomb = zlib.compress(bytes(2**20))
    head = np.array([1, 16, 0, len(bomb)], "<u4").tobytes()  # 8 regions of 2 bytes are declared
    marker = b"<AppendedData"
    arrays = vtp().partition(marker)[2].partition(b"_")[2].partition(b"\n<")[0]
    whole = vtp(**{'offset="0"': b'offset="%d"' % len(arrays)})
    text = base64.b64encode(head) + base64.b64encode(bomb)
    with pytest.raises(SourceError, match="a block has not the declared size"):
        read_vtp(whole.replace(arrays, arrays + text), "a", "RegionId")


# ---- meshes ----

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)


def test_welding_makes_a_soup_one_closed_surface() -> None:
    soup = CORNERS[np.concatenate([TETRAHEDRON, [[0, 0, 1], [2, 1, 0]]])].reshape(-1, 3)
    soup[0] = [-0.0, 0.0, -0.0]
    vertices, faces, removed = meshes.weld(soup, np.arange(18).reshape(-1, 3))
    assert len(vertices) == 4
    assert removed == 2  # one triangle repeats a corner, one is there already
    assert meshes.is_closed(faces)
    assert signed_volume(vertices, faces) == pytest.approx(1 / 6)


def test_pieces_share_no_vertex_and_sheets_no_edge_of_three() -> None:
    fan = [[0, 1, 4]]  # hangs on an edge of the tetrahedron
    apart = TETRAHEDRON + 5
    faces = np.concatenate([TETRAHEDRON, fan, apart])
    assert meshes.face_components(faces, 9).tolist() == [0] * 5 + [1] * 4
    sheet = meshes.sheets(faces)
    assert Counter(np.bincount(sheet).tolist())[4] >= 1
    assert np.bincount(sheet)[sheet[4]] == 1
    assert len(set(sheet[5:])) == 1
    assert not meshes.is_closed(faces)
    assert meshes.is_closed(apart)


def test_loose_triangles_go_but_not_the_parts_of_an_open_bone() -> None:
    sphere = trimesh.creation.icosphere(2)
    vertices = np.concatenate([sphere.vertices, [[2.0, 0, 0]]])
    loose = np.concatenate([sphere.faces, [[0, 1, len(sphere.vertices)]]])
    cleaned = composite_skeleton.without_strays(composite_skeleton.Mesh(vertices, loose))
    assert len(cleaned.faces) == len(sphere.faces)
    assert len(cleaned.vertices) == len(sphere.vertices)
    assert [(repair.action, repair.count) for repair in cleaned.repairs] == [("removed-stray-faces", 1)]
    opened_up = composite_skeleton.Mesh(vertices, loose[1:])
    assert composite_skeleton.without_strays(opened_up) is opened_up
    halves = composite_skeleton.Mesh(np.concatenate([sphere.vertices, sphere.vertices + 3]),
                                     np.concatenate([sphere.faces, sphere.faces + len(sphere.vertices)]))  # fmt: skip
    assert composite_skeleton.without_strays(halves) is halves


def test_only_the_mirror_image_is_mirrored() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 3)) * 50
    image = rng.permutation(points * [-1, 1, 1])
    assert composite_skeleton.is_mirror_image(image, points)
    assert composite_skeleton.is_mirror_image(image + 0.004, points)
    assert not composite_skeleton.is_mirror_image(points, points)
    assert not composite_skeleton.is_mirror_image(image[:-1], points)
    image[0] += 0.05
    assert not composite_skeleton.is_mirror_image(image, points)
