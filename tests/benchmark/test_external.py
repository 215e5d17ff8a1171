"""External methods end to end: environments, commands that answer, die, hang or are killed, and finding them."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import external_methods
import numpy as np
import pytest
from external_methods import ECHO, NUMPY, make_method, make_request, shell

from benchmark.contract import BatchMethod, Fittable, MethodContext, Prediction
from benchmark.errors import MethodError
from benchmark.external.method import external_method
from benchmark.external.process import network_prefix
from benchmark.methods import find_method
from benchmark.spaces import SDF

# A shape for all cases, made without numpy: a header and 512 half-precision numbers, -0.1 (0x2e66, negative).
ONE = r"""
one() {
  printf '\223NUMPY\001\000\166\000' >"$1"
  printf "%-117s\n" "{'descr': '<f2', 'fortran_order': False, 'shape': (8, 8, 8), }" >>"$1"
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    printf '\146\256\146\256\146\256\146\256\146\256\146\256\146\256\146\256' >>"$1"
    printf '\146\256\146\256\146\256\146\256\146\256\146\256\146\256\146\256' >>"$1"
    printf '\146\256\146\256\146\256\146\256\146\256\146\256\146\256\146\256' >>"$1"
    printf '\146\256\146\256\146\256\146\256\146\256\146\256\146\256\146\256' >>"$1"
  done
}
answer() {
  mkdir -p "$PREDICTIONS/$1"
  one "$PREDICTIONS/$1/t.tmp"
  mv "$PREDICTIONS/$1/t.tmp" "$PREDICTIONS/$1/shape.npy"
}
cases() { ls "$REQUESTS" | grep -v requests.json; }
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def answers(folder: Path, requests, workdir: Path, **context):
    told = {}
    method = external_method(folder, "outsider", MethodContext(**context))
    assert isinstance(method, BatchMethod)

    def tell(case_id, answer):
        assert case_id not in told
        told[case_id] = answer

    method.predict_all(requests, workdir, tell)
    return told


@pytest.fixture
def echo(tmp_path):
    command = ["python", "echo.py", "{requests}", "{predictions}"]
    folder = make_method(tmp_path / "echo", {"echo.py": ECHO}, requirements=[NUMPY], command=command)
    try:
        external_method(folder, "outsider", MethodContext()).prepare()
    except MethodError as error:
        pytest.skip(f"no environment can be built here: {error}")
    return folder


def test_a_script_with_numpy_in_its_own_environment_answers(echo, tmp_path):
    requests = [make_request("a/b c", seed=3), make_request("..", seed=4)]
    told = answers(echo, requests, tmp_path / "work")
    for request in requests:
        noise = np.random.default_rng(request.seed).normal(size=(8, 8, 8)).astype("float32")
        expected = request.observation.value + noise / 100
        assert told[request.case_id].parts["shape"].dtype == np.float32
        np.testing.assert_array_equal(told[request.case_id].parts["shape"], expected)
    assert "PROGRESS 2/2" in (tmp_path / "work" / "log.txt").read_text()


def test_the_environment_is_its_own_and_is_told(echo):
    method = external_method(echo, "outsider", MethodContext())
    told = method.provenance()
    assert told["installed"] == [NUMPY]
    assert (method.prepare().folder / "bin" / "python").exists()
    steps = []
    method.progress = lambda *step: steps.append(step)
    method.prepare()
    assert not steps  # it is built once


def test_whole_predictions_in_the_work_folder_are_not_asked_again(tmp_path):
    folder = shell(tmp_path / "m", ONE + "for c in $(cases); do echo $c >>asked.txt; answer $c; done")
    requests = [make_request(f"c{i}") for i in range(3)]
    assert len(answers(folder, requests[:2], tmp_path / "w")) == 2
    assert len(answers(folder, requests, tmp_path / "w")) == 3
    assert (tmp_path / "w" / "work" / "asked.txt").read_text().split() == ["c0", "c1", "c2"]
    # Another seed is another request, and a changed method another method.
    assert len(answers(folder, [make_request("c0", seed=9)], tmp_path / "w")) == 1
    assert (tmp_path / "w" / "work" / "asked.txt").read_text().split() == ["c0", "c1", "c2", "c0"]
    (folder / "data.bin").write_bytes(b"other")
    assert len(answers(folder, requests, tmp_path / "w")) == 3
    assert (tmp_path / "w" / "work" / "asked.txt").read_text().split() == ["c0", "c1", "c2"]


def test_a_case_that_kills_the_command_takes_no_other_with_it(tmp_path):
    script = "for c in $(cases); do [ $c = c1 ] && { echo oops $c; kill -9 $$; }; answer $c; done"
    told = answers(shell(tmp_path / "m", ONE + script), [make_request(f"c{i}") for i in range(4)], tmp_path / "w")
    assert told.pop("c1") == "crashed"
    assert sorted(told) == ["c0", "c2", "c3"]
    assert all(isinstance(answer, Prediction) for answer in told.values())


