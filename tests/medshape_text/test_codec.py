"""Bytes and back: signs survive, errors stay in their bounds, strangers can decode, wrong cells are refused."""

from __future__ import annotations

import io
import struct

import numpy as np
import pyarrow as pa
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small_set import ball

from medshape_text import codec
from medshape_text.card.page import DECODING
from medshape_text.codec.sdf import LOSS_VOXELS
from medshape_text.curate.sdf import sdf_from_mask

TRUNCATION = np.float32(0.2)


def stranger() -> dict[str, object]:
    """The functions that the card gives to those who do not have this package."""
    code = "\n".join(part.split("```")[0] for part in DECODING.split("```python\n")[1:])
    found: dict[str, object] = {}
    exec(code, found)  # noqa: S102 (it is our own text that is tested)
    return found


def check_sdf(sdf: np.ndarray) -> bytes:
    cell = codec.encode_sdf(sdf)
    decoded = codec.decode_sdf({"sdf": cell})
    assert decoded.dtype == np.float32
    assert np.array_equal(decoded < 0, sdf < 0)
    assert np.array_equal(codec.decode_mask({"sdf": cell}), sdf < 0)
    assert np.abs(decoded.astype(np.float64) - sdf).max() * 32 <= 0.01 + 1e-6  # what float32 itself rounds
    truncated = np.abs(sdf) == TRUNCATION
    assert np.array_equal(decoded[truncated], sdf[truncated])
    assert np.array_equal(stranger()["decode_sdf"]({"sdf": cell}), decoded)
    return cell


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(np.float32, st.integers(1, 200), elements=st.floats(-0.1875, 0.1875, width=32)),
    st.integers(0, 2**31),
    st.sampled_from(["noise", "smooth", "empty", "full"]),
)
def test_sign_and_value_of_every_voxel(values: np.ndarray, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    sdf = {
        "noise": lambda: rng.uniform(-0.2, 0.2, (64, 64, 64)).astype(np.float32).clip(-TRUNCATION, TRUNCATION),
        "smooth": lambda: ball(0.6),
        "empty": lambda: np.full((64, 64, 64), TRUNCATION),
        "full": lambda: np.full((64, 64, 64), -TRUNCATION),
    }[kind]()
    sdf.ravel()[rng.permutation(sdf.size)[: len(values)]] = values
    check_sdf(sdf)


@pytest.mark.parametrize(
    "value",
    [-1e-45, -1e-9, -0.0, 0.0, 1e-45, 2.0**-11, np.nextafter(np.float32(2.0**-11), np.float32(0)),
     np.nextafter(TRUNCATION, np.float32(0)), -np.nextafter(TRUNCATION, np.float32(0)), TRUNCATION, -TRUNCATION],
)  # fmt: skip
def test_signs_at_the_edges_of_levels(value: float) -> None:
    sdf = np.full((64, 64, 64), 0.1, dtype=np.float32)
    sdf[1, 2, 3] = value
    check_sdf(sdf)


def test_double_precision_is_truncated_and_signed_the_same() -> None:
    sdf = np.full((64, 64, 64), 0.2)
    sdf[1], sdf[2, 0, 0] = -0.2, -1e-60  # which in single precision is 0
    found = codec.decode_sdf({"sdf": codec.encode_sdf(sdf)})
    assert (found[0] == TRUNCATION).all()
    assert (found[1] == -TRUNCATION).all()
    assert found[2, 0, 0] < 0


def test_stated_loss_and_size_of_a_smooth_shape() -> None:
    assert LOSS_VOXELS == 1 / 128
    cell = check_sdf(ball(0.8))
    assert len(cell) < 60_000
    assert codec.encode_sdf(ball(0.8)) == cell


def test_levels_are_exact_in_the_precision_of_predictions() -> None:
    """Whoever predicts the truth is scored as perfect, though predictions are stored as float16."""
    truth = codec.decode_sdf({"sdf": codec.encode_sdf(ball(0.8))})
    inner = np.abs(truth) < TRUNCATION
    assert inner.sum() > 50_000
    assert np.array_equal(truth[inner].astype(np.float16).astype(np.float32), truth[inner])


def test_worst_differences_fit() -> None:
    """A checkerboard of the two truncated values has the largest differences there are."""
    x, y, z = np.indices((64, 64, 64))
    check_sdf(np.where((x + y + z) % 2, TRUNCATION, -TRUNCATION))


def test_axis_order_and_layout_of_the_cell() -> None:
    """By hand: level 204 (204 / 2048 = 0.0996 units) everywhere but one voxel at level -256 (-0.125 units)."""
    sdf = np.full((64, 64, 64), 0.0999, dtype=np.float32)
    sdf[5, 6, 7] = -0.1249
    cell = codec.encode_sdf(sdf)
    assert cell[:4] == b"SDF\x01"
    raw = np.frombuffer(pa.decompress(cell[4:], decompressed_size=2 * 64**3, codec="zstd"), "u1").reshape(2, -1)
    codes = (raw[0] | raw[1].astype("u2") << 8).reshape(64, 64, 64)
    expected = np.zeros((64, 64, 64), dtype=int)
    expected[0, :, 0] = 2 * 204  # the first of a row, in the first plane: 204, zigzag-coded
    expected[5, 6, 7], expected[5, 6, 8] = 2 * 460 - 1, 2 * 460  # down by 460 and up again
    expected[6, 6, 7], expected[6, 6, 8] = 2 * 460, 2 * 460 - 1
    assert np.array_equal(codes, expected)


@pytest.mark.parametrize("shape", [(64, 64), (63, 64, 64), (64, 64, 64, 1)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        codec.encode_sdf(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.21, -0.2001, 1e30])
def test_values_that_are_no_truncated_distances_are_refused(value: float) -> None:
    sdf = ball(0.5)
    sdf[3, 4, 5] = value
    with pytest.raises(ValueError, match="truncated at"):
        codec.encode_sdf(sdf)


def packed(size: int, fill: int = 0) -> bytes:
    return b"SDF\x01" + bytes(pa.compress(bytes([fill]) * size, codec="zstd", asbytes=True))


def test_hostile_cells_are_refused() -> None:
    whole = codec.encode_sdf(ball(0.5))
    size = 2 * 64**3
    bomb = b"SDF\x01" + bytes(pa.Codec("zstd", 19).compress(bytes(2**28), asbytes=True))  # 256 MB from a few kB
    lying = bytearray(packed(size))
    lying[9:13] = struct.pack("<I", 2**31 - 1)  # the size a zstd frame declares
    cells = {
        "does not begin": [b"SDF", b"GIF89a", b"\x01SDF" + whole[4:], whole[4:]],
        "version 2": [b"SDF\x02" + whole[4:]],
        "damaged": [whole[:-1], whole[:4], whole[:40], whole[:4] + b"junk", whole + b"x", packed(size - 1),
                    packed(size + 1), packed(0), bomb, bytes(lying)],
        "levels that do not exist": [packed(size, 255), packed(size, 2)],
        "plain format": [b""],
    }  # fmt: skip
    for message, wrong in cells.items():
        for cell in wrong:
            with pytest.raises(codec.CellError, match=message):
                codec.decode_sdf({"sdf": cell})
    for value in (None, "SDF\x01", 7):
        with pytest.raises(codec.CellError, match=r"NoneType|str|int"):
            codec.decode_sdf({"sdf": value})
    with pytest.raises(KeyError):
        codec.decode_sdf({})


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 255))
def test_a_flipped_byte_is_refused_or_still_a_distance_field(place: int, byte: int) -> None:
    cell = bytearray(codec.encode_sdf(ball(0.5)))
    cell[place % len(cell)] = byte
    try:
        decoded = codec.decode_sdf({"sdf": bytes(cell)})
    except codec.CellError:
        return
    assert np.abs(decoded).max() <= TRUNCATION


