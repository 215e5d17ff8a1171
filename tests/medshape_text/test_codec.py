"""Bytes and back: signs survive float16, PLY agrees with trimesh, wrong columns are refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_source import ellipsoid

from medshape_text import codec
from medshape_text.curate.sdf import sdf_from_mask


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.1875, 0.1875, width=32), min_size=1, max_size=50), st.integers(0, 2**31))
def test_sign_and_value_survive_float16(values: list[float], seed: int) -> None:
    sdf = np.random.default_rng(seed).uniform(-0.2, 0.2, (64, 64, 64)).astype(np.float32)
    sdf.ravel()[: len(values)] = values
    row = {"sdf": codec.encode_sdf(sdf), "mask": codec.encode_mask(sdf < 0)}
    decoded = codec.decode_sdf(row)
    assert np.array_equal(decoded < 0, sdf < 0)
    assert np.array_equal(codec.decode_mask(row), sdf < 0)
    assert np.abs(decoded - sdf).max() < 1e-4


@pytest.mark.parametrize("value", [-1e-45, -1e-9, -2e-8, -5.9e-8, -0.0, 0.0, 1e-9])
def test_sign_survives_underflow(value: float) -> None:
    sdf = np.full((64, 64, 64), 0.1, dtype=np.float32)
    sdf[1, 2, 3] = value
    assert (codec.decode_sdf({"sdf": codec.encode_sdf(sdf)}) < 0)[1, 2, 3] == (np.float32(value) < 0)


def test_axis_order_is_x_slowest_and_dtype_little_endian() -> None:
    sdf = np.full((64, 64, 64), 0.1, dtype=np.float32)
    sdf[5, 6, 7] = -0.125
    raw = codec.encode_sdf(sdf)
    position = 2 * (5 * 64 * 64 + 6 * 64 + 7)
    assert raw[position : position + 2] == b"\x00\xb0"  # -0.125 = -1 * 2**-3: sign 1, exponent 12, fraction 0
    bits = codec.encode_mask(sdf < 0)
    assert bits[(5 * 64 * 64 + 6 * 64 + 7) // 8] == 1 << (7 - 7 % 8)


def test_published_form_comes_from_the_mask() -> None:
    mask = np.zeros((64, 64, 64), dtype=bool)
    mask[10:50, 20:40, 30:33] = True
    assert np.array_equal(codec.published_sdf({"mask": codec.encode_mask(mask)}), sdf_from_mask(mask))


def test_ply_reads_the_same_with_trimesh_and_keeps_vertex_order() -> None:
    vertices, faces = ellipsoid((0.3, 0.5, 0.875))
    raw = codec.encode_ply(vertices, faces)
    theirs = trimesh.load(io.BytesIO(raw), file_type="ply", process=False)
    ours = codec.decode_mesh({"mesh": {"bytes": raw, "path": "a.ply"}})
    assert np.array_equal(ours[0], vertices.astype(np.float32))
    assert np.array_equal(ours[1], faces)
    assert np.array_equal(theirs.vertices, ours[0])
    assert np.array_equal(theirs.faces, faces)


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="plain format"):
        codec.decode_mask({"mask": b"\x01\x02"})
    with pytest.raises(ValueError, match="plain format"):
        codec.decode_sdf({"sdf": b"\x01\x02"})
    with pytest.raises(TypeError, match="decode=False"):
        codec.decode_mesh({"mesh": trimesh.creation.box()})
    whole = codec.encode_ply(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    for damaged in (b"", b"ply\n", whole[:-1], whole.replace(b"vertex 3", b"vertex 4")):
        with pytest.raises(ValueError, match="not a binary triangle PLY"):
            codec.decode_mesh({"mesh": {"bytes": damaged, "path": "a.ply"}})


def test_surface_round_trip() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (100, 3)).astype(np.float32)
    normals = rng.standard_normal((100, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    row = {"points": codec.encode_vectors(points, "<f4"), "normals": codec.encode_vectors(normals, "<f2")}
    found_points, found_normals = codec.decode_surface(row)
    assert np.array_equal(found_points, points)
    assert np.allclose(np.linalg.norm(found_normals, axis=1), 1, atol=1e-6)
    assert np.abs(found_normals - normals).max() < 1e-3