def test_a_case_it_hangs_on_is_a_timeout_and_nothing_is_left_running(tmp_path):
    script = "for c in $(cases); do [ $c = c1 ] && { setsid sleep 3333 & sleep 3333; }; answer $c; done"
    folder = shell(tmp_path / "m", ONE + script, timeout_seconds=0.7)
    told = answers(folder, [make_request(f"c{i}") for i in range(3)], tmp_path / "w")
    assert told.pop("c1") == "timeout"
    assert all(isinstance(answer, Prediction) for answer in told.values())
    assert "sleep 3333" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_cases_left_out_are_missing(tmp_path):
    told = answers(
        shell(tmp_path / "m", ONE + "answer c0; mkdir -p $PREDICTIONS/c2; echo broken CT >$PREDICTIONS/c2/error.txt"),
        [make_request(f"c{i}") for i in range(3)],
        tmp_path / "w",
    )
    assert isinstance(told["c0"], Prediction)
    assert told["c1"] == "missing"
    assert told["c2"] == "reported_error"
    assert "broken CT" in (tmp_path / "w" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("script", "declared", "complaint"),
    [
        ("echo first; echo No module named x >&2; exit 3", {}, r"exit code 3; its last lines: first \| No module"),
        ("sleep 3335", {"timeout_seconds": 0.5}, "finished nothing for 0.5 seconds"),
        ("echo nothing to do", {}, "ended well and wrote no predictions"),
    ],
)
def test_a_command_that_never_answers_is_one_clear_error(tmp_path, script, declared, complaint):
    folder = shell(tmp_path / "m", script, **declared)
    with pytest.raises(MethodError, match=complaint) as caught:
        answers(folder, [make_request("c0"), make_request("c1"), make_request("c2")], tmp_path / "w")
    assert "\n" not in str(caught.value)


def test_a_command_that_does_not_exist(tmp_path):
    folder = make_method(tmp_path / "m", {}, command=["no-such-program"])
    with pytest.raises(MethodError, match="'no-such-program' is not found"):
        answers(folder, [make_request("c0")], tmp_path / "w")


def test_a_command_that_takes_too_much_memory(tmp_path):
    greedy = "import time\nheld = b'x' * 2**28\ntime.sleep(60)"
    folder = make_method(tmp_path / "m", {"m.py": greedy}, command=["python", "m.py"], memory_gib=0.1)
    with pytest.raises(MethodError, match=r"more than 0.1 GiB"):
        answers(folder, [make_request("c0")], tmp_path / "w")


@pytest.mark.skipif(not network_prefix(), reason="this system does not let users forbid the network")
def test_there_is_no_network(tmp_path):
    script = "grep -c : /proc/net/dev >$PREDICTIONS/../interfaces.txt; answer c0"
    answers(shell(tmp_path / "m", ONE + script), [make_request("c0")], tmp_path / "w")
    assert (tmp_path / "w" / "interfaces.txt").read_text().strip() == "1"  # the loopback


def test_a_command_can_terminate_what_it_started(tmp_path):
    script = "sleep 3336 & kill -TERM $!; wait $!; [ $? = 143 ] && answer c0"
    assert "c0" in answers(shell(tmp_path / "m", ONE + script), [make_request("c0")], tmp_path / "w")


def test_requests_are_whole_again_whatever_a_command_does_to_them(tmp_path):
    script = (
        "chmod -R u+w $REQUESTS; for c in $(cases); do rm -rf $REQUESTS/$c; answer $c; done; rm -rf $PREDICTIONS/c1"
    )
    requests = [make_request("c0"), make_request("c1")]
    before = requests[0].observation.value.copy()
    told = answers(shell(tmp_path / "m", ONE + script), requests, tmp_path / "w")
    assert sorted(told) == ["c0", "c1"]
    np.testing.assert_array_equal(requests[0].observation.value, before)
    assert len(answers(tmp_path / "m", [make_request("c0", seed=2)], tmp_path / "w")) == 1
    assert not (tmp_path / "w" / "requests" / "c0").exists()


def test_killed_at_random_moments_it_ends_with_the_same_bytes(echo, tmp_path):
    program = [sys.executable, external_methods.__file__, str(echo)]
    began = time.monotonic()
    subprocess.run([*program, str(tmp_path / "w0"), str(tmp_path / "whole"), "12"], check=True)
    whole_run = time.monotonic() - began  # on a busy machine mere seconds would never let it begin
    draw = random.Random(5)  # noqa: S311
    kills = 0
    for _ in range(40):
        started = subprocess.Popen([*program, str(tmp_path / "w1"), str(tmp_path / "killed"), "12"])
        try:
            started.wait(whole_run * draw.uniform(0.2, 1.0))
        except subprocess.TimeoutExpired:
            started.send_signal(signal.SIGKILL)
            started.wait()
            kills += 1
            continue
        assert started.returncode == 0
        break
    assert kills
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("case*")}
    killed = {path.name: path.read_bytes() for path in (tmp_path / "killed").glob("case*")}
    assert len(whole) == 12
    assert killed == whole


