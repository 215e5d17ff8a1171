"""Reading strangers' shape files: every kind, and every way of being broken or malicious."""

from __future__ import annotations

import io
import json
import pickle
import socket
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh

from benchmark.data.clouds import BadShapeError, Cloud, Grid, Mesh, Sampling, limits, open_folder, read_shape
from benchmark.errors import DataError
from medshape_text.seeds import seed_for

# A tetrahedron: four vertices, four triangles, every face of another area.
VERTICES = np.array([[0.0, 0, 0], [3, 0, 0], [0, 2, 0], [0, 0, 1]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


@pytest.fixture
def tetrahedron() -> trimesh.Trimesh:
    return trimesh.Trimesh(VERTICES, FACES, process=False)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("a shape file made us open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refused(path: Path, reason: str, match: str | None = None) -> None:
    with pytest.raises(BadShapeError, match=match) as caught:
        read_shape(path)
    assert caught.value.reason == reason


def triangles(mesh: Mesh) -> set[frozenset[tuple[float, ...]]]:
    return {frozenset(map(tuple, corners)) for corners in mesh.vertices[mesh.faces]}


def glb(header: dict, body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def gltf(**changes: object) -> tuple[dict, bytes]:
    body = VERTICES.astype("<f4").tobytes() + FACES.astype("<u4").tobytes()
    header = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5125, "count": 12, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 48},
        ],
        "buffers": [{"byteLength": len(body)}],
    }
    return header | changes, body


# Meshes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["ply", "obj", "off", "stl", "glb", "PLY"])
def test_meshes_keep_their_triangles(tmp_path, tetrahedron, suffix):
    tetrahedron.export(tmp_path / "t", file_type=suffix.lower())
    mesh = read_shape((tmp_path / "t").rename(tmp_path / f"t.{suffix}"))
    assert isinstance(mesh, Mesh)
    assert triangles(mesh) == {frozenset(map(tuple, VERTICES[face])) for face in FACES}


def test_text_forms_and_polygons(tmp_path, tetrahedron):
    write(tmp_path / "a.ply", trimesh.exchange.ply.export_ply(tetrahedron, encoding="ascii"))
    write(tmp_path / "a.stl", trimesh.exchange.stl.export_stl_ascii(tetrahedron))
    for name in ("a.ply", "a.stl"):
        assert triangles(read_shape(tmp_path / name)) == {frozenset(map(tuple, VERTICES[face])) for face in FACES}
    square = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\n"
    assert len(read_shape(write(tmp_path / "square.obj", square)).faces) == 2


def test_a_scene_applies_its_transforms_in_a_fixed_order(tmp_path):
    header, body = gltf(
        scenes=[{"nodes": [0, 1]}],
        nodes=[{"mesh": 0, "translation": [10, 0, 0]}, {"mesh": 0, "scale": [2, 2, 2]}],
    )
    path = write(tmp_path / "scene.glb", glb(header, body))
    mesh = read_shape(path)
    moved = {frozenset(map(tuple, VERTICES[face] + [10, 0, 0])) for face in FACES}
    assert triangles(mesh) == moved | {frozenset(map(tuple, 2 * VERTICES[face])) for face in FACES}
    for _ in range(3):
        np.testing.assert_array_equal(read_shape(path).vertices, mesh.vertices)


def test_an_external_material_is_not_opened(tmp_path, monkeypatch):
    # The material is a file that cannot be opened; so is the texture of the PLY.
    text = "mtllib http://example.invalid/a.mtl\nmtllib ../secret.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    path = write(tmp_path / "a.obj", text)
    ply = write(
        tmp_path / "a.ply",
        "ply\nformat ascii 1.0\ncomment TextureFile /etc/hostname\nelement vertex 3\nproperty float x\n"
        "property float y\nproperty float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
        "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    )
    opened = []
    original = io.open

    def record(file, *arguments, **options):
        opened.append(str(file))
        return original(file, *arguments, **options)

    monkeypatch.setattr(io, "open", record)
    monkeypatch.setattr("builtins.open", record)
    assert len(read_shape(path).faces) == 1
    assert len(read_shape(ply).faces) == 1
    assert {name for name in opened if not name.endswith(".py")} <= {str(path), str(ply)}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"buffers": [{"uri": "http://example.invalid/a.bin", "byteLength": 96}]}, "external data"),
        ({"buffers": [{"uri": "../secret.bin", "byteLength": 96}]}, "external data"),
        ({"extensionsRequired": ["KHR_draco_mesh_compression"]}, "unreadable"),
        ({"nodes": [{"mesh": 0}] * 2_000_000, "scenes": [{"nodes": []}]}, "too large"),
        ({"nodes": [{"children": [1, 1]}, {"mesh": 0}]}, "unreadable"),
        ({"accessors": [{"componentType": 5126, "count": 10**12, "type": "VEC3"}]}, "unreadable"),
        ({"accessors": [{"bufferView": 0, "componentType": 5126, "count": -1, "type": "VEC3"}] * 2}, "unreadable"),
        ({"accessors": [{"bufferView": 0, "componentType": 5126, "count": 10**9, "type": "VEC3"}] * 2}, "too large"),
        ({"meshes": []}, "no faces"),
        ({"meshes": 3}, "unreadable"),
    ],
)  # fmt: skip
def test_scenes_that_reach_out_or_blow_up(tmp_path, change, reason):
    header, body = gltf(**change)
    refused(write(tmp_path / "a.glb", glb(header, body)), reason)


