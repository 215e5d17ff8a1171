"""Images of boxes and balls to try the segmentation controls on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.contract import Grid, Request, Space
from benchmark.data.volumes.distances import distances_of_labels
from benchmark.data.volumes.prepared import Modality, VolumeSet
from benchmark.tasks.segmentation.degradations import observe
from benchmark.tasks.segmentation.spaces import distance_space, image_space, label_space

SIDE = 32
AFFINE = ((2.0, 0.0, 0.0, 5.0), (0.0, 2.0, 0.0, -3.0), (0.0, 0.0, 2.0, 1.0), (0.0, 0.0, 0.0, 1.0))
GRID = Grid((SIDE,) * 3, AFFINE)


def described(structures=("box", "ball")):
    modalities = (Modality("ct", "HU", None), Modality("mr", "", None))
    return VolumeSet("made", "made", structures, modalities, GRID.shape, 2.0, "CC0-1.0")


def anatomy(shift=(0, 0, 0), scale=1.0):
    """Labels (32, 32, 32) of a box and a ball, moved and scaled about the middle."""
    points = (np.indices(GRID.shape).transpose(1, 2, 3, 0) - 15.5 - np.array(shift)) / scale
    labels = np.zeros(GRID.shape, np.uint8)
    labels[(np.abs(points - (-5, 0, 0)) < (3.2, 6.2, 5.2)).all(axis=-1)] = 1
    labels[np.linalg.norm(points - (5, 1, 2), axis=-1) < 5.3] = 2
    return labels


def picture(labels, levels=(0.0, 300.0, 700.0), seed=0, noise=5.0):
    """An image with one intensity for each label, and noise."""
    rng = np.random.default_rng(seed)
    return (np.array(levels)[labels] + rng.normal(0, noise, labels.shape)).astype(np.float32)


@dataclass
class ArrayImages:
    """A `SegmentationTrainingData` of arrays."""

    labels: list
    images: list
    mask: object = None
    modality_name: str = "ct"
    structures: tuple = ("box", "ball")
    revision: str = "r1"

    def __post_init__(self):
        self.described = described(self.structures)
        self.modality = self.described.modality(self.modality_name)
        self.ids = [f"case_{index}" for index in range(len(self))]
        self.subjects = list(self.ids)
        self.categories = ["made"] * len(self)
        self.origins = ["rendered"] * len(self)
        self.texts = [("boxes",)] * len(self)
        self.spaces = {
            "image": image_space(self.modality),
            "labels": label_space(self.described),
            "sdf": distance_space(self.described),
        }

    def __len__(self):
        return len(self.labels)

    def part(self, index, name):
        if name == "sdf":
            return distances_of_labels(self.labels[index], len(self.structures))
        return {"image": self.images, "labels": self.labels}[name][index].copy()

    def grid(self, index):
        return GRID

    def annotated(self, index):
        return np.ones(len(self.structures), bool) if self.mask is None else np.asarray(self.mask[index])


def request_for(image, degradation="whole", modality="ct", seed=3):
    space = Space("image", "float32", names=(modality,), unit="HU")
    observed = observe(degradation, image, space, 0)
    return Request("case", "made", "boxes", GRID, (observed,), {"labels": label_space(described())}, seed)


def dice(a, b, label):
    return 2 * ((a == label) & (b == label)).sum() / ((a == label).sum() + (b == label).sum())
