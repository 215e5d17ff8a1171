"""The five tasks of shape completion: the whole shape from a few cutting planes, or from a damaged copy."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.tasks.family import Task

NAME = "shape-completion"
SHAPE = "shape"
"""The part that is observed and asked for."""
_PUBLISHED = "kanydao/GenMed dataset/_helpers.py (arXiv 2605.10645)"


@dataclass(frozen=True)
class ShapeTask(Task):
    """A task with the ``prompt`` its shapes are observed through, and the metric ``profiles`` that are scored."""

    prompt: str = ""
    profiles: tuple[str, ...] = ("overlap", "genmed", "dense")


def _task(prompt: str, description: str, source: str = _PUBLISHED) -> ShapeTask:
    return ShapeTask(name=prompt, family=NAME, headline="dice", description=description, source=source, prompt=prompt)


TASKS = (
    _task("oneplane", "complete a shape from its middle plane across the first axis (index 32 of 64)"),
    _task("triplane", "complete a shape from its three orthogonal middle planes (index 32 of 64)"),
    _task("multiplane", "complete a shape from eight parallel planes across the first axis (0, 8, ..., 56)"),
    _task("broken", "restore a shape with five random spheres of radius 1-5 voxels carved out or added"),
    _task("noisy", "clean a shape of five spurious spheres of radius 1-5 voxels", "declared here: additions only"),
)
