"""Conformance: a good method passes every check, and each bad one fails exactly its own."""

from __future__ import annotations

import importlib
import os
import random
import sys
import time

import numpy as np
import pytest
import torch
from external_methods import SPEC, make_request, shell

from benchmark.conformance import CHECKS, Checks, Trial, parametrize_method_checks
from benchmark.contract import Prediction
from benchmark.spaces import SDF

REQUESTS = [make_request(f"c{i}", seed=i) for i in range(3)]


def noisy(request, scale=0.01):
    rng = np.random.default_rng(request.seed)
    shape = request.observation.value - 0.1 * (1 - request.observation.mask)
    return (shape + scale * rng.random(shape.shape)).astype(np.float32)


class Good:
    def predict(self, request):
        return Prediction({"shape": noisy(request)})


class Deterministic(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request, 0)})


class ReseedsGlobally(Good):
    def predict(self, request):
        torch.manual_seed(request.seed)
        return Prediction({"shape": noisy(request) + 0.001 * torch.rand(8, 8, 8).numpy()})


class Raises(Good):
    def predict(self, request):
        raise ValueError("no\nidea")


class WrongShape(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request)[1:]})


class NotANumber(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request) * np.float32(np.nan)})


class NoPrediction(Good):
    def predict(self, request):
        return noisy(request)


class Clock(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request) + np.float32(time.perf_counter_ns() % 100_003) * np.float32(1e-7)})


class Counts(Good):
    asked = 0

    def predict(self, request):
        self.asked += 1
        return Prediction({"shape": noisy(request) + np.float32(0.001 * self.asked)})


class DrawsFromTorch(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request) + 0.01 * torch.rand(8, 8, 8).numpy()})


class DrawsFromNumpy(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request) + np.float32(0.01) * np.float32(np.random.rand())})  # noqa: NPY002


class DrawsFromPython(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request) + np.float32(0.01 * random.random())})  # noqa: S311


class Modifies(Good):
    def predict(self, request):
        answer = noisy(request)
        request.observation.value[0] = 0
        return Prediction({"shape": answer})


class FailsOnNothing(Good):
    def predict(self, request):
        inside = np.argwhere(request.observation.value < 0)
        return Prediction({"shape": noisy(request) + np.float32(0 * inside[0, 0])})


class EmptyForNothing(Good):
    def predict(self, request):
        return Prediction({"shape": noisy(request) + np.float32(request.observation.empty)})


class Learns(Good):
    mean = None

    def fit(self, training_data, workdir):
        for index in range(5):
            (workdir / f"{index}.tmp").write_text(str(float(training_data.part(0, "shape").mean())))
            (workdir / f"{index}.tmp").rename(workdir / f"{index}.txt")
            time.sleep(0.02)
        self.mean = float((workdir / "4.txt").read_text())

    def predict(self, request):
        return Prediction({"shape": noisy(request) + np.float32(self.mean / 100)})


class LearnsOnAndOn(Learns):
    def fit(self, training_data, workdir):
        super().fit(training_data, workdir)
        done = workdir / "times"
        done.write_text(done.read_text() + "x" if done.exists() else "x")
        self.mean += len(done.read_text())


class TrustsTornFiles(Learns):
    def fit(self, training_data, workdir):
        torn = workdir / "weights"
        if not torn.exists():
            torn.write_text("0")
            time.sleep(0.3)
            torn.write_text("1")
        self.mean = float(torn.read_text())


class Training:
    revision = "r1"
    ids = subjects = categories = origins = ("t0",)
    texts = (("a",),)
    spaces = {"shape": SDF}  # noqa: RUF012

    def __len__(self):
        return 1

    def part(self, index, name):
        return REQUESTS[0].observation.value.copy()


def failed(method, **trial):
    return [check.name for check in Checks(Trial(lambda context: method(), REQUESTS, **trial)) if check.passed is False]


@pytest.mark.parametrize("method", [Good, Deterministic, ReseedsGlobally, Learns])
def test_good_methods_pass(method):
    checks = list(Checks(Trial(lambda context: method(), REQUESTS, Training())))
    assert [check.name for check in checks] == list(CHECKS)
    assert not [check for check in checks if check.passed is False]
    skipped = {"spec", "import"} if method is Learns else {"spec", "import", "fit resumes"}
    assert {check.name for check in checks if check.passed is None} == skipped
    assert all("\n" not in check.detail for check in checks)


