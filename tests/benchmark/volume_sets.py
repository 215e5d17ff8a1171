"""Small sets of images with labels."""

from __future__ import annotations

import numpy as np

from benchmark.contract import Grid
from benchmark.data.volumes.prepared import Facts, Modality, VolumeSet
from benchmark.data.volumes.writing import PreparedCase, write_volume_set

SIDE = 16


def described(**changes):
    """Two structures, two modalities, 16 voxels a side."""
    facts = {
        "name": "boxes",
        "title": "boxes",
        "structures": ("left", "right"),
        "modalities": (Modality("ct", "HU", (-250.0, 800.0)), Modality("mr", "", None)),
        "shape": (SIDE, SIDE, SIDE),
        "tolerance_mm": 2.0,
        "licence": "CC0-1.0",
    }
    return VolumeSet(**{**facts, **changes})


def affine(steps=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)):
    rows = [(*(float(steps[k]) * (k == j) for j in range(3)), float(origin[k])) for k in range(3)]
    return (*rows, (0.0, 0.0, 0.0, 1.0))


def case(number, split, subject=None, modalities=("ct", "mr"), annotated=("left", "right"), steps=(1, 1, 1)):
    """An image that is brighter where the labels are."""
    rng = np.random.default_rng(number)
    labels = np.zeros((SIDE,) * 3, np.uint8)
    low = rng.integers(1, 4, 3)
    labels[low[0] : low[0] + 4, low[1] : low[1] + 8, low[2] : low[2] + 8] = 1
    labels[low[0] + 6 : low[0] + 10, low[1] : low[1] + 8, low[2] : low[2] + 8] = 2
    image = (100 * labels + rng.normal(0, 5, labels.shape)).astype(np.float32)
    facts = Facts(
        f"case{number:02d}",
        subject or f"subject{number:02d}",
        split,
        "real_subject",
        "two boxes",
        Grid((SIDE,) * 3, affine(steps)),
        tuple(annotated),
        tuple(modalities),
    )
    return PreparedCase(facts, {name: image + 1000 * (name == "mr") for name in modalities}, labels)


def write(folder, cases=None, **changes):
    """A set of 6 training cases, one for validation and two for the test."""
    if cases is None:
        splits = ["train"] * 6 + ["validation"] + ["test"] * 2
        cases = [case(number, split) for number, split in enumerate(splits)]
    write_volume_set(described(**changes), cases, folder)
    return folder
