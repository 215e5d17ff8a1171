"""Geometry to bytes and back: the binary columns of the data set, each with its decoder.

All arrays are little-endian and C-ordered. Decoders take a row (a mapping of column names to values)
as the plain or the Arrow format of ``datasets`` gives it; every format can be read with numpy and
pyarrow alone, as its module says.
"""

from medshape_text.codec.geometry import (
    CellError,
    decode_mesh,
    decode_surface,
    encode_normals,
    encode_ply,
    encode_points,
)
from medshape_text.codec.sdf import decode_mask, decode_sdf, encode_sdf, published_sdf

__all__ = [
    "CellError",
    "decode_mask",
    "decode_mesh",
    "decode_sdf",
    "decode_surface",
    "encode_normals",
    "encode_ply",
    "encode_points",
    "encode_sdf",
    "published_sdf",
]
