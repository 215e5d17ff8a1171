"""The tasks of segmentation. Images are degraded, labels never are."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.tasks.family import Task

NAME = "segmentation"
IMAGE, LABELS, SDF = "image", "labels", "sdf"
"""Parts: what is observed, what is asked for, and the distances of each structure that methods may learn from."""
_PAPER = "arXiv 2605.10645; what the paper leaves open is declared here"


@dataclass(frozen=True)
class SegmentationTask(Task):
    """A task on any set of images with labels.

    Attributes:
        observed: through which of `benchmark.tasks.segmentation.degradations.DEGRADATIONS` images are seen.
        modality: of the images that are segmented; empty is the first of the data set.
        trained_on: modality of the training images; empty is the first of the data set.
        shots: how many training cases there are; 0 is all of them. Which ones depends on the seed of the run.
    """

    observed: str = "whole"
    modality: str = ""
    trained_on: str = ""
    shots: int = 0


def _task(
    name: str, description: str, observed: str = "whole", modality: str = "", trained_on: str = "", shots: int = 0
) -> SegmentationTask:
    return SegmentationTask(name, NAME, "dice", description, _PAPER, 1, observed, modality, trained_on, shots)


TASKS = (
    _task("seg", "segment the structures in a whole image"),
    _task("seg-2shot", "segment after learning from two images (which two: by the seed of the run)", shots=2),
    _task("seg-4shot", "segment after learning from four images (which four: by the seed of the run)", shots=4),
    _task("seg-ct-to-mr", "segment MR after learning from CT alone", modality="mr", trained_on="ct"),
    *(
        _task(f"seg-lowres-x{n}", f"segment from means of cubes of {n} voxels a side", f"lowres-x{n}")
        for n in (2, 4, 8)
    ),
    *(
        _task(f"seg-missing-{n}", f"segment without the middle {n} % of the axial slices", f"missing-{n}")
        for n in (25, 50)
    ),
    *(_task(f"seg-slices-{n}", f"segment from {n} axial slices at equal distances", f"slices-{n}") for n in (4, 8, 16)),
    _task("seg-noisy", "segment an image under strong Gaussian noise", "noisy"),
)
