"""The process that parses predictions: what it may take, what it may say, and what becomes of it."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_cells import SCHEMA

from benchmark.contract import CANONICAL, Prediction
from benchmark.spaces import SDF, most_bytes
from leaderboard.submission.predictions import write_predictions
from leaderboard.submission.strict_json import Limits
from leaderboard.verify import parsing
from leaderboard.verify.parsing_child import read_header, write_frame
from medshape_text.hashing import sha256

CASES = ["a/é", "b", "c"]
OUTPUTS = {"shape": SDF}
CELL_BYTES = most_bytes(SDF, CANONICAL)
PARQUET = "predictions.parquet"


def volumes():
    rng = np.random.default_rng(0)
    return {case: rng.uniform(-0.1, 0.1, (64, 64, 64)).astype("<f2") for case in CASES}


@pytest.fixture
def parquet(tmp_path):
    write_predictions(tmp_path / PARQUET, OUTPUTS, ((case, Prediction({"shape": v})) for case, v in volumes().items()))
    with (tmp_path / PARQUET).open("rb") as stream:
        yield stream


def read_cells(stream, cases, limits):
    return parsing.read_cells(stream, cases, {"shape": CELL_BYTES}, limits)


def instead(monkeypatch, program):
    """Have the parsing process be another program."""
    monkeypatch.setattr(parsing, "_PROGRAM", ("-c", program))


def test_cells_are_the_bytes_that_were_written(parquet):
    cells = read_cells(parquet, CASES, Limits())
    assert cells.refusal is None
    written = {case: {"shape": volume.tobytes()} for case, volume in volumes().items()}
    assert {case: cells.cells(case) for case in CASES} == written


def test_cases_may_be_missing_but_not_others(parquet):
    assert read_cells(parquet, [*CASES, "d"], Limits()).refusal is None
    other = read_cells(parquet, ["a/é", "b", "d"], Limits()).refusal
    assert (other.code, "no case of this split" in other.detail) == ("predictions-invalid", True)
    fewer = read_cells(parquet, CASES[:2], Limits()).refusal
    assert (fewer.code, "3 rows, there are 2 cases" in fewer.detail) == ("predictions-invalid", True)


def test_a_process_that_takes_too_much_memory_is_refused(tmp_path):
    # One page of 600 MB, honestly declared, in a file whose rows would allow for it.
    cell = bytes(CELL_BYTES)
    rows = [{"case": str(i), "sha256": sha256(cell), "shape": cell} for i in range(400)]
    options = {"compression": "zstd", "use_dictionary": False, "data_page_size": 2**30, "write_batch_size": 10**6}
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / PARQUET, **options)
    with (tmp_path / PARQUET).open("rb") as stream:
        cells = read_cells(stream, [str(i) for i in range(400)], Limits(parsing_bytes=2**27))
        assert cells.refusal.code in {"parser-limits", "predictions-invalid", "parser-died"}
        assert cells.peak_mib < 300


def test_a_process_that_never_answers_is_ended(parquet, monkeypatch):
    instead(monkeypatch, "import time; time.sleep(1000)")
    monkeypatch.setattr(parsing, "_STARTING_SECONDS", 0.2)
    refusal = read_cells(parquet, CASES, Limits(parsing_seconds=0.1)).refusal
    assert (refusal.code, "longer" in refusal.detail) == ("parser-limits", True)


def test_a_process_that_answers_byte_by_byte_is_ended(parquet, monkeypatch):
    instead(monkeypatch, "import os, time\nwhile True: os.write(1, b'\\0'); time.sleep(0.01)")
    monkeypatch.setattr(parsing, "_STARTING_SECONDS", 0.3)
    limits = Limits(parsing_seconds=0.1)
    assert read_cells(parquet, CASES, limits).refusal.code in {"parser-limits", "parser-died"}


def test_a_process_that_works_too_long_is_ended_by_the_system(parquet, monkeypatch):
    loop = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"
    instead(monkeypatch, loop)
    refusal = read_cells(parquet, CASES, Limits()).refusal
    assert refusal.code in {"parser-limits", "parser-died"}


def test_a_process_that_crashes_is_refused_with_how(parquet, monkeypatch):
    instead(monkeypatch, "import os; os.abort()")
    refusal = read_cells(parquet, CASES, Limits()).refusal
    assert (refusal.code, "SIGABRT" in refusal.detail) == ("parser-died", True)


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_process_that_was_taken_over_cannot_make_us_unpickle(parquet, monkeypatch, tmp_path, wrapped):
    data = pickle.dumps(Touch(tmp_path / "touched"))
    said = len(data).to_bytes(4, "little") + data if wrapped else data
    instead(monkeypatch, f"import os; os.write(1, {said!r})")
    assert read_cells(parquet, CASES, Limits()).refusal.code == "parser-died"
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("code", ["no-such-code", "scores-differ", "folder-invalid", "<script>", 7, None])
def test_a_process_cannot_invent_reasons(parquet, monkeypatch, code):
    frame = io.BytesIO()
    write_frame(frame, {"refused": code, "detail": "x" * 5000})
    instead(monkeypatch, f"import os; os.write(1, {frame.getvalue()!r})")
    refusal = read_cells(parquet, CASES, Limits()).refusal
    assert refusal.code == "parser-died"
    assert len(refusal.detail) <= 500


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xff\xff\xff\xff", b"\x02\0\0\0{]", b"\x02\0\0\0[]"])
def test_what_is_no_frame_is_the_end(data):
    assert read_header(io.BytesIO(data)) is None
