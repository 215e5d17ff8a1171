"""What every card says in the same words."""

from __future__ import annotations

from collections.abc import Sequence

ORIGINS = """\
`origin` says what a shape is: `real_subject` (one structure of one person), `template` (an average or model
person), `mirrored`, `synthetic_ssm` and `synthetic_warp` (drawn from shape models, training only). Splits are by
subject; `zero_shot` holds categories that nothing may be trained on."""

CAPTIONS = """\
Every caption says where it comes from (`provenance`), and so does each of its `parts`: `name` (the source's own name
of the structure), `meta` (a table about the subject that came with the source), `template` (a fixed phrase) or
`measured` (our ruler, on the mesh). Measured captions tell facts of the very geometry that a completion method has to
find: do not give them to a method as its prompt."""

FLAGS = """\
`flags` name what is odd about a shape that was kept, `repairs` what was done to its mesh."""

DECODING = """\
The columns are plain Parquet; numpy and pyarrow are enough. `row` is one row as a dict of Python values.

**`sdf`** (configuration `sdf64`): the signed distance field in the canonical frame. 64 x 64 x 64 voxels, x slowest;
the box is [-1, 1]³, so that one unit is 32 voxels; negative inside; truncated at ±0.2 units. A cell is `SDF`, a version
byte (1) and a zstd frame of 524,288 bytes: the low and the high bytes of zigzag-coded differences (along x, then z) of
levels of 1/64 voxel. Loss: at most 1/128 voxel, none in the truncated part, and the sign of every voxel is exact.
The occupancy is `sdf < 0`.

```python
import numpy as np
import pyarrow as pa

def decode_sdf(row):
    cell = row["sdf"]
    assert cell[:4] == b"SDF\\x01"
    low, high = np.frombuffer(pa.decompress(cell[4:], 524288, codec="zstd"), "u1").reshape(2, 64, 64, 64)
    code = low | high.astype("u2") << 8
    step = (code >> 1).astype("i2") ^ -(code & 1).astype("i2")
    level = step.cumsum(axis=0, dtype="i2").cumsum(axis=2, dtype="i2")
    return np.clip((level + np.float32(0.5)) / np.float32(2048), -0.2, 0.2)
```

**`points`, `normals`** (configuration `surface`): area-uniform samples of the surface, in canonical coordinates.
Loss: at most 0.0005 voxels in a coordinate, 0.4° in a normal.

```python
def decode_surface(row):
    points = np.frombuffer(row["points"], "<i2").reshape(-1, 3) / np.float32(32767)
    normals = np.frombuffer(row["normals"], "i1").reshape(-1, 3).astype(np.float32)
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)
```

**`mesh`** (configuration `mesh`): a struct of `bytes`, a binary PLY file in canonical coordinates, and `path`, its
name. `datasets` 5 and newer opens it with trimesh; older ones get the struct with
`load_dataset(..., features=Features({..., "mesh": {"bytes": Value("binary"), "path": Value("string")}}))`.

Back to the units of the source (`unit`; millimetres where it says `mm`): `canonical / scale + centre`."""


def loading(name: str, splits: Sequence[str]) -> str:
    """How to load it, with a split that it has."""
    split = "test" if "test" in splits else splits[0]
    return f"""\
There are four configurations with the same light columns: `shapes` (nothing else), `sdf64`, `surface` and `mesh`.

```python
from datasets import load_dataset

rows = load_dataset("ORG/NAME", "sdf64", split="{split}", streaming=True)  # or the folder instead of ORG/NAME

from medshape_text import decode_sdf  # from the package that made {name}; or see the end of this page

sdf = decode_sdf(next(iter(rows)))  # (64, 64, 64) float32, negative inside
```"""
