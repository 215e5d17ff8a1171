"""A stranger's package adds a task family and a method: run, compare and report know them without a change here.

The package lies outside the repository and is found by its entry points alone. Its family, the volume of a bone from
one plane, shares nothing with shape completion: a number is asked for, and its error is what is measured.
"""

from __future__ import annotations

import importlib
import json
import sys

import pytest
from typer.testing import CliRunner

from benchmark import tasks
from benchmark.cli import app

FAMILY = '''
"""How large a bone is, told from its middle plane."""
from dataclasses import dataclass
import numpy as np
from benchmark.contract import Case, Grid, Observation, Space
from benchmark.data.rows import Rows, identity_of
from benchmark.errors import DataError
from benchmark.metrics.base import Metric, Score, Signature
from benchmark.observations import Planes
from benchmark.spaces import OCCUPANCY
from benchmark.tasks.family import Group, Task
from medshape_text import decode_sdf

VOLUME = Space("image", "float32", (1,), unit="ml", limits=(0.0, 1e5))
ERROR = Metric("error", Signature.of("error", "volume", {"unit": "ml"}), "absolute error", "Error", "Volume")
WORST = 1e5
PLANE = Planes(((32,), (), ()))
TASK = Task("bone-volume", "volume", "error", "the volume of a bone from its middle plane", "a stranger")

class Bones:
    def __init__(self, folder, split):
        self.split, (self.revision, self.manifest_sha256) = split, identity_of(folder)
        self.rows = Rows(folder, "sdf64", split, ("sdf",))
        self.places = {row["id"]: place for place, row in enumerate(self.rows.light) if row["unit"] == "mm"}
        self.groups = [Group(case_id, (case_id,)) for case_id in self.places]

    def case(self, case_id):
        place = self.places[case_id]
        row, sdf = self.rows.light[place], decode_sdf(self.rows.heavy(place))
        mask = PLANE.mask(sdf.shape)
        seen = Observation("shape", PLANE, ((sdf < 0) & mask).astype("float32"), mask, True, OCCUPANCY)
        grid = Grid(sdf.shape, millimetres_per_unit=1 / row["scale"])
        truth = np.array([(sdf < 0).sum() * (grid.millimetres_per_unit / 32) ** 3 / 1000], "float32")
        facts = (row[name] for name in ("id", "subject", "category", "origin", "category"))
        return Case(*facts, grid, (seen,), {"volume": truth})

@dataclass(frozen=True)
class Volume:
    name: str = "volume"
    tasks: tuple = (TASK,)
    def metrics(self, task=None):
        return (ERROR,)
    def outputs(self, task):
        return {"volume": VOLUME}
    def cases(self, task, folder, split):
        return Bones(folder, split)
    def training_data(self, folder, split):
        raise DataError("there is nothing to learn from")
    def expected(self, task, cases):
        return [ERROR]
    def score(self, task, cases, predictions, failures):
        (case,) = cases
        if case.id in failures:
            return [Score("error", ERROR.signature, WORST, failures[case.id])]
        error = abs(float(predictions[case.id].parts["volume"][0]) - float(case.truth["volume"][0]))
        return [Score("error", ERROR.signature, error)]
    def floor(self, task, cases):
        return []
'''
METHOD = '''
"""A bone is as long as its middle plane is wide, twice."""
import numpy as np
from benchmark.contract import Prediction

class FromArea:
    def predict(self, request):
        millimetres = request.grid.millimetres_per_unit / 32
        area = request.observation.value.sum() * millimetres**2
        return Prediction({"volume": np.array([2 * area**1.5 / 1000], np.float32)})

class Nothing:
    def predict(self, request):
        return Prediction({"volume": np.zeros(1, np.float32)})

def area(context):
    return FromArea()
def nothing(context):
    return Nothing()
'''
SPEC = """
[{name}]
title = "{name}"
task_families = ["volume"]
licence = "MIT"
paper = "none"
implementation = "ours"
training_data = "none"
"""
ENTRY_POINTS = """
[genmed_bench.families]
volume = strangers_volume_pkg.family:FAMILY
[genmed_bench.methods]
volume-area = strangers_volume_pkg.method:area
volume-nothing = strangers_volume_pkg.method:nothing
"""