def test_the_command_ends_with_us(tmp_path):
    folder = shell(tmp_path / "m", "echo $$ >pid.txt; sleep 3334")
    program = [sys.executable, external_methods.__file__, str(folder), str(tmp_path / "w"), str(tmp_path / "o"), "1"]
    started = subprocess.Popen(program)
    waited = time.monotonic() + 60
    while not (tmp_path / "w" / "work" / "pid.txt").exists() and time.monotonic() < waited:
        time.sleep(0.05)
    started.kill()
    started.wait()
    time.sleep(1)
    assert "sleep 3334" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


class Training:
    revision = "r1"
    ids = ("t0", "t1")
    subjects = categories = origins = ("s", "s")
    texts = (("a",), ("b",))
    spaces = {"shape": SDF}  # noqa: RUF012

    def __len__(self):
        return 2

    def part(self, index, name):
        return make_request("t").observation.value


def test_learning_leaves_a_checkpoint_and_is_done_once(tmp_path):
    command = ["sh", "run.sh", "{requests}", "{predictions}", "{checkpoint}"]
    run = f"REQUESTS=$1 PREDICTIONS=$2\n{ONE}\ntest -s $3/weights || exit 4; answer c0"
    fit = "ls $1 >>weights"
    folder = make_method(
        tmp_path / "m", {"run.sh": run, "fit.sh": fit}, command=command, fit_command=["sh", "fit.sh", "{training}"]
    )
    with pytest.raises(MethodError, match="needs weights"):
        answers(folder, [make_request("c0")], tmp_path / "w")
    method = external_method(folder, "outsider", MethodContext())
    assert isinstance(method, Fittable)
    for _ in range(2):
        method.fit(Training(), tmp_path / "fit")
    learnt = (tmp_path / "fit" / "work" / "weights").read_text().split()
    assert learnt == ["000000.npz", "000001.npz", "training.json"]
    told = {}
    method.predict_all([make_request("c0")], tmp_path / "w", told.__setitem__)
    assert isinstance(told["c0"], Prediction)


def test_a_folder_is_found_by_its_path_and_nothing_of_it_is_imported(tmp_path):
    folder = shell(tmp_path / "m", ONE + "answer c0")
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    entry = find_method(str(folder))
    assert (entry.spec.name, entry.external) == ("outsider", True)
    method = entry.build(MethodContext())
    assert isinstance(method, BatchMethod)
    assert not isinstance(method, Fittable)
    before = entry.code_hash
    (folder / "run.sh").write_text("exit 1")
    assert entry.code_hash != before


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [("", "exactly one table"), ("[a]\n[b]\n", "it has 2"), ("[[[", "not valid TOML"), (None, "no readable spec")],
)
def test_folders_that_are_no_method(tmp_path, spec, complaint):
    folder = shell(tmp_path / "m", "true")
    (folder / "spec.toml").unlink()
    if spec is not None:
        (folder / "spec.toml").write_text(spec)
    with pytest.raises(MethodError, match=complaint):
        find_method(str(folder))
    os.unlink(folder / "environment.toml")  # noqa: PTH108
    with pytest.raises(MethodError, match=r"has no environment\.toml"):
        find_method(str(folder))


def test_the_example_of_the_documentation_works(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "external_methods.md").read_text(encoding="utf-8")
    folder = tmp_path / "shrink"
    folder.mkdir()
    for text in re.findall(r"```\w+\n# (\S+\n.*?)```", page, flags=re.DOTALL):
        name, content = text.split("\n", 1)
        (folder / name).write_text(content)
    assert len(list(folder.iterdir())) == 3
    entry = find_method(str(folder))
    assert entry.spec.title == "What was observed, one voxel smaller"
    method = entry.build(MethodContext())
    try:
        method.prepare()
    except MethodError as error:
        pytest.skip(f"no environment can be built here: {error}")
    told = {}
    request = make_request("a b")
    method.predict_all([request], tmp_path / "work", told.__setitem__)
    expected = request.observation.value + np.float32(1 / 32)
    np.testing.assert_array_equal(told["a b"].parts["shape"], expected)


def test_an_entry_point_only_tells_where_the_folder_is(tmp_path, monkeypatch):
    package = tmp_path / "site" / "outside_pkg"
    shell(package / "inner", ONE + "answer c0")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    info = tmp_path / "site" / "outside-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[genmed_bench.methods]\noutsider = outside_pkg.inner:external\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    method = find_method("outsider").build(MethodContext())
    told = {}
    method.predict_all([make_request("c0")], tmp_path / "w", told.__setitem__)
    assert isinstance(told["c0"], Prediction)
