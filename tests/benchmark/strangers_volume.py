"""The package of a stranger who adds a task family, the volume of a bone from one plane, and two methods for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmark import tasks

Invoke = Callable[..., str]
"""Arguments of a command, and the exit code it should end with -> what it printed."""
PACKAGE = "strangers_volume_pkg"

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

FAMILY = Volume()
'''
METHOD = '''
"""A bone fills half a cube that is as wide as its middle plane."""
import numpy as np
from benchmark.contract import Prediction

class FromArea:
    def predict(self, request):
        millimetres = request.grid.millimetres_per_unit / 32
        area = request.observation.value.sum() * millimetres**2
        return Prediction({"volume": np.array([area**1.5 / 2000], np.float32)})

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


def install(site: Path) -> None:
    """The package as pip would leave it."""
    spec = "".join(SPEC.format(name=name) for name in ("volume-area", "volume-nothing"))
    write_package(site, PACKAGE, FAMILY, METHOD, spec, ENTRY_POINTS)


def write_package(site: Path, name: str, family: str, method: str, spec: str, entry_points: str) -> None:
    """A package of this source, as pip would leave it, for a process that has not looked at the families yet."""
    tasks._metric_table.cache_clear()
    package, info = site / name, site / f"{name}-1.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("")
    (package / "family.py").write_text(family)
    (package / "method.py").write_text(method)
    (package / "spec.toml").write_text(spec)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(entry_points)


def forget(name: str = PACKAGE) -> None:
    """What was imported of the package, so that nothing of it outlives the test."""
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]
    tasks._load.cache_clear()
    tasks._metric_table.cache_clear()


def called(app: typer.Typer, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    """A command line that finds the package installed in ``site``; a command that ends otherwise fails the test."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, code: int = 0) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout

    yield call
    forget(package)