def test_published_form_comes_from_the_mask() -> None:
    mask = np.zeros((64, 64, 64), dtype=bool)
    mask[10:50, 20:40, 30:33] = True
    row = {"sdf": codec.encode_sdf(np.where(mask, np.float32(-0.03), np.float32(0.03)))}
    assert np.array_equal(codec.published_sdf(row), sdf_from_mask(mask))


def test_ply_reads_the_same_with_trimesh_and_keeps_vertex_order() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=3)
    vertices, faces = np.asarray(sphere.vertices) * (0.3, 0.5, 0.875), np.asarray(sphere.faces)
    raw = codec.encode_ply(vertices, faces)
    theirs = trimesh.load(io.BytesIO(raw), file_type="ply", process=False)
    ours = codec.decode_mesh({"mesh": {"bytes": raw, "path": "a.ply"}})
    assert np.array_equal(ours[0], vertices.astype(np.float32))
    assert np.array_equal(ours[1], faces)
    assert np.array_equal(theirs.vertices, ours[0])
    assert np.array_equal(theirs.faces, faces)


def test_wrong_meshes_are_refused() -> None:
    with pytest.raises(TypeError, match="decode=False"):
        codec.decode_mesh({"mesh": trimesh.creation.box()})
    whole = codec.encode_ply(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    for damaged in (
        b"", b"ply\n", whole[:-1], whole.replace(b"vertex 3", b"vertex 4"), whole.replace(b"vertex 3", b"vertex -3"),
        whole.replace(b"vertex 3", b"vertex x"), whole.replace(b"vertex 3", b"vertex 99999999999999999999"),
    ):  # fmt: skip
        with pytest.raises(codec.CellError, match="not a binary triangle PLY"):
            codec.decode_mesh({"mesh": {"bytes": damaged, "path": "a.ply"}})
    for corner in (-1, 3):
        outside = codec.encode_ply(np.zeros((3, 3)), np.array([[0, 1, corner]]))
        with pytest.raises(codec.CellError, match="corners that do not exist"):
            codec.decode_mesh({"mesh": {"bytes": outside, "path": "a.ply"}})


def random_surface(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (count, 3)).astype(np.float32)
    points[:2] = [[1, 1, 1], [-1, -1, -1]]
    normals = rng.standard_normal((count, 3))
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def test_surface_round_trip() -> None:
    points, normals = random_surface(5000)
    row = {"points": codec.encode_points(points), "normals": codec.encode_normals(normals)}
    assert (len(row["points"]), len(row["normals"])) == (30_000, 15_000)
    found_points, found_normals = codec.decode_surface(row)
    assert (found_points.dtype, found_normals.dtype) == (np.float32, np.float32)
    assert np.abs(found_points - points).max() * 32 <= 0.0005
    assert np.allclose(np.linalg.norm(found_normals, axis=1), 1, atol=1e-6)
    angles = np.degrees(np.arccos(np.clip((found_normals * normals).sum(axis=1), -1, 1)))
    assert angles.max() < 0.4
    theirs = stranger()["decode_surface"](row)
    assert np.array_equal(theirs[0], found_points)
    assert np.array_equal(theirs[1], found_normals)


def test_wrong_surfaces_are_refused() -> None:
    points, normals = random_surface(10)
    row = {"points": codec.encode_points(points), "normals": codec.encode_normals(normals)}
    for column, cell in (
        ("points", row["points"][:-1]), ("points", b""), ("normals", row["normals"][:-1]), ("points", None),
        ("normals", row["normals"][:-3]), ("normals", bytes(30)),
    ):  # fmt: skip
        with pytest.raises(codec.CellError):
            codec.decode_surface(row | {column: cell})
    for wrong in (np.zeros(3), np.zeros((2, 2)), np.full((1, 3), 1.01), np.full((1, 3), np.nan)):
        with pytest.raises(ValueError, match=r"shape|finite"):
            codec.encode_points(wrong)
