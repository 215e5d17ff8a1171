"""An external method through the commands people type: progress on the console, its environment in the record."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from external_methods import make_method
from synthetic import write_data_set
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.errors import MethodError
from benchmark.planning import Request, prepare
from benchmark.runner import execute

# The standard library writes the same box for every case: an array header and 64 ** 3 half-precision numbers.
BOX = r"""
import json, os, struct, sys
requests, predictions = sys.argv[1:3]
head = b"{'descr': '<f2', 'fortran_order': False, 'shape': (64, 64, 64), }"
head += b" " * (117 - len(head)) + b"\n"
inside, outside = struct.pack("<e", -0.1), struct.pack("<e", 0.1)
box = outside * 64**3
rows = bytearray(box)
for x in range(20, 40):
    for y in range(20, 40):
        at = 2 * ((x * 64 + y) * 64 + 20)
        rows[at:at + 40] = inside * 20
cases = json.load(open(f"{requests}/requests.json"))["cases"]
for number, case in enumerate(cases, start=1):
    folder = f"{predictions}/{case['folder']}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/t.tmp", "wb") as stream:
        stream.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + rows)
    os.rename(f"{folder}/t.tmp", f"{folder}/shape.npy")
    print(f"PROGRESS {number}/{len(cases)}")
"""


@pytest.fixture
def box(tmp_path, monkeypatch):
    """The folder of a method, a data set, and a working folder with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    write_data_set(tmp_path / "set")
    command = ["python", "box.py", "{requests}", "{predictions}"]
    fit = ["python", "-c", "print('PROGRESS 1/2'); print('PROGRESS 2/2')"]
    folder = make_method(tmp_path / "somewhere", {"box.py": BOX}, command=command, fit_command=fit)
    spec = folder / "spec.toml"
    spec.write_text(spec.read_text().replace('"any"', '"shape-completion"'))
    return folder


def test_it_runs_by_its_path_shows_what_it_does_and_is_told_in_the_record(box, tmp_path):
    steps = []
    plan = prepare(Request(str(box), "triplane", "set", device="cpu"), lambda *step: steps.append(step))
    assert plan.out == Path("runs/triplane/outsider-set")
    run = execute(plan)
    assert {timing["status"] for timing in run.timings.values()} == {"ok"}
    building = [step for step in steps if step[0] == "environment of outsider"]
    assert building == [("environment of outsider", done, 2) for done in range(3)]
    assert [step[1:] for step in steps if step[0] == "outsider"] == [(done, 6) for done in range(1, 7)]
    told = run.provenance["method"]
    assert told["python"] == ".".join(platform.python_version_tuple()[:2])
    assert told["installed"] == []
    assert Path(tmp_path, "cache", "genmed-bench", "environments", told["environment"][:32]).is_dir()
    assert told["network"]
    assert "installed" not in json.dumps(run.configuration)


def test_a_finished_run_is_shown_again_without_its_environment(box, tmp_path):
    run = execute(prepare(Request(str(box), "triplane", "set", device="cpu")))
    plan = prepare(Request(str(box), "triplane", "set", device="cpu"))
    plan.method.prepare = lambda: pytest.fail("nothing has to be built")
    assert execute(plan).provenance == run.provenance


def test_an_environment_that_cannot_be_built_ends_the_run_before_it_starts(box, tmp_path):
    path = box / "environment.toml"
    path.write_text(
        'requirements = ["no-such @ file:///nowhere/no_such.whl#sha256=%s"]\n' % ("0" * 64) + path.read_text()
    )
    plan = prepare(Request(str(box), "triplane", "set", device="cpu"))
    with pytest.raises(MethodError, match="environment cannot be built"):
        execute(plan)
    assert not (plan.out / "run.json").exists()


def test_learning_is_shown_on_the_console(box, tmp_path):
    asked = ["fit", "--method", str(box), "--config", "default", "--data", "set", "--out", "weights", "--device", "cpu"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    for line in ("environment of outsider", "outsider", "2/2"):
        assert line in result.output


def test_checking_builds_the_environment_where_it_can_be_seen(box, monkeypatch):
    steps = []
    monkeypatch.setattr("benchmark.cli.checking.Steps", lambda bars: lambda *step: steps.append(step))
    result = CliRunner().invoke(
        app, ["check-method", str(box), "--task", "triplane", "--data", "set", "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    assert steps == [("environment of outsider", done, 2) for done in range(3)]
