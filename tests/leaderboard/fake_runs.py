"""Small finished runs of made-up methods on a tiny data set: six test cases, three subjects, two categories.

The runner itself writes them, with every profile of the task, so they are what ``genmed-bench run`` leaves behind.
A method's *error* says how many voxels its answers are off; `failing` names cases it crashes on.

>>> folder = make_data_set(tmp_path)                                # doctest: +SKIP
>>> runs = make_runs(tmp_path / "runs", folder, ("multiplane",))    # doctest: +SKIP
>>> sorted(runs)                                                    # doctest: +SKIP
[('multiplane', 'careful'), ('multiplane', 'fair'), ('multiplane', 'faulty'), ('multiplane', 'rough')]
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
from scipy import ndimage
from synthetic import write_data_set

from benchmark import planning
from benchmark.contract import Case, MethodSpec, Prediction
from benchmark.errors import UnknownNameError
from benchmark.methods import GROUP, MethodEntry, find_method
from benchmark.runner import Plan, execute
from benchmark.tasks import family_of, find_task
from medshape_text.seeds import generator_for

ERRORS: Mapping[str, float] = {"careful": 0.3, "fair": 1.0, "rough": 2.5, "faulty": 1.0}
"""Method -> voxels it is off by; ``faulty`` crashes on the last case, too."""
FAILING = {"faulty": ("e2_patella_left",)}


@dataclass(frozen=True)
class Off:
    """Answers with the truth, moved and grown or shrunk by about ``error`` voxels; the same for the same case."""

    name: str
    error: float
    failing: Sequence[str] = ()

    def reveal(self, case: Case) -> Prediction:
        """The answer, or a crash."""
        if case.id in self.failing:
            raise RuntimeError("planted")
        draw = generator_for(f"{self.name}/{case.id}", "off")
        moved = ndimage.shift(case.truth["shape"], draw.normal(0, self.error, 3), order=1, mode="nearest")
        return Prediction({"shape": (moved + draw.normal(0, self.error) / 32).astype(np.float32)})


def make_data_set(parent: Path, name: str = "data") -> Path:
    """A data-set folder of ellipsoids in the published layout."""
    return write_data_set(parent / name)


def entry_of(name: str) -> MethodEntry:
    """The installed method of this name, else a stranger's that is not installed here."""
    try:
        return find_method(name)
    except UnknownNameError:
        spec = MethodSpec(name, f"A made-up method, {name}", ("shape-completion",), "MIT", "none", "ours", "none")
        return MethodEntry(EntryPoint(name, f"{name}_pkg.method:build", GROUP), Path("/nonexistent"), spec)


def make_run(
    out: Path, data: Path, method: str = "fair", task: str = "multiplane", *, error: float | None = None,
    failing: Sequence[str] | None = None, split: str = "test", limit: int | None = None, seed: int = 0,
    weights: bytes | None = None,
) -> Path:  # fmt: skip
    """Run a made-up method on a task; ``method`` may also be the name of an installed one, of which only that is used.

    ``weights`` are what the method says it has loaded.
    """
    definition, entry = find_task(task), entry_of(method)
    family = family_of(definition)
    source = family.cases(definition, data, split)
    error = ERRORS.get(method, 1.0) if error is None else error
    answers = Off(method, error, FAILING.get(method, ()) if failing is None else failing)
    request = planning.Request(method, task, str(data), split, limit, seed, "cpu", out)
    configuration = planning.configuration(request, family, definition, entry, source, answers, "cpu")
    if weights is not None:
        configuration["method"]["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    plan = Plan(answers, family, definition, source, out, configuration, seed, limit, "cpu", sees_truth=True)
    execute(plan)
    return out


def make_runs(
    root: Path, data: Path, tasks: Sequence[str] = ("multiplane",), methods: Sequence[str] = tuple(ERRORS)
) -> dict[tuple[str, str], Path]:
    """Runs of several methods on several tasks, ``root/<task>/<method>``, by (task, method)."""
    return {(task, name): make_run(root / task / name, data, name, task) for task in tasks for name in methods}
