"""Small runs on disk, written with the toolkit's own writer: two categories, three subjects, hostile names."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from headless_chromium import open_browser

from benchmark.contract import CANONICAL, Case, Prediction
from benchmark.observations import observation_hash
from benchmark.records import Row, RunWriter, write_prediction
from benchmark.spaces import SDF
from benchmark.tasks.shape_completion.prompts import observe

HOSTILE = "<script>window.pwned=1</script>\"'><img src=x onerror=window.pwned=1>"
CATEGORIES = ("ball", f"rod {HOSTILE}")
SAMPLED = "points:8192|sample:area-uniform|to:exact-surface|level:0|unit:mm"
METRICS = {
    "dice": "dice|overlap|input:sdf<0|grid:64|empty:nan|v1",
    "cd": f"cd|dense|{SAMPLED}|norm:l2|reduce:mean|v1",
    "uhd": f"uhd|dense|{SAMPLED}|directed:partial-to-completion|v1",
}
GRID = np.stack(np.meshgrid(*[np.arange(64) - 31.5] * 3, indexing="ij"))


def ellipsoid(radii, centre=(0.0, 0.0, 0.0)):
    """Canonical SDF (roughly) of an axis-aligned ellipsoid with radii and centre in voxels from the grid's centre."""
    radii = np.asarray(radii, dtype=np.float64)
    scaled = (GRID - np.reshape(centre, (3, 1, 1, 1))) / radii.reshape(3, 1, 1, 1)
    return np.clip((np.linalg.norm(scaled, axis=0) - 1) * radii.min() / 32, -0.2, 0.2).astype(np.float32)


def box(low, high):
    """(64, 64, 64) bool, True in a half-open box of voxel indices."""
    mask = np.zeros((64,) * 3, dtype=bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def make_case(subject, category, prompt="triplane"):
    index = CATEGORIES.index(category)
    truth = ellipsoid((20, 24, 28) if index == 0 else (6, 7, 27 + subject % 2))
    name = f"s{subject}/{category}"
    grid = dataclasses.replace(CANONICAL, millimetres_per_unit=64.0 + subject)
    observed = observe(prompt, truth, subject)
    return Case(name, f"s{subject}", category, "real_subject", category, grid, (observed,), {"shape": truth})


@pytest.fixture(scope="session")
def cases():
    return {case.id: case for subject in range(3) for category in CATEGORIES for case in [make_case(subject, category)]}


def predict(case, method):
    """A prediction that differs from the truth in a way of its own per method."""
    if method == "genmed":
        return np.clip(case.truth["shape"] + 0.01, -0.2, 0.2)
    return np.clip(np.roll(case.truth["shape"], 2, axis=0) - 0.02, -0.2, 0.2)


def write_run(folder: Path, method: str, cases, values, failing=()):
    """Write a complete run; ``values[metric][case id]`` are its scores."""
    writer = RunWriter(folder)
    configuration = {
        "method": {"name": method, "title": f"method {method} {HOSTILE}"},
        "task": {"name": "triplane", "version": 1},
        "data": {"name": HOSTILE, "revision": "rev-1", "split": "test"},
        "seed": 7,
    }
    writer.open(configuration, {"cases": list(cases), "toolkit": {"version": "0.0", "commit": HOSTILE}})
    for case in cases.values():
        status = "crashed" if case.id in failing else "ok"
        if status == "ok":
            write_prediction(folder, case.id, Prediction({"shape": predict(case, method)}), {"shape": SDF})
        identity = (case.id, case.subject, case.category, case.origin)
        rows = [Row(*identity, name, signature, values[name][case.id], status) for name, signature in METRICS.items()]
        observation = {"case": case.id, "sha256": observation_hash(case.observations), "empty": False}
        writer.finish_case({"case": case.id, "seconds": 0.25, "status": status}, observation, None)
        writer.finish_group(rows)
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory, cases):
    """Two run folders: "genmed", and a worse method of a hostile name that failed on one case."""
    rng = np.random.default_rng(0)
    folders = []
    for method, level in (("genmed", 0.9), (f"other {HOSTILE}", 0.7)):
        scale = {"dice": level, "cd": 2 - level, "uhd": 9 - level}
        values = {name: {case: scale[name] + rng.normal() / 50 for case in cases} for name in METRICS}
        failing = () if method == "genmed" else (next(iter(cases)),)
        for case in failing:
            values["dice"][case] = 0.0
        folders.append(write_run(tmp_path_factory.mktemp("runs") / method[:6].strip(), method, cases, values, failing))
    return folders


@pytest.fixture(scope="session")
def html(runs, cases):
    from benchmark.report.build import render_report
    from benchmark.report.entries import load_entries

    return render_report(load_entries(runs), cases.__getitem__, limit_cases=4, command=f"report {HOSTILE}")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser for the tests of a file, with nothing loaded."""
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def shapes():
    """The makers of shapes, for test files (which cannot import this one)."""
    return {"ellipsoid": ellipsoid, "box": box}


@pytest.fixture
def writers():
    """What writes runs, for test files."""
    return {"run": write_run}
