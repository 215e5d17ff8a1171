"""Shape completion: the whole shape from a few cutting planes, or from a damaged copy."""

from benchmark.tasks.base import Task

_PUBLISHED = "kanydao/GenMed dataset/_helpers.py (arXiv 2605.10645)"


def _task(prompt: str, description: str, source: str = _PUBLISHED) -> Task:
    return Task(
        name=prompt,
        family="shape-completion",
        prompt=prompt,
        profiles=("overlap", "genmed", "dense"),
        headline="dice",
        description=description,
        source=source,
    )


SHAPE_COMPLETION = (
    _task("oneplane", "complete a shape from its middle plane across the first axis (index 32 of 64)"),
    _task("triplane", "complete a shape from its three orthogonal middle planes (index 32 of 64)"),
    _task("multiplane", "complete a shape from eight parallel planes across the first axis (0, 8, ..., 56)"),
    _task("broken", "restore a shape with five random spheres of radius 1-5 voxels carved out or added"),
    _task("noisy", "clean a shape of five spurious spheres of radius 1-5 voxels", "declared here: additions only"),
)