def test_a_nested_header_is_refused(tmp_path):
    header = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    data = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(header), len(header), b"JSON") + header
    refused(write(tmp_path / "a.glb", data), "unreadable")


@pytest.mark.parametrize("suffix", ["ply", "stl", "glb"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_files_cut_short_are_told_so(tmp_path, suffix, kept):
    data = trimesh.creation.icosphere(subdivisions=2).export(file_type=suffix)
    with pytest.raises(BadShapeError) as caught:
        read_shape(write(tmp_path / f"cut.{suffix}", data[: int(kept * len(data))]))
    assert caught.value.reason in {"truncated", "unreadable"}


def test_text_cut_short(tmp_path, tetrahedron):
    ply = trimesh.exchange.ply.export_ply(tetrahedron, encoding="ascii").decode().rstrip()
    refused(write(tmp_path / "a.ply", ply[: ply.rindex("\n")]), "truncated", "4 faces, there are 3")
    stl = trimesh.exchange.stl.export_stl_ascii(tetrahedron)
    refused(write(tmp_path / "a.stl", stl[: len(stl) // 2]), "truncated", "endsolid")
    binary = trimesh.exchange.stl.export_stl(tetrahedron)
    refused(write(tmp_path / "b.stl", binary + b"\n"), "truncated", "declares 4 triangles, the file has room for 4.02")
    off = trimesh.exchange.off.export_off(tetrahedron)
    refused(write(tmp_path / "a.off", off[: off.index("\n", 12)]), "unreadable")


def test_headers_that_promise_the_moon(tmp_path):
    head = "ply\nformat binary_little_endian 1.0\nelement vertex {}\n"
    head += "property float x\nproperty float y\nproperty float z\n"
    refused(write(tmp_path / "a.ply", head.format(10**15) + "end_header\n"), "too large")
    refused(write(tmp_path / "b.ply", head.format(10**6) + "end_header\n"), "truncated")
    refused(write(tmp_path / "c.ply", head.format(-5) + "end_header\n"), "unreadable")
    refused(write(tmp_path / "a.stl", bytes(80) + (2**32 - 1).to_bytes(4, "little") + bytes(50)), "truncated")
    refused(write(tmp_path / "a.off", "OFF\n1000000000000 1 0\n0 0 0\n"), "unreadable")


def test_a_file_of_empty_lines_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_LINES", 100)
    refused(write(tmp_path / "a.obj", "\n" * 1000), "too large", "1000 lines")


def test_a_file_over_the_size_limit_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "a.ply"
    with path.open("wb") as stream:
        stream.truncate(limits.MAX_BYTES + 1)
    monkeypatch.setattr(Path, "open", lambda *_, **__: pytest.fail("it was opened"))
    refused(path, "too large")


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.obj", "v 0 0 0\nv 1 0 0\n", "no faces"),
        ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "unreadable"),
        ("a.off", "OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n", "no faces"),
        ("a.stl", "solid a\nendsolid a\n", "no faces"),
        ("a.ply", "plywood", "unreadable"),
        ("a.ply", "", "empty file"),
        ("a.glb", "glTF", "unreadable"),
        ("a.stl", "\x00", "truncated"),
        ("a.xyz", "# nothing\n", "no points"),
        ("a.xyz", "1 2\n3 4\n", "wrong array"),
        ("a.xyz", "1 2 3\n4 5\n", "unreadable"),
        ("a.xyz", "one two three\n", "unreadable"),
        ("a.pts", "3\n0 0 0\n1 1 1\n", "truncated"),
        ("a.npy", "not numpy", "unreadable"),
        ("a.npz", "not a zip", "unreadable"),
    ],
)
def test_files_without_a_shape(tmp_path, name, data, reason):
    refused(write(tmp_path / name, data), reason)


# Clouds and grids -------------------------------------------------------------------------------------------------


def test_clouds(tmp_path):
    points = np.random.default_rng(0).normal(size=(7, 3))
    np.save(tmp_path / "a.npy", points)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(points))
    np.savez(tmp_path / "named.npz", points=points, colours=np.zeros(3))
    np.savez_compressed(tmp_path / "single.npz", whatever=points)
    np.savetxt(tmp_path / "plain.xyz", points, fmt="%.18g")
    np.savetxt(tmp_path / "normals.xyz", np.hstack([points, points]), fmt="%.18g", header="with normals")
    np.savetxt(tmp_path / "comma.xyz", points, fmt="%.18g", delimiter=",")
    np.savetxt(tmp_path / "a.pts", points, fmt="%.18g", header="7", comments="")
    for path in tmp_path.iterdir():
        shape = read_shape(path)
        assert isinstance(shape, Cloud), path
        np.testing.assert_array_equal(shape.points, points, err_msg=path.name)
    trimesh.PointCloud(points).export(tmp_path / "a.ply")
    np.testing.assert_allclose(read_shape(tmp_path / "a.ply").points, points, atol=1e-6)


def test_grids(tmp_path, ellipsoid):
    sdf = ellipsoid((26, 18, 14))
    np.save(tmp_path / "a.npy", sdf.astype(np.float16))
    np.savez(tmp_path / "b.npz", sdf=sdf, affine=np.eye(4))
    for path in tmp_path.iterdir():
        shape = read_shape(path)
        assert isinstance(shape, Grid)
        np.testing.assert_array_equal(shape.values, sdf)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 100)),
        np.zeros(12),
        np.zeros((4, 100, 3)),
        np.zeros((20, 20, 20), np.int32),
        np.zeros((5, 3), complex),
    ],
)
def test_other_arrays_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", "wrong array")


