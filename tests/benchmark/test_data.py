"""Cases and training shapes from a data set in the published layout."""

from __future__ import annotations

import inspect
import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from synthetic import rewrite_manifest, write_data_set

from benchmark.data import catalogue
from benchmark.data.catalogue import resolve
from benchmark.data.recent import Recent
from benchmark.data.rows import Rows
from benchmark.errors import DataError, UnknownNameError
from benchmark.tasks.shape_completion.cases import open_cases
from benchmark.tasks.shape_completion.prompts import observe
from benchmark.tasks.shape_completion.training import ShapeTrainingData
from medshape_text import decode_mesh, decode_sdf
from medshape_text.seeds import seed_for


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data_set(tmp_path_factory.mktemp("data") / "set")


def table(folder, config, split):
    """The rows of a split as pyarrow reads all its files at once."""
    return pq.read_table(sorted((folder / config).glob(f"{split}-*"))).to_pylist()


def ids(shapes):
    """Ids of all cases in order."""
    return [case_id for group in shapes.groups for case_id in group.cases]


def test_cases_are_the_rows_of_the_split_in_order(data):
    shapes = open_cases(data, "test", "triplane")
    rows = table(data, "sdf64", "test")
    assert [group.cases for group in shapes.groups] == [(row["id"],) for row in rows]
    assert ids(shapes) == [group.id for group in shapes.groups]
    for row in rows:
        case = shapes.case(row["id"])
        assert (case.id, case.subject, case.category, case.origin) == tuple(
            row[name] for name in ("id", "subject", "category", "origin")
        )
        np.testing.assert_array_equal(case.truth["shape"], decode_sdf(row))
        assert case.grid.millimetres_per_unit == 50.0


def test_no_subject_is_in_two_splits(data):
    subjects = [
        {shapes.case(case_id).subject for case_id in ids(shapes)}
        for shapes in (open_cases(data, split, "oneplane") for split in ("train", "validation", "test"))
    ]
    assert all(subjects)
    assert len(set.union(*subjects)) == sum(map(len, subjects))


def test_observations_are_seeded_by_shape_and_prompt(data):
    shapes = open_cases(data, "test", "broken")
    case = shapes.case(ids(shapes)[2])
    expected = observe("broken", case.truth["shape"], seed_for(case.id, "observation/broken"))
    np.testing.assert_array_equal(case.observation.value, expected.value)


def test_measured_captions_are_never_given_to_a_method(data):
    shapes = open_cases(data, "test", "oneplane")
    assert shapes.case(ids(shapes)[0]).text == "femur left"
    assert ShapeTrainingData(data).texts[0] == ["femur left"]


def test_unknown_physical_scale(tmp_path):
    shapes = open_cases(write_data_set(tmp_path / "set", scale=None), "test", "oneplane")
    assert shapes.case(ids(shapes)[0]).grid.millimetres_per_unit is None


def test_training_data_is_the_training_split(data):
    training = ShapeTrainingData(data)
    sdfs, meshes = table(data, "sdf64", "train"), table(data, "mesh", "train")
    assert len(training) == len(sdfs) == 6
    assert training.revision == open_cases(data, "test", "oneplane").revision
    assert training.ids == [row["id"] for row in sdfs]
    assert training.subjects == [row["subject"] for row in sdfs]
    assert set(training.origins) == {"real_subject", "synthetic_ssm"}
    for index in (4, 0, 4):
        np.testing.assert_array_equal(training.sdf(index), decode_sdf(sdfs[index]))
        np.testing.assert_array_equal(training.part(index, "shape"), decode_sdf(sdfs[index]))
        np.testing.assert_array_equal(training.mesh(index)[0], decode_mesh(meshes[index])[0])
        np.testing.assert_array_equal(training.mesh(index)[1], decode_mesh(meshes[index])[1])
    assert set(training.ids).isdisjoint(ids(open_cases(data, "test", "oneplane")))


def test_arrays_are_the_callers_own(data):
    training = ShapeTrainingData(data)
    volume, (vertices, _) = training.sdf(0), training.mesh(0)
    before = volume.copy(), vertices.copy()
    volume[:], vertices[:] = 0, 0
    np.testing.assert_array_equal(training.sdf(0), before[0])
    np.testing.assert_array_equal(training.mesh(0)[0], before[1])


def test_the_cache_forgets_the_least_recently_used():
    recent, made = Recent(2), []

    def get(key):
        return recent.get(key, lambda: made.append(key) or key, 1)

    assert [get(key) for key in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2]
    assert recent.get("large", lambda: "value", 99) == "value"
    assert get(2) == 2
    assert made == [1, 2, 3, 2, 2]


