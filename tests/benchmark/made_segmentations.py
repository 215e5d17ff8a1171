"""Runs of made-up segmentation methods on small boxes, written by the runner itself."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np

from benchmark import planning
from benchmark.contract import MethodSpec, Prediction
from benchmark.methods import GROUP, MethodEntry
from benchmark.runner import Plan, execute
from benchmark.tasks import family_of, find_task


class Moved:
    """The truth, moved along x; fails on some cases."""

    def __init__(self, by, failing=()):
        self.by, self.failing = by, failing

    def reveal(self, case):
        if case.id in self.failing:
            raise RuntimeError("planted")
        return Prediction({"labels": np.roll(case.truth["labels"], self.by, axis=0)})


def make_run(out, data, name="moved", task="seg", by=1, failing=()):
    """A finished run of `Moved` under a name of its own."""
    definition = find_task(task)
    family = family_of(definition)
    source = family.cases(definition, data, "test")
    answers = Moved(by, failing)
    spec = MethodSpec(name, f"Made up, {name}", ("segmentation",), "MIT", "none", "ours", "none")
    entry = MethodEntry(EntryPoint(name, f"{name}_pkg.method:build", GROUP), Path("/nonexistent"), spec)
    request = planning.Request(name, task, str(data), "test", None, 0, "cpu", out)
    configuration = planning.configuration(request, family, definition, entry, source, answers, "cpu")
    execute(Plan(answers, family, definition, source, out, configuration, 0, None, "cpu", sees_truth=True))
    return out
