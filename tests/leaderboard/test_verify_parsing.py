"""The process that parses predictions: what it may take, what it may say, and what becomes of it."""

from __future__ import annotations

import io
import pickle
import tempfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaderboard.submission.predictions import SCHEMA, write_predictions
from leaderboard.verify.limits import Limits
from leaderboard.verify.parsing import npz, parent
from leaderboard.verify.parsing.frames import CELL_BYTES, FaultError, read_header, write_frame
from leaderboard.verify.parsing.parent import read_cells
from medshape_text.hashing import sha256

CASES = ["a/é", "b", "c"]
PARQUET = "predictions.parquet"


def volumes():
    rng = np.random.default_rng(0)
    return {case: rng.uniform(-0.1, 0.1, (64, 64, 64)).astype("<f2") for case in CASES}


@pytest.fixture
def parquet(tmp_path):
    write_predictions(tmp_path / PARQUET, volumes().items())
    with (tmp_path / PARQUET).open("rb") as stream:
        yield stream


def instead(monkeypatch, program):
    """Have the parsing process be another program."""
    monkeypatch.setattr(parent, "_PROGRAM", program)


def test_cells_are_the_bytes_that_were_written(parquet):
    cells = read_cells(parquet, PARQUET, CASES, Limits())
    assert cells.refusal is None
    assert {case: cells.cell(case) for case in CASES} == {case: v.tobytes() for case, v in volumes().items()}


def test_an_archive_as_numpy_writes_it_gives_the_same_bytes():
    stream = tempfile.TemporaryFile()  # noqa: SIM115
    names = {npz.member_name(case).removesuffix(".npy"): volume for case, volume in volumes().items()}
    np.savez_compressed(stream, **names)
    cells = read_cells(stream, "predictions.npz", CASES, Limits())
    assert cells.refusal is None
    assert {case: cells.cell(case) for case in CASES} == {case: v.tobytes() for case, v in volumes().items()}


def test_cases_may_be_missing_but_not_others(parquet):
    assert read_cells(parquet, PARQUET, [*CASES, "d"], Limits()).refusal is None
    assert read_cells(parquet, PARQUET, ["a/é", "b", "d"], Limits()).refusal.code == "case-unknown"
    assert read_cells(parquet, PARQUET, CASES[:2], Limits()).refusal.code == "parquet-rows"


def test_a_process_that_takes_too_much_memory_is_refused(tmp_path):
    # One page of 600 MB, honestly declared, in a file whose rows would allow for it.
    cell = bytes(CELL_BYTES)
    rows = [{"case": str(i), "sha256": sha256(cell), "sdf": cell} for i in range(400)]
    options = {"compression": "zstd", "use_dictionary": False, "data_page_size": 2**30, "write_batch_size": 10**6}
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / PARQUET, **options)
    with (tmp_path / PARQUET).open("rb") as stream:
        cells = read_cells(stream, PARQUET, [str(i) for i in range(400)], Limits(parsing_bytes=2**27))
        assert cells.refusal.code in {"predictions-memory", "parquet-damaged", "parser-died"}
        assert cells.peak_mib < 300


def test_a_process_that_never_answers_is_ended(parquet, monkeypatch):
    instead(monkeypatch, "import time; time.sleep(1000)")
    monkeypatch.setattr(parent, "_STARTING_SECONDS", 0.2)
    assert read_cells(parquet, PARQUET, CASES, Limits(parsing_seconds=0.1)).refusal.code == "parser-timeout"


def test_a_process_that_answers_byte_by_byte_is_ended(parquet, monkeypatch):
    instead(monkeypatch, "import os, time\nwhile True: os.write(1, b'\\0'); time.sleep(0.01)")
    monkeypatch.setattr(parent, "_STARTING_SECONDS", 0.3)
    limits = Limits(parsing_seconds=0.1)
    assert read_cells(parquet, PARQUET, CASES, limits).refusal.code in {"parser-timeout", "parser-died"}


def test_a_process_that_works_too_long_is_ended_by_the_system(parquet, monkeypatch):
    loop = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"
    instead(monkeypatch, loop)
    refusal = read_cells(parquet, PARQUET, CASES, Limits()).refusal
    assert refusal.code in {"parser-timeout", "parser-died"}


def test_a_process_that_crashes_is_refused_with_how(parquet, monkeypatch):
    instead(monkeypatch, "import os; os.abort()")
    refusal = read_cells(parquet, PARQUET, CASES, Limits()).refusal
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
    assert read_cells(parquet, PARQUET, CASES, Limits()).refusal.code == "parser-died"
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("code", ["no-such-code", "<script>", 7, None])
def test_a_process_cannot_invent_reasons(parquet, monkeypatch, code):
    frame = io.BytesIO()
    write_frame(frame, {"refused": code, "detail": "x" * 5000})
    instead(monkeypatch, f"import os; os.write(1, {frame.getvalue()!r})")
    refusal = read_cells(parquet, PARQUET, CASES, Limits()).refusal
    assert refusal.code == "parser-died"
    assert len(refusal.detail) <= 500


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xff\xff\xff\xff", b"\x02\0\0\0{]", b"\x02\0\0\0[]"])
def test_what_is_no_frame_is_the_end(data):
    assert read_header(io.BytesIO(data)) is None


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_directory_of_members_is_looked_at_before_it_is_listed(where):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for index in range(5000):
            archive.writestr(f"{index}.npy", b"")
    stream.seek({"first": 0, "middle": 99, "last": 0}[where])
    with pytest.raises(FaultError) as caught:
        list(npz.cells(stream, 10))
    assert caught.value.code == "npz-members"


def test_the_header_is_what_numpy_writes():
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.zeros((64, 64, 64), "<f2"))
    assert stream.getvalue()[: -2 * 64**3] == npz.HEADER
