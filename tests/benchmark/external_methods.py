"""Folders of external methods and requests to try them on; also run as a program that tests kill.

``external_methods.py METHOD WORKDIR OUT COUNT`` answers so many requests and writes each prediction to OUT.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmark.contract import Grid, MethodContext, Observation, Prediction, Request, Space
from benchmark.external.method import external_method
from benchmark.observations.operators import Identity
from benchmark.spaces import SDF

SIDE = 8
GRID = Grid((SIDE,) * 3)
AFFINE = ((-2.0, 0.0, 0.0, 10.0), (0.0, 1.5, 0.0, -4.0), (0.0, 0.0, 3.0, 7.0), (0.0, 0.0, 0.0, 1.0))
IMAGE = Space("image", "float32", unit="HU")
LABELS = Space("labels", "uint8", names=("liver", "spleen"))

SPEC = """[{name}]
title = "An external method"
task_families = ["any"]
licence = "MIT"
paper = "none"
implementation = "ours"
training_data = "none"
"""

# Answers with what was observed, plus noise of the case's own seed; 50 ms a case so that it can be killed.
ECHO = """
import json, os, sys, time
import numpy as np
requests, predictions = sys.argv[1:3]
cases = json.load(open(f"{requests}/requests.json"))["cases"]
for number, case in enumerate(cases):
    (observed,) = case["observations"]
    value = np.load(f"{requests}/{case['folder']}/{observed['value']}")["value"]
    noise = np.random.default_rng(case["seed"]).normal(size=value.shape).astype("float32")
    os.makedirs(f"{predictions}/{case['folder']}", exist_ok=True)
    final = f"{predictions}/{case['folder']}/shape.npy"
    with open(final + ".tmp", "wb") as stream:
        np.save(stream, value + noise / 100)
    os.rename(final + ".tmp", final)
    print(f"PROGRESS {number + 1}/{len(cases)}")
    time.sleep(float(os.environ.get("SLEEP", "0.05")))
"""
NUMPY = "numpy==2.4.6"


def make_request(case_id: str, seed: int = 1, **changes) -> Request:
    """A request for a shape of which everything was observed."""
    distance = np.linalg.norm(np.indices(GRID.shape) - 3.5, axis=0) - 2
    value = np.clip(distance / 32, -0.2, 0.2).astype(np.float32)
    observation = Observation("shape", Identity(), value, np.ones(GRID.shape, bool), False, SDF)
    fields = {"category": "bone", "text": "a bone", "grid": GRID, "observations": (observation,)}
    return Request(**{"case_id": case_id, "seed": seed, "outputs": {"shape": SDF}} | fields | changes)


def image_request(case_id: str, seed: int = 1) -> Request:
    """A request for labels of an image that has an affine."""
    grid = Grid((4, 5, 6), AFFINE)
    value = np.arange(120, dtype=np.float32).reshape(grid.shape)
    observation = Observation("image", Identity(), value, np.ones(grid.shape, bool), True, IMAGE)
    return Request(case_id, "abdomen", "", grid, (observation,), {"labels": LABELS}, seed)


def make_method(folder: Path, files: dict[str, str], name: str = "outsider", **declared) -> Path:
    """A folder with a spec, an ``environment.toml`` and files."""
    declared = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"} | declared
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spec.toml").write_text(SPEC.replace("{name}", name))
    lines = [f"{key} = {_toml(value)}" for key, value in declared.items() if not isinstance(value, dict)]
    for key, table in declared.items():
        if isinstance(table, dict):
            lines += [f"[{key}]", *(f"{inner} = {_toml(value)}" for inner, value in table.items())]
    (folder / "environment.toml").write_text("\n".join(lines) + "\n")
    for path, text in files.items():
        (folder / path).write_text(text)
    return folder


def shell(folder: Path, script: str, **declared) -> Path:
    """A method that is a shell script with $REQUESTS and $PREDICTIONS."""
    command = ["sh", "run.sh", "{requests}", "{predictions}", "{device}"]
    return make_method(folder, {"run.sh": f"REQUESTS=$1 PREDICTIONS=$2\n{script}"}, command=command, **declared)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f"'''{value}'''" if isinstance(value, str) else str(value)


def main(method: str, workdir: str, out: str, count: str) -> None:
    """Answer requests and keep what is told, as a runner would."""
    kept = Path(out)
    kept.mkdir(parents=True, exist_ok=True)
    requests = [make_request(f"case {i}", seed=i) for i in range(int(count))]
    waiting = [request for request in requests if not (kept / f"{request.case_id}.npy").exists()]

    def keep(case_id: str, answer: Prediction | str) -> None:
        assert isinstance(answer, Prediction), answer
        np.save(kept / ".tmp.npy", answer.parts["shape"])
        (kept / ".tmp.npy").rename(kept / f"{case_id}.npy")

    external_method(Path(method), "outsider", MethodContext()).predict_all(waiting, Path(workdir), keep)


if __name__ == "__main__":
    main(*sys.argv[1:])
