"""Run folders: what is written, read back, refused."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from benchmark.contract import CANONICAL, Prediction
from benchmark.errors import RunError, WriteError
from benchmark.records import (
    Row,
    RunWriter,
    load_run,
    read_prediction,
    write_prediction,
)
from benchmark.records.files import append, exclusive, write_whole
from benchmark.records.predictions import prediction_path
from benchmark.spaces import SDF, prediction_problem, stored_form
from benchmark.tasks import Group
from medshape_text.files import locked

OUTPUTS = {"shape": SDF}
CONFIGURATION = {"method": {"name": "m"}, "task": {"name": "t"}, "seed": 0}


def make_row(case, metric="dice", value=0.5, status="ok"):
    return Row(case, "s", "bone", "real_subject", metric, f"{metric}|v1", value, status)


def fill(folder, cases, configuration=CONFIGURATION):
    writer = RunWriter(folder)
    folder.mkdir(exist_ok=True)
    writer.open(configuration, {"cases": list(cases)})
    for case in cases:
        rows = [make_row(case), make_row(case, "cd", 0.25)]
        writer.finish_case({"case": case, "seconds": 1.0, "status": "ok"}, {"case": case, "sha256": case}, None)
        writer.finish_group(rows)
    return writer


def two_rows(_, rows):
    return len(rows) == 2


def alone(*cases):
    """Every case a group of its own."""
    return [Group(case, (case,)) for case in cases]


def write(folder, case, sdf):
    write_prediction(folder, case, Prediction({"shape": sdf}), OUTPUTS)


def read(folder, case):
    return read_prediction(folder, case, OUTPUTS, CANONICAL).parts["shape"]


def test_what_is_written_is_read_back(tmp_path):
    fill(tmp_path / "run", ["a", "é/b"])
    run = load_run(tmp_path / "run")
    assert (run.method, run.task, run.case_ids) == ("m", "t", ["a", "é/b"])
    assert run.rows == (make_row("a"), make_row("a", "cd", 0.25), make_row("é/b"), make_row("é/b", "cd", 0.25))
    scores = run.scores()
    assert list(scores.columns) == [
        "case", "subject", "category", "origin", "metric", "signature", "value", "status"
    ]  # fmt: skip
    assert scores.pivot(index="case", columns="metric", values="value").loc["a", "cd"] == 0.25


def test_lines_hold_exactly_the_declared_fields(tmp_path):
    fill(tmp_path / "run", ["a"])
    line = (tmp_path / "run" / "cases.jsonl").read_text().splitlines()[0]
    assert line == (
        '{"case": "a", "subject": "s", "category": "bone", "origin": "real_subject", "metric": "dice", '
        '"signature": "dice|v1", "value": 0.5, "status": "ok"}'
    )


def test_nan_never_reaches_a_file():
    with pytest.raises(ValueError, match="JSON"):
        make_row("a", value=float("nan")).line()


@pytest.mark.parametrize("cut", range(1, 340, 13))
def test_a_file_torn_anywhere_goes_back_to_the_last_finished_case(tmp_path, cut):
    folder = tmp_path / "run"
    writer = fill(folder, ["a", "b", "c"])
    path = folder / "cases.jsonl"
    whole = path.read_bytes()
    per_case = len(whole) // 3
    path.write_bytes(whole[:-cut])
    done, status = writer.resume(alone("a", "b", "c"), two_rows)
    assert done == (len(whole) - cut) // per_case
    assert path.read_bytes() == whole[: done * per_case]
    assert len(load_run(folder).timings) == done
    assert status == dict.fromkeys(["a", "b", "c"][:done], "ok")


def test_a_torn_file_may_be_of_the_first_case(tmp_path):
    folder = tmp_path / "run"
    writer = fill(folder, ["a"])
    (folder / "cases.jsonl").write_text('{"case": "a", "sub')
    assert writer.resume(alone("a"), two_rows) == (0, {})
    assert (folder / "cases.jsonl").read_bytes() == b""


def test_another_configuration_is_refused_and_says_what_differs(tmp_path):
    folder = tmp_path / "run"
    writer = fill(folder, ["a"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(RunError, match=r"another configuration \(method.name: \"m\" there, \"n\" now; seed: 0 there"):
        writer.open(CONFIGURATION | {"method": {"name": "n"}, "seed": 1}, {})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_other_cases_damage_and_stray_results_are_refused(tmp_path):
    folder = tmp_path / "run"
    writer = fill(folder, ["a", "b"])
    with pytest.raises(RunError, match="other cases"):
        writer.resume(alone("b", "a"), two_rows)
    (folder / "cases.jsonl").write_text("{]\n{}\n")
    with pytest.raises(RunError, match="damaged"):
        writer.resume(alone("a", "b"), two_rows)
    with pytest.raises(RunError, match="cannot be read"):
        load_run(folder)
    (folder / "run.json").unlink()
    with pytest.raises(RunError, match=r"without a run\.json"):
        writer.open(CONFIGURATION, {})
    with pytest.raises(RunError, match="not a run folder"):
        load_run(folder)
    with pytest.raises(RunError, match="not a run folder"):
        load_run(tmp_path / "nowhere")


def test_a_folder_is_held_by_one_process(tmp_path):
    folder = tmp_path / "run"
    with exclusive(folder), pytest.raises(RunError) as caught, exclusive(folder):
        pytest.fail("two hold it")
    assert str(caught.value) == f"{folder} is in use by another process"
    with pytest.raises(KeyError), exclusive(folder):
        raise KeyError
    with exclusive(folder):
        pass
    # The mechanism is that of medshape_text, which lets go when its process is killed (tests there).
    with locked(folder / ".lock", ValueError()), pytest.raises(RunError), exclusive(folder):
        pytest.fail("two hold it")


def test_a_folder_that_cannot_be_made_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError, match="cannot write"), exclusive(tmp_path / "file" / "run"):
        pytest.fail("nothing can be held there")


def test_predictions_are_the_same_bytes_every_time(tmp_path, ellipsoid):
    sdf = ellipsoid()
    for name in ("one", "two"):
        write(tmp_path / name, "a/b", sdf)
    one, two = (prediction_path(tmp_path / name, "a/b") for name in ("one", "two"))
    assert one.parent == tmp_path / "one" / "predictions"
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert [(info.filename, info.date_time) for info in archive.infolist()] == [
            ("shape.npy", (1980, 1, 1, 0, 0, 0))
        ]
    np.testing.assert_array_equal(read(tmp_path / "one", "a/b"), sdf)


def test_stored_form_is_what_is_read_back_and_keeps_every_sign(tmp_path):
    rng = np.random.default_rng(0)
    sdf = (rng.normal(size=(64, 64, 64)) * 10.0 ** rng.integers(-12, 2, size=(64, 64, 64))).astype(np.float32)
    sdf[0, 0, :2] = (0.0, -0.0)
    write(tmp_path, "a", sdf)
    stored = read(tmp_path, "a")
    np.testing.assert_array_equal(stored, stored_form(sdf, SDF))
    np.testing.assert_array_equal(stored < 0, sdf < 0)
    assert np.abs(stored - np.clip(sdf, -0.2, 0.2)).max() < 1.3e-4
    assert np.abs(stored).max() <= np.float16(0.2)


def test_a_prediction_file_of_something_else_is_refused(tmp_path):
    path = prediction_path(tmp_path, "a")
    path.parent.mkdir()
    np.savez(path, shape=np.zeros((3, 3, 3), np.float16))
    with pytest.raises(ValueError, match="float16"):
        read(tmp_path, "a")
    buffer = io.BytesIO()
    np.savez(buffer, shape=np.array([{"code": "any"}], dtype=object))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="allow_pickle"):
        read(tmp_path, "a")


@pytest.mark.parametrize(
    ("prediction", "reason"),
    [
        (None, "wrong_type"),
        (np.zeros((64, 64, 64)), "wrong_type"),
        (Prediction({"shape": [[1.0]]}), "wrong_type"),
        (Prediction({"shape": np.zeros((64, 64, 64), np.int32)}), "wrong_type"),
        (Prediction({"shape": -np.ones((64, 64, 63))}), "wrong_shape"),
        (Prediction({"shape": -np.ones((1, 64, 64, 64))}), "wrong_shape"),
        (Prediction({"shape": np.full((64, 64, 64), np.nan)}), "not_finite"),
        (Prediction({"shape": np.full((64, 64, 64), -np.inf)}), "not_finite"),
        (Prediction({"shape": np.zeros((64, 64, 64))}), "empty"),
        (Prediction({"shape": -np.ones((64, 64, 64), np.float16)}), None),
    ],
)
def test_reasons_why_a_prediction_cannot_be_scored(prediction, reason):
    assert prediction_problem(prediction, OUTPUTS, CANONICAL) == reason


def test_a_refused_write_is_one_clear_error_and_leaves_no_half_file(tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"old")
    target_folder = tmp_path / "folder"
    target_folder.mkdir()
    with pytest.raises(WriteError, match=r"cannot write .*folder.*Finished cases are kept"):
        write_whole(target_folder, b"data")
    with pytest.raises(WriteError, match="No space left"):
        append(type(tmp_path)("/dev/full"), "line\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert target.read_bytes() == b"old"


def test_run_json_is_plain_json(tmp_path):
    fill(tmp_path / "run", ["a"])
    assert json.loads((tmp_path / "run" / "run.json").read_text())["configuration"] == CONFIGURATION
