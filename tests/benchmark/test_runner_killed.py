"""SIGKILL at every write, in the middle of appends and at random moments; a disk that fills up."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from interrupted_run import CASES
from sets_family import SIZES

PROGRAM = Path(__file__).with_name("interrupted_run.py")
REPOSITORY = Path(__file__).parents[2]


class Server:
    """Runs plans in forked processes that die as told."""

    def __init__(self, errors: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        self.errors = errors
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors.open("w"), text=True, env=environment,
        )  # fmt: skip

    def start(self, out, how="", when=0, what=""):
        self.process.stdin.write(f"{out}\t{how}\t{when}\t{what}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def ended(self):
        return int(self.process.stdout.readline())

    def run(self, out, how="", when=0, what=""):
        self.start(out, how, when, what)
        return self.ended()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server") / "errors.txt")
    yield running
    running.process.stdin.close()
    assert running.process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def reference(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference") / "run"
    assert server.run(folder) == 0
    return contents(folder)


def contents(folder):
    files = {path.name: path.read_bytes() for path in (folder / "predictions").iterdir()}
    return files | {name: (folder / name).read_bytes() for name in ("cases.jsonl", "observations.jsonl")}


def check_resumed(server, folder, reference, what="", cases=CASES):
    assert server.run(folder, what=what) == 0
    assert contents(folder) == reference
    assert len((folder / "timings.jsonl").read_text().splitlines()) == cases
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.parametrize("how", ["kill-before", "kill-after"])
def test_killed_at_every_write(server, reference, tmp_path, how):
    # run.json, then per case: prediction, timing, observation, rows.
    writes = 1 + CASES * 4
    for when in range(1, writes + 1):
        folder = tmp_path / f"{how}-{when}"
        assert server.run(folder, how, when) == -signal.SIGKILL, when
        check_resumed(server, folder, reference)
    assert server.run(tmp_path / "beyond", how, writes + 1) == 0


def test_killed_in_the_middle_of_every_append(server, reference, tmp_path):
    for when in range(1, 1 + CASES * 3):
        folder = tmp_path / f"tear-{when}"
        assert server.run(folder, "tear", when) == -signal.SIGKILL
        check_resumed(server, folder, reference)


@pytest.mark.parametrize(("how", "per_case"), [("kill-before", 3), ("kill-after", 3), ("tear", 2)])
def test_sets_that_are_scored_as_one_go_on_in_the_middle_of_a_set(server, tmp_path, how, per_case):
    assert server.run(tmp_path / "reference", what="sets") == 0
    reference = contents(tmp_path / "reference")
    cases = sum(SIZES.values())
    assert b"wrong_type" in reference["cases.jsonl"]  # one member fails, which has to be remembered
    # Of every case prediction (but of the failed one), timing and observation; of every set its rows.
    whole = 0 if how == "tear" else 1  # run.json is no append
    writes = whole + cases * per_case - whole + len(SIZES)
    for when in range(1, writes + 1):
        folder = tmp_path / f"{how}-{when}"
        assert server.run(folder, how, when, "sets") == -signal.SIGKILL, when
        check_resumed(server, folder, reference, "sets", cases)
    assert server.run(tmp_path / "beyond", how, writes + 1, "sets") == 0


def test_killed_again_and_again_at_random_moments(server, reference, tmp_path):
    rng = random.Random(0)  # noqa: S311  (when to kill is no secret)
    folder = tmp_path / "run"
    for _ in range(5):
        child = server.start(folder, "slow", 30)
        time.sleep(rng.uniform(0.02, 0.4))
        with contextlib.suppress(ProcessLookupError):  # it may have finished already
            os.kill(child, signal.SIGKILL)
        server.ended()
    check_resumed(server, folder, reference)


@pytest.mark.parametrize("limit", [0, 100, 5_000, 30_000])
def test_a_full_disk_is_one_clear_error_and_finished_cases_are_kept(server, reference, tmp_path, limit):
    folder = tmp_path / "run"
    before = server.errors.stat().st_size
    assert server.run(folder, "file-limit", limit) == 6
    complaint = server.errors.read_text()[before:]
    assert complaint.count("\n") == 1
    assert "cannot write" in complaint
    assert "File too large" in complaint
    check_resumed(server, folder, reference)