def test_pickles_are_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was loaded",))

    objects = np.empty(1, dtype=object)
    objects[0] = Bomb()
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", points=objects)
    refused(tmp_path / "a.npy", "pickled")
    refused(tmp_path / "a.npz", "pickled")
    refused(write(tmp_path / "raw.npy", pickle.dumps(Bomb())), "unreadable")


def test_arrays_that_are_not_there(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (10**13, 3)})
    refused(write(tmp_path / "a.npy", stream.getvalue() + bytes(240)), "truncated")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("points.npy", stream.getvalue())
    refused(tmp_path / "a.npz", "truncated")


def test_archives(tmp_path, monkeypatch):
    np.savez(tmp_path / "two.npz", a=np.zeros((4, 3)), b=np.zeros((4, 3)))
    refused(tmp_path / "two.npz", "wrong array", "it holds a, b")
    np.savez(tmp_path / "both.npz", points=np.zeros((4, 3)), sdf=np.zeros((8, 8, 8)))
    refused(tmp_path / "both.npz", "wrong array")
    np.savez_compressed(tmp_path / "bomb.npz", points=np.zeros((100_000, 3)))
    assert (tmp_path / "bomb.npz").stat().st_size < 10_000
    monkeypatch.setattr("benchmark.data.clouds.arrays.MAX_BYTES", 10_000)
    refused(tmp_path / "bomb.npz", "too large")


# From shapes to points ---------------------------------------------------------------------------------------------


def test_a_mesh_is_sampled_on_its_surface_with_the_seed_of_its_name():
    from benchmark.metrics import area_uniform_points

    points = Sampling("field").draw(Mesh(VERTICES, FACES), "name").points
    np.testing.assert_array_equal(
        points, area_uniform_points(VERTICES, FACES, 2048, seed_for("name", "field/points"))
    )  # fmt: skip
    # Each lies on one of the four planes: the axes' planes, or x/3 + y/2 + z = 1.
    x, y, z = points.T
    assert np.abs(x * y * z * (x / 3 + y / 2 + z - 1)).max() < 1e-12
    assert not np.array_equal(points, Sampling("field").draw(Mesh(VERTICES, FACES), "other").points)
    assert not np.array_equal(points, Sampling("field", seed=1).draw(Mesh(VERTICES, FACES), "name").points)


def test_a_cloud_gives_a_subset_or_fails():
    points = np.random.default_rng(0).normal(size=(100, 3))
    drawn = Sampling("field", 40).draw(Cloud(points), "a").points
    assert len({tuple(point) for point in drawn} & {tuple(point) for point in points}) == 40
    np.testing.assert_array_equal(drawn, Sampling("field", 40).draw(Cloud(points), "a").points)
    np.testing.assert_array_equal(Sampling("field", 100).draw(Cloud(points), "a").points, points)
    with pytest.raises(BadShapeError, match="too few points: 100, 101 are needed"):
        Sampling("field", 101).draw(Cloud(points), "a")


