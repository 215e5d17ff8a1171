r"""The column ``sdf``: a truncated distance field as a self-compressed cell of some 30 kB.

Version 1 of the format. A cell is the four bytes ``SDF`` and ``0x01``, then one zstd frame of exactly
524,288 bytes: the low bytes of 64 x 64 x 64 16-bit numbers (x slowest), then their high bytes. Each
number is zigzag-coded (0, -1, 1, -2 … are 0, 1, 2, 3 …) and is a difference along z of differences along x
of *levels*, which are integers from -411 to 410. Level k stands for ``(k + 0.5) / 2048`` units, i.e. steps
of 1/64 voxel, clipped to ±0.2: the two outermost levels are the truncated values. Without this package::

    def decode_sdf(cell):                                        # numpy and pyarrow alone
        assert cell[:4] == b"SDF\x01"
        low, high = np.frombuffer(pyarrow.decompress(cell[4:], 524288, codec="zstd"), "u1").reshape(2, 64, 64, 64)
        code = low | high.astype("u2") << 8
        step = (code >> 1).astype("i2") ^ -(code & 1).astype("i2")
        level = step.cumsum(axis=0, dtype="i2").cumsum(axis=2, dtype="i2")
        return np.clip((level + np.float32(0.5)) / np.float32(2048), -0.2, 0.2)

**Loss.** At most half a step, 1/128 voxel (0.00025 units); none for truncated values. The sign of every
voxel is exact: no level stands for 0, and a value of exactly 0 counts as outside, as it always does here.
All other levels are exact in float16, in which predictions are stored: whoever predicts the truth is scored as perfect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medshape_text.codec.geometry import CellError, binary
from medshape_text.frame import HALF_BOX_VOXELS, RESOLUTION, TRUNCATION

MAGIC = b"SDF\x01"
LEVELS = 410
"""Levels on either side of the surface, not counting the truncated one."""
STEP = 2.0**-11
"""Units between two levels."""
LOSS_VOXELS = STEP * HALF_BOX_VOXELS / 2
_GRID = (RESOLUTION,) * 3
_VOXELS = RESOLUTION**3
_LEVEL = 17
"""Of zstd. A tenth smaller than at 9, for 8 ms a shape; higher ones cost four times that for one part in a hundred."""


def encode_sdf(sdf: NDArray[np.floating[Any]]) -> bytes:
    """A cell of a (64, 64, 64) SDF in canonical units, index order (x, y, z), truncated at ±0.2.

    Deterministic for one version of zstd.

    Raises:
        ValueError: for another shape, values that are not finite or beyond the truncation.
    """
    import pyarrow as pa

    if sdf.shape != _GRID:
        raise ValueError(f"expected an SDF of shape {_GRID}, got {sdf.shape}")
    single = sdf.astype(np.float32)  # in which 0.2 is the truncation; in double precision it is less than that
    largest = np.abs(single).max()  # NaN if there is one
    if not largest <= np.float32(TRUNCATION):
        raise ValueError(f"an SDF is truncated at ±{TRUNCATION}, found {largest}")
    level = np.floor(sdf.astype(np.float64) / STEP).clip(-LEVELS, LEVELS - 1).astype(np.int16)
    level[single >= np.float32(TRUNCATION)] = LEVELS
    level[single <= -np.float32(TRUNCATION)] = -LEVELS - 1
    step = np.diff(np.diff(level, axis=0, prepend=np.int16(0)), axis=2, prepend=np.int16(0))
    code = ((step << 1) ^ (step >> 15)).astype("<u2")
    planes = code.reshape(-1, 1).view(np.uint8).T  # (2, 64**3): all low bytes, all high bytes
    return MAGIC + bytes(pa.Codec("zstd", compression_level=_LEVEL).compress(planes.tobytes(), asbytes=True))


def decode_sdf(row: Mapping[str, Any]) -> NDArray[np.float32]:
    """Mesh SDF of a row of ``sdf64``: (64, 64, 64) float32, index order (x, y, z), negative inside.

    Raises:
        CellError: if the cell is no SDF of a version this package reads, or damaged.
    """
    from medshape_text.codec.sdf_kernel import unpack  # numba: only those who decode wait for it

    distance = np.empty(_VOXELS, dtype=np.float32)
    if not unpack(_planes(row), distance):
        raise CellError('column "sdf" is damaged: it holds levels that do not exist')
    return distance.reshape(_GRID)


def decode_mask(row: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Occupancy of a row of ``sdf64``: (64, 64, 64) bool, True inside; ``decode_sdf(row) < 0``."""
    return np.asarray(decode_sdf(row) < 0)


def published_sdf(row: Mapping[str, Any]) -> NDArray[np.float32]:
    """Published-form SDF of a row of ``sdf64``, (64, 64, 64) float32: exactly ``sdf_from_mask(decode_mask(row))``."""
    from medshape_text.curate.sdf import sdf_from_mask  # scipy and libigl: slow to import for those who only load

    return sdf_from_mask(decode_mask(row))


def _planes(row: Mapping[str, Any]) -> NDArray[np.uint8]:
    import pyarrow as pa

    cell = binary(row, "sdf", 1)
    if cell[:3] != MAGIC[:3] or len(cell) < len(MAGIC):
        raise CellError(f'column "sdf" does not begin as one does, but with {cell[:4]!r}')
    if cell[3] != MAGIC[3]:
        raise CellError(f'column "sdf" is of version {cell[3]}, this package reads {MAGIC[3]}: install a newer one')
    try:
        # The size is ours, not the frame's: a frame of any other size is refused and nothing larger is allocated.
        planes = pa.decompress(memoryview(cell)[len(MAGIC) :], decompressed_size=2 * _VOXELS, codec="zstd")
    except (OSError, pa.ArrowException) as error:
        raise CellError(f'column "sdf" is damaged: {error}') from error
    return np.frombuffer(planes, dtype=np.uint8)
