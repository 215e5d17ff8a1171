"""From a list of links to shapes: what a name says, what a licence allows, and a drop for everything else."""

from __future__ import annotations

import hashlib
import pickle
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shape_pool
import trimesh
from medshapenet_server import Server, expected

from medshape_text.records import Shape
from medshape_text.sources.labels import SubjectTable, SubjectTableError, read_subject_table
from medshape_text.sources.medshapenet import open_medshapenet
from medshape_text.sources.medshapenet.rate_limits import FetchError, RateLimits
from medshape_text.sources.medshapenet.source import DamagedCacheError, Item, MedShapeNetSource
from medshape_text.stage import Drop

QUICK = RateLimits(stall_s=1, backoff_s=0.01, attempts=2, max_bytes=2**23)
NAMES = {
    "s0485_rib_left_2.nii.g_1.stl": ("rib_left_2", "left", "2", "bone", "CC-BY-4.0", True),
    "s0677_vertebrae_L3.nii.g_1.stl": ("vertebrae_L3", "none", "L3", "bone", "CC-BY-4.0", True),
    "061481_kidneyleft.stl": ("kidney_left", "left", "", "organ", "unknown (inferred autoPET)", False),
    "000000_tumoredbrain.stl": ("brain", "none", "", "brain", "unknown", False),
    "kidney_00102.stl": ("kidney", "none", "", "organ", "unknown", False),
}


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, MedShapeNetSource, Path]]:
    """The names above, one that is no anatomy, one that no category covers, and one that is missing."""
    folder = tmp_path_factory.mktemp("few")
    with Server() as server:
        urls = [server.add(name, "ok") for name in NAMES]
        urls += [server.add("001_instrument3DCOSI_BoneForceps.stl", "ok"), server.add("000123_gizmo.stl", "ok"),
                 server.add("s0485_liver.nii.g_1.stl", "missing"), server.add("s0486_liver.nii.g_1.stl", "truncated"),
                 server.add("s0487_liver.nii.g_1.stl", "ascii")]  # fmt: skip
        (folder / "list.txt").write_text("\n".join(urls))
        (folder / "meta.csv").write_text("image_id;age;gender;institute\ns0485;61;f;A\ns0677;nan;m;B\n061481;50;f;C\n")
        yield server, open_medshapenet(folder / "list.txt", folder / "cache", meta=folder / "meta.csv",
                                       rate_limits=QUICK), folder  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_becomes_a_shape(few, name) -> None:
    server, source, _ = few
    shape = source.read(name.removesuffix(".stl"))
    assert isinstance(shape, Shape), shape
    data = server.content(name)
    assert (shape.category, shape.side, shape.level, shape.super_class, shape.licence, shape.redistributable) \
        == NAMES[name]  # fmt: skip
    assert shape.input_sha256 == hashlib.sha256(data).hexdigest()
    assert shape.file_name == name
    assert not shape.millimetres
    assert shape.origin == "real_subject"
    peer = trimesh.load(trimesh.util.wrap_as_stream(data), file_type="stl", process=False)
    np.testing.assert_array_equal(shape.vertices[shape.faces], peer.vertices[peer.faces])


def test_whose_it_is_and_what_is_known_of_them(few) -> None:
    _, source, _ = few
    rib, vertebra, kidney, brain, renamed = (source.read(name.removesuffix(".stl")) for name in NAMES)
    assert (rib.age, rib.sex) == (61, "female")
    assert (vertebra.age, vertebra.sex) == (None, "male")
    assert (kidney.age, kidney.sex) == (None, ""), "the table speaks of TotalSegmentator's subjects alone"
    assert brain.pathology == "tumour"
    assert rib.source == "MedShapeNet/TotalSegmentator"
    assert [shape.flags for shape in (rib, vertebra, kidney, brain)] == [()] * 4
    assert renamed.flags == ("unknown-subject",)
    assert len({shape.subject for shape in (rib, vertebra, kidney, brain, renamed)}) == 5
    assert source.read("s0487_liver.nii.g_1").subject != rib.subject
    assert rib.subject.endswith("s0485")


@pytest.mark.parametrize(
    ("shape_id", "reason"),
    [
        ("001_instrument3DCOSI_BoneForceps", "not-anatomy"),
        ("000123_gizmo", "unknown-structure"),
        ("s0485_liver.nii.g_1", "not-found"),
        ("s0486_liver.nii.g_1", "truncated"),
    ],
)
def test_everything_else_is_dropped_with_a_reason(few, shape_id, reason) -> None:
    dropped = few[1].read(shape_id)
    assert isinstance(dropped, Drop)
    assert dropped.reason == reason
    assert dropped.detail