def test_genmed_samples_equal_those_of_the_profile(ellipsoid):
    from benchmark.tasks.shape_completion.profiles.genmed import genmed_points

    sdf = ellipsoid((26, 18, 14))
    np.testing.assert_array_equal(
        Sampling("genmed").draw(Grid(sdf), "case").points, genmed_points(sdf, seed_for("case", "genmed/padding"))
    )  # fmt: skip
    dot = np.full((64, 64, 64), 0.2, np.float32)
    dot[30, 30, 30] = -0.2
    sample = Sampling("genmed").draw(Grid(dot), "case")
    assert sample.padded
    np.testing.assert_array_equal(sample.points, genmed_points(dot, seed_for("case", "genmed/padding")))


def test_genmed_takes_vertices_of_the_surface_only():
    stray = np.concatenate([VERTICES, [[99.0, 99, 99]]])
    sample = Sampling("genmed", 4).draw(Mesh(stray, FACES), "a")
    assert not sample.padded
    assert {tuple(point) for point in sample.points} == {tuple(point) for point in VERTICES}


def test_a_grid_is_in_units_of_its_box():
    axes = np.indices((32, 32, 32)) - 15.5
    ball = (np.sqrt((axes**2).sum(axis=0)) - 8) / 16
    points = Sampling("field").draw(Grid(ball.astype(np.float32)), "ball").points
    radii = np.linalg.norm(points - 15.5 / 32, axis=1)
    np.testing.assert_allclose(radii, 8 / 32, rtol=0.02)


@pytest.mark.parametrize("normalise", ["shape", "box"])
def test_normalised_shapes_forget_size_and_position(normalise):
    points = np.random.default_rng(0).normal(size=(50, 3)) * [3, 2, 1]
    small = Sampling("field", 50, normalise).draw(Cloud(points), "a").points
    large = Sampling("field", 50, normalise).draw(Cloud(1000 * points + 7), "a").points
    np.testing.assert_allclose(small, large, atol=1e-9)
    if normalise == "box":
        assert (small.max(axis=0) + small.min(axis=0)) == pytest.approx(0)
        assert np.abs(small).max() == pytest.approx(1)
    else:
        assert small.mean(axis=0) == pytest.approx(0)
        assert small.std() == pytest.approx(1)


@pytest.mark.parametrize("convention", ["field", "genmed"])
@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (Cloud(np.full((3000, 3), np.nan)), "not finite"),
        (Cloud(np.full((3000, 3), np.inf)), "not finite"),
        (Cloud(np.full((3000, 3), 1e20)), "too large"),
        (Mesh(np.where(VERTICES == 3, np.nan, VERTICES), FACES), "not finite"),
        (Grid(np.full((8, 8, 8), np.nan, np.float32)), "not finite"),
        (Grid(np.ones((8, 8, 8), np.float32)), "no surface"),
    ],
)
def test_shapes_that_are_none(convention, shape, reason):
    with pytest.raises(BadShapeError) as caught:
        Sampling(convention).draw(shape, "a")
    assert caught.value.reason == reason


def test_shapes_without_area_or_extent():
    with pytest.raises(BadShapeError, match="no area"):
        Sampling("field").draw(Mesh(np.zeros((4, 3)), FACES), "a")
    with pytest.raises(BadShapeError, match="no extent"):
        Sampling("field", 10, "box").draw(Cloud(np.ones((10, 3))), "a")


def test_a_grid_of_noise_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(limits, "MAX_POINTS", 1000)
    monkeypatch.setattr("benchmark.data.clouds.sampling.MAX_POINTS", 1000)
    noise = np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32)
    with pytest.raises(BadShapeError, match="vertices of the surface"):
        Sampling("field").draw(Grid(noise), "a")


# Folders -----------------------------------------------------------------------------------------------------------


def test_folders_are_listed_by_name(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("b.ply", "a.ply", "a.STL", "notes.txt", ".hidden.ply", "deep/c.obj", "deep/a.ply"):
        (tmp_path / name).touch()
    flat, deep = open_folder(tmp_path), open_folder(tmp_path, recursive=True)
    assert flat.names == ["a.STL", "a.ply", "b.ply"]
    assert deep.names == ["a.STL", "a.ply", "b.ply", "deep/a.ply", "deep/c.obj"]
    assert flat.unknown == deep.unknown == ["notes.txt"]


def test_folders_without_shapes(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        open_folder(tmp_path / "missing")
    with pytest.raises(DataError, match=r"no shapes.*--recursive"):
        open_folder(tmp_path)
