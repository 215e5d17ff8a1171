"""A build adds up, gives the same bytes however it ran, and loses nothing when it is stopped or refused."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_source
from filelock import FileLock
from tiny_source import BROKEN, SUBJECTS, TinySource

from medshape_text import manifest
from medshape_text import work as working
from medshape_text.build import BuildError, build
from medshape_text.engine import Fault, Limits
from medshape_text.pipeline import Dropped, funnel
from medshape_text.stage import Stage
from medshape_text.work import Store, Work


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted build with one worker."""
    out = tmp_path_factory.mktemp("reference") / "tiny"
    build(TinySource(), out)
    return out


def test_counts_add_up_and_every_drop_says_why(reference: Path) -> None:
    dropped = {row["id"]: row for row in pq.read_table(reference / "dropped.parquet").to_pylist()}
    assert {name: row["reason"] for name, row in dropped.items()} == {
        f"{subject}_femur_left": reason for subject, reason in BROKEN.items()
    }
    assert dropped["tiny_07_femur_left"]["stage"] == "read"
    assert dropped["tiny_05_femur_left"]["stage"] == "inspect"
    found = manifest.read(reference)
    assert [(stage["name"], stage["n_in"], stage["n_out"]) for stage in found["stages"]][:4] == [
        ("read", 12, 11), ("worker", 11, 11), ("inspect", 11, 9), ("repair", 9, 9)]  # fmt: skip
    assert [stage["name"] for stage in found["stages"]][-2:] == ["deduplicate", "split"]
    for config in ("shapes", "sdf64", "surface", "mesh"):
        ids = [row["id"] for path in sorted((reference / config).glob("*.parquet"))
               for row in pq.read_table(path, columns=["id"]).to_pylist()]  # fmt: skip
        assert len(ids) == len(set(ids)) == 9
        assert set(ids) | set(dropped) == set(TinySource().ids())


def test_lost_shapes_are_noticed() -> None:
    with pytest.raises(ValueError, match="3 should have come through"):
        funnel(["read", "sdf"], 4, 2, [Dropped("a", "sdf", "r", "d")])
    with pytest.raises(ValueError, match="not in the pipeline"):
        funnel(["read", "sdf"], 4, 3, [Dropped("a", "elsewhere", "r", "d")])


def test_manifest_hashes_every_file_and_notices_a_changed_one(reference: Path, tmp_path: Path) -> None:
    found = manifest.read(reference)
    assert set(found["files"]) == set(contents(reference)) - {"manifest.json"}
    assert manifest.verify(reference) == []
    copy = tmp_path / "copy"
    shutil.copytree(reference, copy)
    with (copy / "NOTICE").open("ab") as stream:
        stream.write(b" ")
    assert manifest.verify(copy) == ["NOTICE"]
    edited = json.loads((copy / "manifest.json").read_text())
    edited["source"]["stretch"] = 2
    (copy / "manifest.json").write_text(json.dumps(edited))
    assert manifest.verify(copy) == ["manifest.json", "NOTICE"]