def test_ascii_files_are_read(few) -> None:
    assert len(few[1].read("s0487_liver.nii.g_1").faces) > 100


def test_a_pickled_copy_is_the_same_and_small(few) -> None:
    _, source, _ = few
    source.provenance()
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own bytes
    assert copy.ids() == source.ids()
    for shape_id in source.ids():
        assert copy.fingerprint(shape_id) == source.fingerprint(shape_id)
    assert copy.provenance() == source.provenance()
    assert "_by_id" not in copy.__getstate__()


def test_the_fingerprint_follows_all_that_goes_in(few) -> None:
    _, source, _ = few
    shape_id = "s0485_rib_left_2.nii.g_1"
    item = source.items[0]
    assert item.id == shape_id

    def changed(**changes: object) -> str:
        items = (item._replace(**{key: value for key, value in changes.items() if key in Item._fields}),)
        subjects = changes.get("subjects", source.subjects)
        return MedShapeNetSource(source.folder, items, source.listed, subjects).fingerprint(shape_id)

    same = changed()
    assert same == source.fingerprint(shape_id)
    assert changed(url="https://elsewhere.example/x.stl") == same, "where a file was from does not change the shape"
    older = SubjectTable({"s0485": (62, "female")})
    assert len({same, changed(sha256="0" * 64), changed(sha256="", reason="not-found", detail="HTTP 404"),
                changed(file_name="s0486_rib_left_2.nii.g_1.stl"), changed(subjects=older)}) == 5  # fmt: skip


def test_a_changed_file_in_the_cache_is_an_error_not_a_drop(few, tmp_path) -> None:
    _, _, folder = few
    source = open_medshapenet(folder / "list.txt", tmp_path / "cache", limit=1, rate_limits=QUICK)
    (path,) = [path for path in (tmp_path / "cache" / "files").rglob("*") if path.is_file()]
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DamagedCacheError, match="has changed"):
        source.read(source.ids()[0])
    path.unlink()
    with pytest.raises(DamagedCacheError, match="is gone"):
        source.read(source.ids()[0])


def test_offline_needs_no_network_and_gives_the_same(few, monkeypatch) -> None:
    _, source, folder = few

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    again = open_medshapenet(folder / "list.txt", folder / "cache", meta=folder / "meta.csv", offline=True)
    assert again.items == source.items
    assert again.provenance() == source.provenance()
    empty = open_medshapenet(folder / "list.txt", folder / "none", offline=True)
    assert {empty.read(shape_id).reason for shape_id in empty.ids()} == {"not-in-cache"}
    assert not (folder / "none" / "ledger.jsonl").exists()
    with pytest.raises(FetchError, match="never downloaded"):
        open_medshapenet("https://host.example/list.txt", folder / "none", offline=True)


def test_every_line_of_a_faulty_list_is_an_item_once(tmp_path) -> None:
    with Server(400, faults=0.3, seed=2, copies=2) as server:
        source = open_medshapenet(server.list_url, tmp_path, rate_limits=QUICK)
        wanted = expected(server.planned)
        assert open_medshapenet(server.list_url, tmp_path, rate_limits=QUICK, limit=50).ids() == source.ids()[:50]
    ids = source.ids()
    assert len(ids) == len(set(ids)) == 400
    refused = Counter(item.reason for item in source.items if item.reason)
    assert refused == Counter(wanted["refused"]["list"]) + Counter(wanted["refused"]["fetch"])
    results = {shape_id: source.read(shape_id) for shape_id in ids}
    drops = Counter(result.reason for result in results.values() if isinstance(result, Drop))
    drops.subtract(refused)
    drops.subtract(wanted["refused"]["read"])
    assert set(drops) - set(refused) - {"truncated"} <= {"unknown-structure"}
    assert sum(drops.values()) == drops["unknown-structure"]
    kept = {result.file_name: result for result in results.values() if isinstance(result, Shape)}
    for original, copy, kind in wanted["copies"]:
        assert kept[original].subject != kept[copy].subject
        assert kept[original].input_sha256 != kept[copy].input_sha256
        if kind != "mirrored":
            assert kept[original].category == kept[copy].category
    assert source.provenance()["failed"] == dict(sorted(refused.items()))
    assert len(list(source.links())) == 400


