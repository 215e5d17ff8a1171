"""Crashes, hangs and greed cost one item each; results do not depend on who does the work."""

from __future__ import annotations

import multiprocessing
import threading
import time
from functools import partial
from pathlib import Path

import faulty_task
import pytest
from faulty_task import FaultyTask

from medshape_text.engine import Limits, TaskError, on_ray, run_local

LIMITS = Limits(memory_bytes=2**31, seconds=3.0)
BATCHES = (
    ("fine", "segfault", "fine"),
    ("hang", "fine"),
    ("memory", "exit", "killed", "fine"),
    ("segfault once", "fine"),
    ("fine", "greedy", "greedy once"),
)
EXPECTED = {
    "0-0": "done", "0-1": "crashed", "0-2": "done", "1-0": "timeout", "1-1": "done", "2-0": "no memory",
    "2-1": "crashed", "2-2": "crashed", "2-3": "done", "3-0": "done", "3-1": "done", "4-0": "done",
    "4-1": "out-of-memory", "4-2": "done",
}  # fmt: skip


def outcomes(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.suffix != ".tried"}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_fault_costs_one_item(tmp_path: Path, workers: int) -> None:
    done = list(run_local(FaultyTask(tmp_path, BATCHES), range(len(BATCHES)), workers, LIMITS))
    assert sorted(done) == list(range(len(BATCHES)))
    assert outcomes(tmp_path) == EXPECTED
    assert not multiprocessing.active_children()


def test_a_full_disk_ends_the_work_as_itself_and_a_bug_as_a_task_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        list(run_local(FaultyTask(tmp_path, (("full disk",),)), [0], 1, LIMITS))
    assert caught.value.filename == "somewhere"
    with pytest.raises(TaskError, match=r"KeyError.*a mistake in the program"):
        list(run_local(FaultyTask(tmp_path, (("bug",),)), [0], 1, LIMITS))
    assert not multiprocessing.active_children()


def test_a_worker_lost_again_and_again_at_no_item_ends_the_work(tmp_path: Path) -> None:
    """Killed while it stores its results; the last item is blamed at first, but going without it does not help."""
    with pytest.raises(TaskError, match=r"lost 3 times while it was at no item.*SIGKILL"):
        list(run_local(FaultyTask(tmp_path, (("fine",),), dies_storing=True), [0], 1, LIMITS))
    with pytest.raises(TaskError, match=r"lost 3 times while it was at no item.*SIGKILL"):
        list(run_local(FaultyTask(tmp_path, ((),), dies_storing=True), [0], 1, LIMITS))
    assert not multiprocessing.active_children()


def test_a_connection_the_task_lost_is_not_taken_for_the_workers_own(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError, match="a server went away"):
        list(run_local(FaultyTask(tmp_path, (("lost connection",),)), [0], 1, LIMITS))


def test_leaving_early_leaves_no_process_and_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    work = run_local(FaultyTask(tmp_path, (("fine",), ("hang",), ("hang",))), range(3), 2, Limits(seconds=None))
    assert next(work) == 0
    work.close()
    assert not multiprocessing.active_children()
    end = time.monotonic() + 60
    while threading.active_count() > before:
        assert time.monotonic() < end, "a thread is left"
        time.sleep(0.05)


def test_nothing_to_do() -> None:
    assert list(run_local(FaultyTask(Path("nowhere"), ()), [], 2, LIMITS)) == []


@pytest.mark.slow
def test_ray_does_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an optional extra")
    monkeypatch.setenv("PYTHONPATH", str(Path(faulty_task.__file__).parent))  # what is not installed has to be found
    run = partial(on_ray.run, address=None)
    done = list(run(FaultyTask(tmp_path, BATCHES), range(len(BATCHES)), 2, LIMITS))
    assert sorted(done) == list(range(len(BATCHES)))
    assert outcomes(tmp_path) == EXPECTED


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is an optional extra")
    with pytest.raises(on_ray.RayMissingError, match=r"127\.0\.0\.1:9"):
        list(on_ray.run(FaultyTask(tmp_path, BATCHES), [0], 1, LIMITS, address="127.0.0.1:9"))