@pytest.mark.parametrize(
    ("method", "check"),
    [
        (Raises, "output"),
        (WrongShape, "output"),
        (NotANumber, "output"),
        (NoPrediction, "output"),
        (Clock, "same bytes"),
        (Counts, "order"),
        (DrawsFromTorch, "global random state"),
        (DrawsFromNumpy, "global random state"),
        (DrawsFromPython, "global random state"),
        (Modifies, "observation untouched"),
        (FailsOnNothing, "empty observation"),
        (EmptyForNothing, "empty observation"),
        (LearnsOnAndOn, "fit resumes"),
        (TrustsTornFiles, "fit resumes"),
    ],
)
def test_each_bad_method_fails_its_own_check(method, check):
    assert failed(method, training_data=Training()) == [check]


def test_a_method_may_keep_data_that_cannot_be_copied():
    class Open(Training):
        def __deepcopy__(self, memo):
            raise TypeError("an open file cannot be copied")

    class Keeps(Good):
        def fit(self, training_data, workdir):
            self.data = training_data

    checks = list(Checks(Trial(lambda context: Keeps(), REQUESTS, Open())))
    assert [check.name for check in checks if check.passed is False] == []


def test_what_the_details_say():
    checks = Checks(Trial(lambda context: Raises(), REQUESTS))
    assert checks["output"].detail == "ValueError: no idea"
    assert checks["order"].detail == "after 'same bytes' failed this cannot be told"
    assert Checks(Trial(lambda context: Deterministic(), REQUESTS))["seed"].detail.startswith("deterministic")
    assert Checks(Trial(lambda context: Good(), REQUESTS))["seed"].detail == "another seed gives another answer"


@pytest.fixture
def install(tmp_path, monkeypatch):
    def write(code, spec=SPEC):
        package = tmp_path / "checked_pkg"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "method.py").write_text(code)
        (package / "spec.toml").write_text(spec.replace("{name}", "checked"))
        info = tmp_path / "checked-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: checked\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text("[genmed_bench.methods]\nchecked = checked_pkg.method:build\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()

    yield write
    for module in [module for module in sys.modules if module.split(".")[0] == "checked_pkg"]:
        del sys.modules[module]


FROM_HERE = f"import sys\nsys.path.insert(0, {os.path.dirname(__file__)!r})\nfrom test_conformance import *\n"  # noqa: PTH120
SAMPLES = SPEC + "samples = 4\n"


@pytest.mark.parametrize(
    ("code", "spec", "check", "detail"),
    [
        ("def build(context): return Good()", SPEC, None, ""),
        ("def build(context): return Good()", "[[", "spec", "not valid TOML"),
        ("def build(context): return Good()\nsum(range(150_000_000))", SPEC, "import", "s of processor time"),
        ("raise RuntimeError('weights')", SPEC, "import", "RuntimeError: weights"),
        ("def build(context): return Deterministic()", SAMPLES, "seed", "declares 4 samples"),
        ("def build(context): raise OSError('no weights')", SPEC, "output", "does not start: no weights"),
    ],
)
def test_an_installed_method(install, monkeypatch, code, spec, check, detail):
    monkeypatch.setattr("benchmark.conformance.checks.IMPORT_SECONDS", 3.0 if check != "import" else 0.9)
    heavy = check == "import"
    install(("" if heavy else FROM_HERE) + (code.replace("Good()", "None") if heavy else code), spec)
    checks = [each for each in Checks(Trial("checked", REQUESTS)) if each.passed is False]
    assert [each.name for each in checks] == ([check] if check else [])
    assert all(detail in each.detail for each in checks)


def test_an_external_method(tmp_path, monkeypatch):
    from test_external import ONE

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = shell(tmp_path / "m", ONE + "for c in $(cases); do answer $c; done")
    checks = list(Checks(Trial(str(folder), REQUESTS)))
    assert not [check for check in checks if check.passed is False]
    broken = shell(tmp_path / "b", "exit 3")
    assert [check.name for check in Checks(Trial(str(broken), REQUESTS)) if check.passed is False] == ["output"]


@parametrize_method_checks(lambda context: Good(), requests=lambda: REQUESTS)
def test_outsiders_get_the_same_as_pytest_cases(method_check):
    method_check()


def test_a_failing_case_fails():
    mark = parametrize_method_checks(lambda context: Counts(), REQUESTS)
    (case,) = [param.values[0] for param in mark.args[1] if param.id == "order"]
    with pytest.raises(pytest.fail.Exception, match="another answer after other requests"):
        case()