def test_a_hundred_thousand_links_are_no_burden(tmp_path) -> None:
    items = tuple(
        Item(f"s{n:06d}_liver.nii.g_1", f"s{n:06d}_liver.nii.g_1.stl", f"https://host.example/{'x' * 60}/s{n:06d}.stl",
             hashlib.sha256(str(n).encode()).hexdigest(), "", "") for n in range(114_075)
    )  # fmt: skip
    source = MedShapeNetSource(tmp_path, items, {})
    data = pickle.dumps(source, protocol=pickle.HIGHEST_PROTOCOL)
    assert len(data) < 40 * 2**20
    copy = pickle.loads(data)  # noqa: S301 - our own bytes
    assert copy.ids() == source.ids()


# The table of subjects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_of_subjects(tmp_path, delimiter, mark) -> None:
    rows = [["image_id", "AGE", "Gender", "note"], ["s0001", "61", "f", 'a "b"'], ["s0002", "47.0", "M", ""],
            ["s0003", "", "unknown", ""], ["s0004", "-4", "", ""], [], ["s0005", "999", "male", ""],
            ["s0001", "61", "f", "twice"]]  # fmt: skip
    path = tmp_path / "meta.csv"
    path.write_text(mark + "\r\n".join(delimiter.join(f'"{cell.replace(chr(34), 2 * chr(34))}"' for cell in row)
                                       for row in rows), encoding="utf-8")  # fmt: skip
    table = read_subject_table(path)
    assert [table.of(f"s000{n}") for n in range(1, 7)] == [
        (61, "female"), (47, "male"), (None, ""), (None, ""), (None, "male"), (None, ""),
    ]  # fmt: skip
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no columns"),
        (b"a;b;c\n1;2;3\n", "no columns"),
        (b"image_id;institute\ns1;A\n", "no columns"),
        (b"image_id;age\ns1\n", "line 2: 1 cells"),
        (b"image_id;age\n;4\n", "line 2"),
        (b"image_id;age\ns1;4\ns1;5\n", "line 3.*says otherwise"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not a UTF-8 text"),
        (b"image_id;age\0\n", "not a text"),
        (b'image_id;age\n"s1;4\n', "not a table"),
    ],
)
def test_tables_that_are_none(tmp_path, data, said) -> None:
    (tmp_path / "meta.csv").write_bytes(data)
    with pytest.raises(SubjectTableError, match=said):
        read_subject_table(tmp_path / "meta.csv")


# The server of these tests -----------------------------------------------------------------------------------------


def moments(mesh: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Volume, area and what a rigid motion leaves of where the vertices are."""
    solid = trimesh.Trimesh(*mesh, process=False)
    spread = np.linalg.eigvalsh(np.cov(solid.triangles_center.T, aweights=solid.area_faces))
    return np.array([np.cbrt(solid.volume), np.sqrt(solid.area), *np.sqrt(spread)])


def test_planted_copies_are_the_same_shape_and_nothing_else_is() -> None:
    bases = shape_pool.pool()
    mesh = shape_pool.shape_of("s0001_liver.nii.g_1.stl", "liver", bases)
    other = shape_pool.shape_of("s0002_liver.nii.g_1.stl", "liver", bases)
    assert np.abs(moments(mesh) / moments(other) - 1).max() > 0.05
    for copy in (shape_pool.rotated, shape_pool.mirrored, shape_pool.remeshed):
        made = copy(mesh, "copy")
        np.testing.assert_allclose(moments(made), moments(mesh), rtol=0.01, err_msg=copy.__name__)
        assert trimesh.Trimesh(*made, process=False).is_watertight
        assert np.abs(made[0].mean(axis=0) - mesh[0].mean(axis=0)).max() > 1
    assert len(shape_pool.remeshed(mesh, "copy")[1]) == 4 * len(mesh[1])
    # Only a reflection takes the mirrored copy back: fitted without one, the vertices stay apart.
    for copy, mirror in ((shape_pool.rotated, False), (shape_pool.mirrored, True)):
        _, _, plain = trimesh.registration.procrustes(copy(mesh, "copy")[0], mesh[0], reflection=False, scale=False)
        _, _, free = trimesh.registration.procrustes(copy(mesh, "copy")[0], mesh[0], reflection=True, scale=False)
        assert free < 1e-9
        assert (plain > 1e-3) == mirror


def test_all_base_shapes_are_closed_and_of_one_piece() -> None:
    for vertices, faces in shape_pool.pool():
        solid = trimesh.Trimesh(vertices, faces, process=False)
        assert solid.is_watertight
        assert solid.body_count == 1
        assert solid.volume > 0
        assert 500 <= len(faces) <= 3000