def test_a_folder_of_another_schema_version_is_one_clear_error(tmp_path):
    folder = write_data_set(tmp_path / "set")
    rewrite_manifest(folder, schema_version="99")
    with pytest.raises(DataError, match=r"schema version '99', this version .*reads '2'"):
        open_cases(folder, "test", "oneplane")
    with pytest.raises(DataError, match="schema version"):
        ShapeTrainingData(folder)


def test_a_folder_that_is_no_data_set_and_an_unknown_split(tmp_path, data):
    with pytest.raises(DataError, match=r"manifest\.json"):
        open_cases(tmp_path, "test", "oneplane")
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        _ = open_cases(data, "tests", "oneplane").groups


def test_a_split_without_shapes_and_a_damaged_file(tmp_path):
    folder = write_data_set(tmp_path / "set")
    files = json.loads((folder / "manifest.json").read_text())["files"]
    rewrite_manifest(folder, files={path: entry for path, entry in files.items() if "validation" not in path})
    with pytest.raises(DataError, match="no split 'validation'"):
        _ = open_cases(folder, "validation", "oneplane").groups
    (path,) = (folder / "sdf64").glob("test-*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="differs from the manifest"):
        _ = open_cases(folder, "test", "oneplane").groups
    path.unlink()
    with pytest.raises(DataError, match="No such file"):
        _ = open_cases(folder, "test", "oneplane").groups


def test_rows_across_groups_and_files(tmp_path, monkeypatch):
    monkeypatch.setattr("medshape_text.shards.ROWS_PER_GROUP", dict.fromkeys(("shapes", "sdf64", "surface", "mesh"), 2))
    folder = write_data_set(tmp_path / "set", rows_per_shard=5)
    rows, expected = Rows(folder, "sdf64", "train"), table(folder, "sdf64", "train")
    assert len(list((folder / "sdf64").glob("train-*"))) == 2
    assert len(rows) == len(expected) == 6
    for index in (0, 5, 4, 1, 2, 3):
        assert rows.heavy(index) == {name: expected[index][name] for name in ("sdf",)}
        assert rows.light[index]["id"] == expected[index]["id"]
    for index in (-1, 6):
        with pytest.raises(IndexError):
            rows.heavy(index)


def test_another_data_set_in_a_folder_of_the_same_name_is_another_data_set(tmp_path):
    for name, scale in (("one", 0.02), ("two", 0.04)):
        (tmp_path / name).mkdir()
        shapes = open_cases(write_data_set(tmp_path / name / "set", scale=scale), "test", "oneplane")
        assert shapes.case(ids(shapes)[0]).grid.millimetres_per_unit == pytest.approx(1 / scale)


def test_names_folders_and_typing_errors(tmp_path, monkeypatch, data):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []
    monkeypatch.setattr(catalogue, "_build_mini", lambda folder, progress: built.append(folder))
    assert resolve(str(data)) == data
    assert resolve("mini") == tmp_path / "genmed-bench" / "mini-v1"
    assert built == [tmp_path / "genmed-bench" / "mini-v1"]
    with pytest.raises(UnknownNameError, match="did you mean 'mini'"):
        resolve("minni")
    with pytest.raises(DataError, match="there is no folder"):
        resolve(f"nowhere{os.sep}data")


def test_an_existing_mini_is_not_built_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "genmed-bench").mkdir()
    folder = write_data_set(tmp_path / "genmed-bench" / "mini-v1")
    monkeypatch.setattr(catalogue, "_build_mini", lambda *_: pytest.fail("built again"))
    assert resolve("mini") == folder


def test_mini_is_built_as_the_command_line_builds_it_by_default():
    from medshape_text.cli.building import build

    assert inspect.signature(build).parameters["synthetic"].default == catalogue.MINI_SYNTHETIC


def test_a_failed_build_is_one_clear_error(tmp_path, monkeypatch):
    from medshape_text.sources import llp26, mini

    def unreachable(*_):
        raise llp26.SourceError("the network is unreachable")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mini, "open_mini", unreachable)
    with pytest.raises(DataError, match=r"could not be built in .*: the network is unreachable"):
        resolve("mini")


@pytest.mark.parametrize(("cores", "said", "workers"), [(1, None, 1), (2, None, 2), (64, None, 4), (64, "2", 2)])
def test_mini_is_built_by_as_many_workers_as_there_are_cores_to_spare(tmp_path, monkeypatch, cores, said, workers):
    from medshape_text import build as building
    from medshape_text.sources import mini

    told = {}
    monkeypatch.setattr("benchmark.cores.cpu_quota", lambda: None)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(mini, "open_mini", lambda *_: None)
    monkeypatch.setattr(building, "build", lambda *_, **how: told.update(how))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    resolve("mini")
    assert told["workers"] == workers
