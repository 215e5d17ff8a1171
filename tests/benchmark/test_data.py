"""Cases and training shapes from a data set in the published layout."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest
from synthetic import rewrite_manifest, write_data_set

from benchmark.data import catalogue
from benchmark.data.catalogue import resolve
from benchmark.data.shapes import open_shapes
from benchmark.data.training import ShapeTrainingData, _Recent
from benchmark.errors import DataError, UnknownNameError
from benchmark.observations import observe
from medshape_text import decode_mesh, decode_sdf, load
from medshape_text.seeds import seed_for


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data_set(tmp_path_factory.mktemp("data") / "set")


def test_cases_are_the_rows_of_the_split_in_order(data):
    shapes = open_shapes(data, "test")
    rows = load(data, "sdf64", "test")
    assert list(shapes.ids) == list(rows["id"])
    for index, row in enumerate(rows):
        case = shapes.case(index, "triplane")
        assert (case.id, case.subject, case.category, case.origin) == tuple(
            row[name] for name in ("id", "subject", "category", "origin")
        )
        np.testing.assert_array_equal(case.truth, decode_sdf(row))
        assert case.millimetres_per_unit == 50.0


def test_no_subject_is_in_two_splits(data):
    subjects = [
        {shapes.case(i, "oneplane").subject for i in range(len(shapes.ids))}
        for shapes in (open_shapes(data, split) for split in ("train", "validation", "test"))
    ]
    assert all(subjects)
    assert len(set.union(*subjects)) == sum(map(len, subjects))


def test_observations_are_seeded_by_shape_and_prompt(data):
    case = open_shapes(data, "test").case(2, "broken")
    expected = observe("broken", case.truth, seed_for(case.id, "observation/broken"))
    np.testing.assert_array_equal(case.observation.value, expected.value)


def test_measured_captions_are_never_given_to_a_method(data):
    assert open_shapes(data, "test").case(0, "oneplane").text == "femur left"
    assert ShapeTrainingData(data).texts[0] == ["femur left"]


def test_unknown_physical_scale(tmp_path):
    shapes = open_shapes(write_data_set(tmp_path / "set", scale=None), "test")
    assert shapes.case(0, "oneplane").millimetres_per_unit is None


def test_training_data_is_the_training_split(data):
    training = ShapeTrainingData(data)
    sdfs, meshes = load(data, "sdf64", "train"), load(data, "mesh", "train")
    assert len(training) == len(sdfs) == 6
    assert training.revision == open_shapes(data, "test").revision
    assert training.ids == list(sdfs["id"])
    assert training.subjects == list(sdfs["subject"])
    assert set(training.origins) == {"real_subject", "synthetic_ssm"}
    for index in (4, 0, 4):
        np.testing.assert_array_equal(training.sdf(index), decode_sdf(sdfs[index]))
        np.testing.assert_array_equal(training.mesh(index)[0], decode_mesh(meshes[index])[0])
        np.testing.assert_array_equal(training.mesh(index)[1], decode_mesh(meshes[index])[1])
    assert set(training.ids).isdisjoint(open_shapes(data, "test").ids)


def test_shared_arrays_cannot_be_changed(data):
    training = ShapeTrainingData(data)
    with pytest.raises(ValueError, match="read-only"):
        training.sdf(0)[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        training.mesh(0)[0][0] = 0


def test_the_cache_forgets_the_least_recently_used():
    recent, made = _Recent(2, lambda value: 1), []

    def get(key):
        return recent.get(key, lambda: made.append(key) or key)

    assert [get(key) for key in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    assert made == [1, 2, 3, 2]


def test_a_folder_of_another_schema_version_is_one_clear_error(tmp_path):
    folder = write_data_set(tmp_path / "set")
    rewrite_manifest(folder, schema_version="99")
    with pytest.raises(DataError, match="schema version '99', this version reads '1'"):
        open_shapes(folder, "test")
    with pytest.raises(DataError, match="schema version"):
        ShapeTrainingData(folder)


def test_a_folder_that_is_no_data_set_and_an_unknown_split(tmp_path, data):
    with pytest.raises(DataError, match=r"manifest\.json"):
        open_shapes(tmp_path, "test")
    with pytest.raises(DataError, match="Did you mean 'test'"):
        _ = open_shapes(data, "tests").ids


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
    from medshape_text.cli import main

    assert inspect.signature(main).parameters["synthetic"].default == catalogue.MINI_SYNTHETIC


def test_a_failed_build_is_one_clear_error(tmp_path, monkeypatch):
    from medshape_text.sources import llp26, mini

    def unreachable(*_):
        raise llp26.SourceError("the network is unreachable")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mini, "open_mini", unreachable)
    with pytest.raises(DataError, match=r"could not be built in .*: the network is unreachable"):
        resolve("mini")