def install(site):
    """The package as pip would leave it."""
    package, info = site / "strangers_volume_pkg", site / "strangers_volume_pkg-1.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("")
    (package / "family.py").write_text(FAMILY + "\nFAMILY = Volume()\n")
    (package / "method.py").write_text(METHOD)
    (package / "spec.toml").write_text("".join(SPEC.format(name=name) for name in ("volume-area", "volume-nothing")))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers-volume-pkg\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """The command line, with the stranger's package installed."""
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    yield call
    for module in [module for module in sys.modules if module.startswith("strangers_volume_pkg")]:
        del sys.modules[module]
    tasks._load.cache_clear()


def lines_of(code):
    return len(code.strip().splitlines())


def test_a_family_and_a_method_are_a_few_lines_and_nothing_else_changes(invoke, mini_dir, tmp_path):
    assert lines_of(FAMILY) < 60  # with the line that makes the object
    assert lines_of(METHOD) <= 20
    assert "bone-volume" in invoke("list", "tasks")
    assert "volume-area" in invoke("list", "methods")
    assert "error" in invoke("list", "metrics")

    run = ("run", "--task", "bone-volume", "--data", mini_dir, "--limit", 20, "--device", "cpu")
    told = invoke(*run, "--method", "volume-area", "--out", "area", "--json", "area.json")
    assert "error volume ml" in told
    assert "20/20" in told
    invoke(*run, "--method", "volume-nothing", "--out", "nothing")

    # The error of an answer of zero is the volume itself: computed here from the data set, without the family.
    from benchmark.data.rows import Rows
    from medshape_text import decode_mask

    rows = [json.loads(line) for line in (tmp_path / "nothing" / "cases.jsonl").read_text().splitlines()]
    data = Rows(mini_dir, "sdf64", "test")
    places = {row["id"]: place for place, row in enumerate(data.light)}
    for row in rows:
        place = places[row["case"]]
        voxel = 1 / data.light[place]["scale"] / 32
        volume = decode_mask(data.heavy(place)).sum() * voxel**3 / 1000
        assert row["value"] == pytest.approx(volume, rel=1e-6)

    compared = invoke("compare", "area", "nothing", "--json", "compared.json")
    assert "volume-area minus volume-nothing on bone-volume" in compared
    (figures,) = json.loads((tmp_path / "compared.json").read_text())["comparisons"]
    mine, theirs = (summary(tmp_path / name) for name in ("area", "nothing"))
    assert figures["difference"]["value"] == pytest.approx(mine - theirs)

    invoke("report", "area", "nothing", "--data", mini_dir, "-o", "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    for word in ("bone-volume", "volume-area", "volume-nothing", "the volume of a bone from its middle plane"):
        assert word in html
    assert f"{mine:.3g}" in html


def test_a_run_of_it_goes_on_where_it_was_stopped_and_other_families_do_not_matter(invoke, mini_dir, tmp_path):
    run = ("run", "--task", "bone-volume", "--data", mini_dir, "--limit", 4, "--method", "volume-area")
    invoke(*run, "--out", "whole")
    invoke(*run, "--out", "part")
    path = tmp_path / "part" / "cases.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    invoke(*run, "--out", "part")
    assert path.read_bytes() == whole == (tmp_path / "whole" / "cases.jsonl").read_bytes()


def summary(folder):
    """Mean over categories of the mean of each, by hand."""
    rows = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    by_category = {}
    for row in rows:
        by_category.setdefault(row["category"], []).append(row["value"])
    return sum(sum(values) / len(values) for values in by_category.values()) / len(by_category)
