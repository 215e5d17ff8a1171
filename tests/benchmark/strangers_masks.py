"""The package of a stranger whose family brings its own data: masks of 10 x 8 x 6 voxels in one file, no manifest.

What is asked for is a mask from one exact plane; its headline is called ``ms-ssim``, with a hyphen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from strangers_volume import write_package

PACKAGE = "strangers_masks_pkg"
SHAPE = (10, 8, 6)
CASES = 12
FAMILY = '''
"""Masks on small grids, from a file of arrays that only this family reads."""
import hashlib
from dataclasses import dataclass
import numpy as np
from benchmark.contract import Case, Grid, Observation
from benchmark.errors import DataError
from benchmark.metrics.base import Metric, Score, Signature
from benchmark.observations import Planes
from benchmark.spaces import OCCUPANCY
from benchmark.tasks.family import Group, Task

SIMILAR = Metric("ms-ssim", Signature.of("ms-ssim", "masks", {}), "likeness", "Likeness", higher_is_better=True)
PLANE = Planes(((5,), (), ()))
TASK = Task("small-masks", "masks", "ms-ssim", "a mask from one plane", "a stranger")

class Masks:
    def __init__(self, folder, split):
        path = folder / "masks.npz"
        if split != "test" or not path.is_file():
            raise DataError(f"{folder} has no masks of split {split}")
        self.split, self.revision = split, hashlib.sha256(path.read_bytes()).hexdigest()
        self.manifest_sha256, self.masks = self.revision, dict(np.load(path))
        self.groups = [Group(name, (name,)) for name in sorted(self.masks)]

    def case(self, case_id):
        mask = self.masks[case_id]
        read = PLANE.mask(mask.shape)
        seen = Observation("mask", PLANE, (mask & read).astype("float32"), read, True, OCCUPANCY)
        grid = Grid(mask.shape, affine=((2.0, 0, 0, 0), (0, 2.0, 0, 0), (0, 0, 3.0, 0), (0, 0, 0, 1.0)))
        return Case(case_id, "s-" + case_id, "blob", "real", "", grid, (seen,), {"mask": mask.astype("float32")})

@dataclass(frozen=True)
class Family:
    name: str = "masks"
    tasks: tuple = (TASK,)
    def metrics(self, task=None):
        return (SIMILAR,)
    def outputs(self, task):
        return {"mask": OCCUPANCY}
    def cases(self, task, folder, split):
        return Masks(folder, split)
    def training_data(self, folder, split):
        raise DataError("there is nothing to learn from")
    def expected(self, task, cases):
        return [SIMILAR]
    def score(self, task, cases, predictions, failures):
        (case,) = cases
        if case.id in failures:
            return [Score("ms-ssim", SIMILAR.signature, 0.0, failures[case.id])]
        off = np.abs(predictions[case.id].parts["mask"] - case.truth["mask"]).mean()
        return [Score("ms-ssim", SIMILAR.signature, 1 - float(off))]
    def floor(self, task, cases):
        return []
    def nearly_same(self, first, second):
        return bool(np.abs(first.parts["mask"] - second.parts["mask"]).mean() < 0.001)
    def too_costly(self, prediction):
        return "is grey" if (prediction.parts["mask"] == 0.75).all() else None

FAMILY = Family()
'''
METHOD = '''
"""The plane's outline all along the grid; the same with what was observed turned round; and all of it grey."""
import numpy as np
from benchmark.contract import Prediction

class Extruded:
    def predict(self, request):
        return Prediction({"mask": np.broadcast_to(request.observation.value[5], request.grid.shape).copy()})

class Contrary(Extruded):
    def predict(self, request):
        mask = super().predict(request).parts["mask"]
        mask[5] = 1 - mask[5]
        return Prediction({"mask": mask})

class Grey:
    def predict(self, request):
        return Prediction({"mask": np.full(request.grid.shape, 0.75, np.float32)})

def extruded(context):
    return Extruded()
def contrary(context):
    return Contrary()
def grey(context):
    return Grey()
'''
METHODS = ("extruded", "contrary", "grey")
SPEC = """
[{name}]
title = "{name}"
task_families = ["masks"]
licence = "MIT"
paper = "none"
implementation = "ours"
training_data = "none"
"""
ENTRY_POINTS = f"""
[genmed_bench.families]
masks = {PACKAGE}.family:FAMILY
[genmed_bench.methods]
extruded = {PACKAGE}.method:extruded
contrary = {PACKAGE}.method:contrary
grey = {PACKAGE}.method:grey
"""


def install(site: Path) -> None:
    """The package as pip would leave it."""
    write_package(site, PACKAGE, FAMILY, METHOD, "".join(SPEC.format(name=name) for name in METHODS), ENTRY_POINTS)


def make_data(folder: Path) -> Path:
    """Boxes of random sizes, one a case, all of them cut by the plane."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    masks = {}
    for number in range(CASES):
        low, high = rng.integers(0, 3, 3), rng.integers(4, 6, 3)
        mask = np.zeros(SHAPE, bool)
        mask[low[0] : high[0] + 4, low[1] : high[1], low[2] : high[2]] = True
        masks[f"box-{number:02d}"] = mask
    np.savez(folder / "masks.npz", **masks)
    return folder