def test_two_workers_write_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    built = build(TinySource(), tmp_path / "two", workers=2)
    assert contents(tmp_path / "two") == contents(reference)
    assert built.revision == manifest.read(reference)["revision"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two", "two.timings.json"]  # no work folder is left


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_for(condition: object, seconds: float = 300) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_run_again_gives_the_same_bytes(reference: Path, tmp_path: Path, workers: int) -> None:
    out = tmp_path / "tiny"
    finished = tmp_path / ".tiny.partial" / "shapes"
    process = subprocess.Popen([sys.executable, tiny_source.__file__, str(out), str(workers), "0.3"])
    try:
        _wait_for(lambda: finished.exists() and len(list(finished.glob("[!.]*.arrow"))) >= 2)
        children = _children(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not out.exists()
    _wait_for(lambda: not any(_alive(child) for child in children))  # no worker is left waiting for a dead parent
    built = build(TinySource(), out, workers=workers, batch=2)
    assert 4 <= built.resumed < len(SUBJECTS)
    assert contents(out) == contents(reference)


def test_same_command_again_verifies_and_does_nothing(reference: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in reference.rglob("*")}
    again = build(TinySource(), reference)
    assert again.up_to_date
    assert again.revision == manifest.read(reference)["revision"]
    assert sum(again.rows.values()) == 9
    assert again.dropped == 3
    assert {path: path.stat().st_mtime_ns for path in reference.rglob("*")} == before


def test_work_that_a_killed_build_left_beside_a_finished_set_goes(reference: Path, tmp_path: Path) -> None:
    out = tmp_path / "tiny"
    shutil.copytree(reference, out)
    (tmp_path / ".tiny.partial" / "shapes").mkdir(parents=True)
    assert build(TinySource(), out).up_to_date
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_other_content_is_never_overwritten(reference: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="another source, version or options"):
        build(TinySource(stretch=1.1), reference)
    copy = tmp_path / "damaged"
    shutil.copytree(reference, copy)
    (copy / "NOTICE").write_text("edited")
    with pytest.raises(BuildError, match="damaged"):
        build(TinySource(), copy)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("precious")
    with pytest.raises(BuildError, match="not a data set"):
        build(TinySource(), other)
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(BuildError, match="not a data set"):
        build(TinySource(), file)
    assert (other / "thesis.txt").read_text() == file.read_text() == "precious"


def test_an_unwritable_place_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BuildError, match="could not write"):
        build(TinySource(), tmp_path / "file" / "out")


def test_a_second_build_of_the_same_folder_is_refused(tmp_path: Path) -> None:
    work = tmp_path / ".out.partial"
    work.mkdir()
    with FileLock(work / "lock"), pytest.raises(BuildError, match="another build is writing"):
        build(TinySource(), tmp_path / "out")


def test_a_full_disk_is_one_clear_error_and_loses_nothing(reference: Path, tmp_path: Path) -> None:
    """A limit on file size stands for the full disk: the system refuses the write in the same place."""
    out = tmp_path / "tiny"
    program = (
        "import sys, pathlib; from tiny_source import *; from medshape_text.build import BuildError\n"
        "try: build(TinySource(), pathlib.Path(sys.argv[1]), batch=2)\n"
        "except BuildError as error: sys.exit(f'ERROR {error}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(out)],
        cwd=Path(tiny_source.__file__).parent,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (350_000, 350_000)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("ERROR could not write")
    assert "run the same command to continue" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()
    assert build(TinySource(), out, batch=2).resumed == len(SUBJECTS)
    assert contents(out) == contents(reference)


def test_a_batch_of_large_meshes_is_no_more_than_one_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go to the disk while the batch is worked on, and the result is the same."""
    monkeypatch.setattr(working, "_MOST_WAITING", 1)
    source = TinySource()
    (batch,) = working.batches(source)
    kept = working.Store(tmp_path)
    Work(source, kept, (batch,), Limits())(0, {}, lambda _: None)
    with pa.memory_map(str(tmp_path / f"{batch.key}.arrow")) as stream:
        assert pa.ipc.open_file(stream).num_record_batches == 9 + 1  # one a shape, and the ending
    found = kept.read(batch.key, ["id", "mesh", "sdf", "signature"])
    monkeypatch.undo()
    Work(source, kept, (batch,), Limits())(0, {}, lambda _: None)
    assert found.equals(kept.read(batch.key, ["id", "mesh", "sdf", "signature"]))
    assert len(found) == 9
    assert [drop.reason for drop in kept.drops(batch.key)] == list(BROKEN.values())


def test_what_one_worker_has_no_memory_left_for_is_tried_in_a_new_one(tmp_path: Path) -> None:
    stages = [Stage("hoard", "1", tiny_source.hoard), *TinySource().stages]
    built = build(replace(TinySource(), stages=stages), tmp_path / "out", batch=4)
    assert built.reasons == {"out-of-memory": 1, "non-finite": 1, "too-few-faces": 1, "unreadable": 1}
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "dropped.parquet").to_pylist()}
    assert rows["tiny_03_femur_left"]["reason"] == "out-of-memory"  # it never has enough; tiny_09 does at last


def test_a_shape_given_up_under_other_limits_is_tried_again(tmp_path: Path) -> None:
    out, source = tmp_path / "out", TinySource()
    work = Store(tmp_path / ".out.partial" / "shapes")
    work.folder.mkdir(parents=True)
    planned = working.batches(source, 6)
    short = Limits(seconds=1)
    given_up = {"tiny_03_femur_left": Fault("timeout", "not done after 1 s")}
    for number in (0, 1):
        Work(source, work, tuple(planned), short)(number, given_up, lambda _: None)
    assert all(work.has(batch.key, short) for batch in planned)
    assert [work.has(batch.key, Limits()) for batch in planned] == [False, True]
    built = build(source, out, batch=6)
    assert built.resumed == 6
    assert "timeout" not in built.reasons


def test_finished_work_of_another_form_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {batch.key for batch in working.batches(TinySource())}
    monkeypatch.setattr(working, "SCHEMA_VERSION", "3")
    assert before.isdisjoint(batch.key for batch in working.batches(TinySource()))


def test_a_shape_that_kills_its_worker_costs_itself(reference: Path, tmp_path: Path) -> None:
    stages = [stage if stage.name != "surface" else Stage("surface", "x", tiny_source.deadly_surface)
              for stage in TinySource().stages]  # fmt: skip
    built = build(replace(TinySource(), stages=stages), tmp_path / "out", workers=2)
    assert built.reasons == {"crashed": 1, "non-finite": 1, "too-few-faces": 1, "unreadable": 1}
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "dropped.parquet").to_pylist()}
    assert rows["tiny_03_femur_left"]["stage"] == "worker"
    assert "SIGKILL" in rows["tiny_03_femur_left"]["detail"]
    assert sum(built.rows.values()) == 8


def test_an_error_nobody_foresaw_costs_one_shape(tmp_path: Path) -> None:
    stages = [*TinySource().stages, Stage("odd", "1", tiny_source.divide_by_zero)]
    built = build(replace(TinySource(), stages=stages), tmp_path / "out")
    assert built.reasons["error"] == 1
    assert sum(built.rows.values()) == 8
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "dropped.parquet").to_pylist()}
    assert rows["tiny_04_femur_left"]["stage"] == "odd"
    assert rows["tiny_04_femur_left"]["detail"] == "ZeroDivisionError: division by zero"


@pytest.mark.slow
def test_ray_writes_the_same_bytes(reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an optional extra")
    from medshape_text.engine import on_ray

    monkeypatch.setenv("PYTHONPATH", str(Path(tiny_source.__file__).parent))  # what is not installed has to be found
    build(TinySource(), tmp_path / "ray", workers=2, engine=on_ray.run, batch=3)
    assert contents(tmp_path / "ray") == contents(reference)


def test_the_size_of_batches_changes_nothing(reference: Path, tmp_path: Path) -> None:
    build(TinySource(), tmp_path / "five", batch=5)
    assert contents(tmp_path / "five") == contents(reference)


def test_a_copy_under_another_source_goes_and_a_declared_leak_is_named(tmp_path: Path) -> None:
    source = replace(TinySource(), twins={"tiny_09": "tiny_08"}, declared_splits={})

    built = build(source, tmp_path / "out")
    assert built.reasons["duplicate-shape"] == 1
    leaks = json.loads((tmp_path / "out" / "leaks.json").read_text())
    assert leaks["linked_persons"][0]["subjects"] == ["tiny_08", "tiny_09"]
    pairs = pq.read_table(tmp_path / "out" / "duplicates.parquet").to_pylist()
    assert [(pair["first"], pair["second"], pair["kind"]) for pair in pairs] == [
        ("tiny_08_femur_left", "tiny_09_femur_left", "rotated")]  # fmt: skip


def test_a_changed_stage_or_input_is_not_taken_from_finished_work(tmp_path: Path) -> None:
    work = tmp_path / ".out.partial"
    (work / "shapes").mkdir(parents=True)
    (work / "assembled").write_text("in the way of the second half")
    with pytest.raises(BuildError):
        build(TinySource(), tmp_path / "out")
    (work / "assembled").unlink()
    changed = [replace(stage, version="2") if stage.name == "surface" else stage for stage in TinySource().stages]
    assert build(replace(TinySource(), stages=changed), tmp_path / "out").resumed == 0


def test_timings_stand_beside_the_data_and_not_in_it(reference: Path) -> None:
    timings = json.loads(reference.with_name("tiny.timings.json").read_text())
    assert timings["revision"] == manifest.read(reference)["revision"]
    assert timings["shapes"] == len(SUBJECTS)
    assert set(timings["worker_seconds"]) == {"read", "encode", *(stage.name for stage in TinySource().stages)}
