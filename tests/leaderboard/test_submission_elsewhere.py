"""Predictions made elsewhere: scored as the runner scores; nothing is said that nobody measured."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from submitting_process import FAR
from submitting_server import killed_everywhere

from benchmark.tasks import find_task
from leaderboard.asked import ask
from leaderboard.submission import SubmissionError, open_submission
from leaderboard.submission.answers import find_answers
from leaderboard.submission.elsewhere import from_predictions

MAX_FILE_BYTES = 64**3 * 8 + (1 << 17)
"""A volume of the widest floats, uncompressed, with headers."""
CASES = [f"e{subject}_{name}" for subject in range(3) for name in ("femur_left", "patella_left")]


@pytest.fixture
def predictions(run_of, tmp_path) -> Path:
    """What the method "fair" stored, as files of several kinds."""
    folder = tmp_path / "predictions"
    folder.mkdir()
    for number, case in enumerate(CASES):
        with np.load(run_of("fair") / "predictions" / f"{case}.npz") as stored:
            sdf = stored["shape"]
        match number % 4:
            case 0:
                np.save(folder / f"{CASES[number]}.npy", sdf)
            case 1:
                np.savez_compressed(folder / f"{CASES[number]}.npz", shape=sdf)
            case 2:
                np.save(folder / f"{CASES[number]}.npy", np.asfortranarray(sdf.astype(np.float32)))
            case 3:
                np.savez(folder / f"{CASES[number].replace('_', '%5F')}.npz", sdf.astype(np.float64))
    (folder / ".DS_Store").write_text("")
    return folder


def submit(folder: Path, data: Path, to: Path, **options: object) -> Path:
    return from_predictions(folder, "multiplane", data, options.pop("card", FAR), to, **options)  # type: ignore[arg-type]


def refused(code: str, folder: Path, data: Path, to: Path, *words: str, **options: object) -> str:
    with pytest.raises(SubmissionError) as caught:
        submit(folder, data, to, **options)
    assert caught.value.code == code, str(caught.value)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
    assert not to.exists() or list(to.iterdir()) == []
    return str(caught.value)


def test_the_rows_are_those_that_the_runner_writes(predictions, data_set, run_of, tmp_path) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = submit(predictions, data_set, tmp_path / "out", progress=lambda *step: seen.append(step))
    assert seen == [("scoring", done, 6) for done in range(7)]
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert folder.name.startswith("multiplane--elsewhere--")
    for name in ("cases.jsonl", "observations.jsonl"):
        assert (folder / name).read_bytes() == (run_of("fair") / name).read_bytes()
    stored = {row["case"]: row["shape"] for row in pq.read_table(folder / "predictions.parquet").to_pylist()}
    for case in CASES:
        with np.load(run_of("fair") / "predictions" / f"{case}.npz") as there:
            assert stored[case] == there["shape"].tobytes()


def test_nothing_is_said_that_nobody_measured(predictions, data_set, tmp_path) -> None:
    folder = submit(predictions, data_set, tmp_path / "out")
    said = open_submission(folder).document
    assert said["method"] == {"name": "elsewhere", "title": "Elsewhere", "control": False}
    assert said["made_by"] == "predictions"
    assert not {"hardware", "seeds", "samples_per_case", "paper", "notes"} & said.keys()
    run = json.loads((folder / "run.json").read_text())
    assert run["configuration"]["method"].keys() == {"name", "predictions_sha256"}
    assert not {"hardware", "created", "python"} & run.keys()
    assert not {"seed", "device"} & run["configuration"].keys()
    timings = [json.loads(line) for line in (folder / "timings.jsonl").read_text().splitlines()]
    assert timings == [{"case": case, "status": "ok"} for case in CASES]
    more = dataclasses.replace(FAR, samples_per_case=8, seeds=(1, 2), control=True)
    told = open_submission(submit(predictions, data_set, tmp_path / "out", card=more)).document
    assert (told["samples_per_case"], told["seeds"], told["method"]["control"]) == (8, [1, 2], True)


def test_the_same_predictions_give_the_same_bytes(predictions, data_set, tmp_path) -> None:
    first, second = (submit(predictions, data_set, tmp_path / name) for name in "ab")
    assert first.name == second.name
    assert submit(predictions, data_set, tmp_path / "a") == first


def test_missing_and_foreign_files_are_one_message(predictions, data_set, tmp_path) -> None:
    (predictions / f"{CASES[0]}.npy").unlink()
    told = refused("missing-cases", predictions, data_set, tmp_path / "out", f"1 missing: {CASES[0]}.npz")
    assert "--allow-missing" in told
    (predictions / "e9_heart.npz").write_bytes(b"")
    (predictions / "notes.txt").write_text("")
    (predictions / f"{CASES[1]}.npy").write_bytes(b"")  # there is an .npz of this case as well
    (predictions / "deeper").mkdir()
    (predictions / f"{CASES[0]}.npz").symlink_to("/etc/passwd")
    (predictions / "\x1b[2J.npz").write_bytes(b"")
    told = refused("predictions", predictions, data_set, tmp_path / "out", "1 missing", "6 that belong to no case")
    assert told.isprintable()
    refused("predictions", predictions, data_set, tmp_path / "out", "6 that belong", allow_missing=True)
    refused("predictions", tmp_path / "absent", data_set, tmp_path / "out", "no folder")


def test_missing_cases_can_be_allowed_and_are_scored_worst(predictions, data_set, run_of, tmp_path) -> None:
    for case in (CASES[0], CASES[5]):
        next(predictions.glob(f"{case}.np*")).unlink()
    folder = submit(predictions, data_set, tmp_path / "out", allow_missing=True)
    rows = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    worst = [row for row in rows if row["case"] in (CASES[0], CASES[5])]
    assert {row["status"] for row in worst} == {"missing"}
    assert [row["value"] for row in worst if row["metric"] == "dice"] == [0.0, 0.0]
    failed = [json.loads(line) for line in (run_of("faulty") / "cases.jsonl").read_text().splitlines()]
    assert [row | {"status": "crashed"} for row in worst if row["case"] == CASES[5]] == [
        row for row in failed if row["status"] == "crashed"
    ]
    assert pq.read_table(folder / "predictions.parquet")["case"].to_pylist() == CASES[1:5]
    for path in predictions.iterdir():
        path.unlink()
    refused("missing-cases", predictions, data_set, tmp_path / "none", "no prediction of any", allow_missing=True)


def test_nan_and_empty_volumes_are_failures(predictions, data_set, tmp_path) -> None:
    np.save(predictions / f"{CASES[0]}.npy", np.full((64, 64, 64), np.nan, np.float32))
    np.save(predictions / f"{CASES[2]}.npy", np.ones((64, 64, 64), np.float16))
    folder = submit(predictions, data_set, tmp_path / "out")
    timings = [json.loads(line)["status"] for line in (folder / "timings.jsonl").read_text().splitlines()]
    assert timings == ["not_finite", "ok", "empty", "ok", "ok", "ok"]
    assert len(pq.read_table(folder / "predictions.parquet")) == 4


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _zip(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, body in members:
            archive.writestr(name, body)
    return stream.getvalue()


VOLUME = np.full((64, 64, 64), -0.1, np.float16)
HUGE = _npy(VOLUME).replace(b"(64, 64, 64), }", b"(99999,64,64),}")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("npy", b""), ("npy", b"\x93NUMPY"), ("npy", _npy(VOLUME)[:-1]), ("npy", HUGE),
        ("npy", _npy(VOLUME[:63])), ("npy", _npy(VOLUME.astype(np.int16))), ("npy", _npy(VOLUME.astype(complex))),
        ("npy", _npy(np.zeros((10, 3)))), ("npy", pickle.dumps(VOLUME)),
        ("npy", b"\0" * (MAX_FILE_BYTES + 1)),
        ("npz", b"PK\x03\x04"), ("npz", _zip([])), ("npz", _zip([("a.npy", _npy(VOLUME)), ("b.npy", _npy(VOLUME))])),
        ("npz", _zip([("shape.npy", b"\0" * (1 << 26))])), ("npz", _zip([(f"{n}.npy", b"") for n in range(17)])),
        ("npz", _zip([("shape.npy", _npy(VOLUME))], zipfile.ZIP_LZMA)),
        ("npz", _zip([("shape.npy", pickle.dumps(VOLUME))])),
        ("npz", _zip([("shape.npy", HUGE)])),
    ],
)  # fmt: skip
def test_files_that_hold_no_volume_are_named(predictions, data_set, tmp_path, name, data) -> None:
    next(predictions.glob(f"{CASES[4]}.np*")).unlink()
    (predictions / f"{CASES[4]}.{name}").write_bytes(data)
    told = refused("predictions", predictions, data_set, tmp_path / "out", CASES[4])
    assert told.isprintable()
    assert len(told) < 600


def test_pickles_are_never_loaded(predictions, data_set, tmp_path) -> None:
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    stream = io.BytesIO()
    np.save(stream, np.array([Evil()], dtype=object), allow_pickle=True)
    (predictions / f"{CASES[0]}.npy").write_bytes(stream.getvalue())
    refused("predictions", predictions, data_set, tmp_path / "out", "Python objects")
    assert not (tmp_path / "owned").exists()


def test_a_file_that_changes_meanwhile_is_noticed(predictions, data_set) -> None:
    answers = find_answers(predictions, ask(find_task("multiplane"), data_set, "test"))
    np.save(predictions / f"{CASES[0]}.npy", VOLUME)
    with pytest.raises(SubmissionError, match="changed while it was read"):
        answers.prediction(CASES[0])


def test_what_the_card_has_to_say(predictions, data_set, tmp_path) -> None:
    for field, nothing in (("method", None), ("title", None), ("licence", None), ("training_sets", ())):
        card = dataclasses.replace(FAR, **{field: nothing})
        refused("card", predictions, data_set, tmp_path / "x", field, card=card)
    refused("schema", predictions, data_set, tmp_path / "x", "method", card=dataclasses.replace(FAR, method="../x"))
    for task, word in (("nothing", "nothing"), ("multiplane", "not a finished data set")):
        with pytest.raises(SubmissionError, match=word):
            from_predictions(predictions, task, tmp_path if task == "multiplane" else data_set, FAR, tmp_path / "x")


@pytest.mark.slow
def test_killed_while_scoring(submitting, predictions, data_set, tmp_path) -> None:
    killed_everywhere(submitting, f"{predictions}|{data_set}|multiplane", tmp_path / "kills", every=10)


def test_killed_once_while_scoring_goes_on_where_it_stopped(submitting, predictions, data_set, tmp_path) -> None:
    to = tmp_path / "out"
    assert submitting.make(f"{predictions}|{data_set}|multiplane", to, "before", 15)[0] == -9
    (work,) = to.iterdir()
    assert work.name.startswith(".work-")
    done = {json.loads(line)["case"] for line in (work / "cases.jsonl").read_text().splitlines()}
    assert 0 < len(done) < 6
    seen: list[tuple[str, int, int]] = []
    folder = submit(predictions, data_set, to, progress=lambda *step: seen.append(step))
    assert seen[0] == ("scoring", len(done), 6)
    assert [path.name for path in to.iterdir()] == [folder.name]
    shutil.rmtree(to)
    assert submit(predictions, data_set, to).name == folder.name
