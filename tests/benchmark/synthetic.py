"""Synthetic shapes, a source of cases and small methods; also imported by processes that tests start."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmark.contract import CANONICAL, Case, Prediction
from benchmark.planning import signatures
from benchmark.runner import Plan
from benchmark.tasks import Group, family_of, find_task
from benchmark.tasks.shape_completion.prompts import observe
from medshape_text import manifest, records, shards
from medshape_text.frame import Similarity
from medshape_text.seeds import generator_for, seed_for

# The spec.toml of a stranger's method.
SPEC = """
[{name}]
title = "A stranger's method"
task_families = ["shape-completion"]
licence = "MIT"
paper = "none"
implementation = "ours"
training_data = "none"
"""


@cache
def make_ellipsoid(radii: tuple[float, ...] = (28, 20, 18), centre: tuple[float, ...] = (31.5, 31.5, 31.5)) -> NDArray:
    """An approximate canonical SDF of an axis-aligned ellipsoid given in voxels, on the float16 grid of the data."""
    grid = np.indices((64, 64, 64), dtype=np.float64)
    unit = [(g - c) / r for g, c, r in zip(grid, centre, radii, strict=True)]
    distance = (np.sqrt(sum(u**2 for u in unit)) - 1) * min(radii) / 32
    sdf = np.clip(distance, -0.2, 0.2).astype(np.float16).astype(np.float32)
    sdf.setflags(write=False)
    return sdf


@dataclass(frozen=True)
class Ellipsoids:
    """A source of ``count`` cases: three subjects, two categories."""

    count: int = 6
    prompt: str = "oneplane"
    revision: str = "synthetic"
    manifest_sha256: str = ""
    split: str = "test"

    @property
    def ids(self) -> list[str]:
        return [f"case/{index} é" for index in range(self.count)]

    @property
    def groups(self) -> Sequence[Group]:
        return [Group(case, (case,)) for case in self.ids]

    def case(self, case_id: str) -> Case:
        index = self.ids.index(case_id)
        truth = make_ellipsoid((20 + index, 14, 12))
        return make_case(
            truth,
            self.prompt,
            case_id,
            f"s{index % 3}",
            "ab"[index % 2],
            scale=100.0,
            seed=seed_for(case_id, self.prompt),
        )


def make_case(
    truth, prompt="multiplane", case_id="case", subject="s1", category="bone", *, scale=160.0, seed=0, text="a bone"
) -> Case:
    """A case of shape completion."""
    grid = replace(CANONICAL, millimetres_per_unit=scale)
    observation = observe(prompt, truth, seed)
    return Case(case_id, subject, category, "real_subject", text, grid, (observation,), {"shape": truth})


class Wobbly:
    """Predicts an ellipsoid that depends on nothing but the request's seed."""

    def predict(self, request) -> Prediction:
        radii = np.random.default_rng(request.seed).uniform(12, 24, size=3)
        return Prediction({"shape": make_ellipsoid(tuple(radii))})


class Calls:
    """Calls a function for every request."""

    def __init__(self, function: Callable) -> None:
        self.function = function

    def predict(self, request) -> Prediction:
        return self.function(request)


def make_plan(
    out: Path, method: object | None = None, count: int = 6, task: str = "oneplane", *, profiles=("overlap",), **options
) -> Plan:
    """A plan over ellipsoids, scored by the quickest profile unless told otherwise."""
    definition = replace(find_task(task), profiles=profiles)
    family = family_of(definition)
    configuration = {
        "method": {"name": "wobbly"},
        "task": {"name": task, "signatures": signatures(family, definition)},
        "data": {"revision": "synthetic"},
        "seed": options.get("seed", 0),
        "limit": options.get("limit"),
    }
    return Plan(
        method=method or Wobbly(),
        family=family,
        task=definition,
        source=Ellipsoids(count, task),
        out=out,
        configuration=configuration,
        **options,
    )


CATEGORIES = ("femur_left", "patella_left")
SPLIT_SUBJECTS = {"train": ("t0", "t1", "t2"), "validation": ("v0",), "test": ("e0", "e1", "e2")}


def write_data_set(folder: Path, scale: float | None = 0.02, rows_per_shard: int = 100) -> Path:
    """A data set of ellipsoids in the published layout, without curating anything: a second instead of minutes."""
    folder.mkdir()
    rows: dict[str, dict] = {}
    for split, subjects in SPLIT_SUBJECTS.items():
        for subject in subjects:
            for category in CATEGORIES:
                rows[f"{subject}_{category}"] = _row(subject, category, split, scale)
    files = []

    totals = {split: sum(row["split"] == split for row in rows.values()) for split in SPLIT_SUBJECTS}
    for config in records.CONFIGS:
        schema = records.arrow_schema(config)
        table = pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows.values()], schema)
        files += [shard.path for shard in shards.write_config(folder, config, totals, [table], rows_per_shard)]
    contents = {path: (folder / path).read_bytes() for path in files}
    hashes = {path: {"sha256": sha256(data).hexdigest(), "bytes": len(data)} for path, data in contents.items()}
    described = {"schema_version": manifest.SCHEMA_VERSION, "name": "stub", "files": hashes}
    (folder / manifest.MANIFEST).write_text(json.dumps(described | {"revision": manifest.revision(described)}))
    return folder


def _row(subject: str, category: str, split: str, scale: float | None) -> dict:
    identity = f"{subject}_{category}"
    radii = generator_for(identity, "radii").uniform((24, 10, 8), (28, 16, 14))
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float) * radii[:, None].mean() / 32
    shape = records.Shape(
        id=identity, subject=subject, category=category, side="left", super_class="bone",
        origin="real_subject" if split != "train" or subject == "t0" else "synthetic_ssm", source="stub",
        licence="CC0-1.0", template="stub", millimetres=scale is not None, vertices=vertices,
        faces=np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]), facts=records.Facts(4, 4, 1, True, 1.5),
        transform=Similarity((0.0, 0.0, 0.0), scale or 1.0),
        sdf=make_ellipsoid(tuple(radii)), points=vertices.astype(np.float32), normals=vertices.astype(np.float32),
        captions=(records.Caption(category.replace("_", " "), "name"), records.Caption("it is 42 mm", "measured")),
    )  # fmt: skip
    return records.to_row(shape) | {"split": split}


def rewrite_manifest(folder: Path, **changes) -> None:
    """Change fields of a data set's manifest."""
    path = folder / manifest.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def one_message(result, code, *words):
    """A command ended with this exit code and exactly one error line, which has these words."""
    assert result.exit_code == code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.output
    for word in words:
        assert word in errors[0]
